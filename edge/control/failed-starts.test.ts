import { describe, expect, test } from 'vitest';
import { charging, describeOrders, plugged, Rig, startCommand, stopCommand, uuid } from './testing.ts';

/** A start that the pile does not follow, rolled back to the end. */
function failOnce(rig: Rig, attempt: number, wallMs = rig.wallMs): void {
  const command = startCommand({ commandId: uuid(500 + attempt), expiresAtMs: wallMs + 60_000, issuedAtMs: wallMs });
  rig.toStarting(command);
  for (let second = 0; second < 60 && rig.phase === 'starting'; second += 1) rig.pass(1000).see(plugged);
  rig.proveOff();
  rig.send({ kind: 'durable', sessionId: rig.session.sessionId });
  rig.pass(1000).see({ ...plugged, status: 'unplugged' });
}

describe('ED-20 a failed start', () => {
  test('is written three times, 15 s apart, and rolled back when its time is up', () => {
    const rig = new Rig();
    rig.toStarting();
    const told: string[] = [];
    for (let second = 1; second <= 60 && rig.phase === 'starting'; second += 1) {
      const orders = describeOrders(rig.pass(1000).see(plugged));
      if (orders !== '') told.push(`${second} s: ${orders}`);
    }
    expect(told).toEqual([
      '15 s: start 16000 mA',
      '30 s: start 16000 mA',
      '60 s: softStop; commit(open, failed pile.no_confirmation); commit(service, 1 failed starts)',
    ]);
  });

  test('three in a row take the pile out of service, and say so once', () => {
    const rig = new Rig();
    for (const attempt of [1, 2, 3]) failOnce(rig, attempt);
    expect(rig.state.latched).toEqual(['starts-fail']);
    expect(rig.recordsOf('alarm.raised')).toMatchObject([{ code: 'starts-fail', severity: 'critical' }]);
    const next = startCommand({ commandId: uuid(600), expiresAtMs: rig.wallMs + 60_000 });
    expect(describeOrders(rig.command(next))).toBe('commit(failed connector.faulted)');
  });

  test('the count is on disk: a restart of the controller forgives nothing', () => {
    const rig = new Rig();
    for (const attempt of [1, 2]) failOnce(rig, attempt);
    const stored = rig.orders.findLast((order) => order.kind === 'commit' && order.transaction.service !== undefined);
    if (stored?.kind !== 'commit' || stored.transaction.service === undefined) throw new Error('nothing is stored');
    const next = new Rig({ service: stored.transaction.service.service });
    failOnce(next, 3);
    expect(next.state.latched).toEqual(['starts-fail']);
  });

  test('a charge in between begins the count anew', () => {
    const rig = new Rig();
    for (const attempt of [1, 2]) failOnce(rig, attempt);
    rig.toStarting(startCommand({ commandId: uuid(601), expiresAtMs: rig.wallMs + 60_000 }));
    expect(describeOrders(rig.pass(1000).see(charging))).toBe(
      'commit(open, session.started, done); commit(service, 0 failed starts)',
    );
  });

  test('of one vehicle that does not want to charge counts once, however often it is tried', () => {
    const rig = new Rig();
    for (const attempt of [1, 2, 3, 4]) {
      rig.toStarting(startCommand({ commandId: uuid(700 + attempt), expiresAtMs: rig.wallMs + 60_000 }));
      for (let second = 0; second < 60 && rig.phase === 'starting'; second += 1) rig.pass(1000).see(plugged);
      rig.proveOff();
      rig.send({ kind: 'durable', sessionId: rig.session.sessionId });
    }
    expect(rig.state).toMatchObject({ latched: [], service: { failedStarts: 1 } });
  });

  test('a technician who resets begins the count anew', () => {
    const rig = new Rig();
    for (const attempt of [1, 2, 3]) failOnce(rig, attempt);
    rig.see(plugged);
    rig.send({ kind: 'reset' });
    expect(rig.state).toMatchObject({ latched: [], service: { failedStarts: 0 } });
  });

  test.each([
    ['the gun is pulled', (rig: Rig) => [0, 1000].map((ms) => rig.pass(ms).see({ ...plugged, status: 'unplugged' }))],
    ['the mains are not in order', (rig: Rig) => rig.see({ ...plugged, fault: 'voltage-fault' })],
    ['the vehicle has a fault', (rig: Rig) => rig.see({ ...plugged, fault: 'vehicle-fault' })],
    ['it is stopped', (rig: Rig) => rig.command(stopCommand(rig.session.sessionId))],
    ['it is cancelled', (rig: Rig) => rig.send({ kind: 'cancel', commandId: uuid(1) })],
  ])('is not held against the pile when %s', (_, end) => {
    const rig = new Rig();
    rig.toStarting();
    end(rig.pass(1000));
    expect(rig.phase).toBe('stopping');
    expect(rig.state.service.failedStarts).toBe(0);
  });
});
