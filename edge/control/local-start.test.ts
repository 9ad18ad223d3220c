import { describe, expect, test } from 'vitest';
import { closeUnseen } from './close-unseen.ts';
import {
  cardholder,
  charging,
  localWish,
  onDisk,
  plugged,
  Rig,
  restartFromDisk,
  START_WALL_MS,
  tariff,
  uuid,
} from './testing.ts';

const begun = (change = {}): Rig => {
  const rig = new Rig();
  rig.send({ kind: 'begin', wish: localWish(change), withinMs: 60_000 });
  return rig;
};

function charged(rig = begun()): Rig {
  rig.pass(100).see(plugged);
  rig.send({ kind: 'durable', sessionId: rig.session.sessionId });
  rig.pass(200).send({ kind: 'written', write: 'start', limitMa: 16_000 });
  rig.pass(800).see(charging);
  return rig;
}

const answers = ({ orders }: Rig) => orders.flatMap((order) => (order.kind === 'answer' ? [order] : []));

test('ED-10 a charge begun on site needs no word of the cloud, and goes on after the time an order would have', () => {
  const rig = charged().charge(120);
  expect(rig.phase).toBe('charging');
  expect(answers(rig)).toEqual([{ kind: 'answer', requestId: 'LOCAL-1', refusal: null }]);
  expect(rig.recordsOf('command.reported')).toEqual([]);
  expect(rig.recordsOf('session.started')).toMatchObject([
    { orderId: null, commandId: null, startedBy: cardholder, tariff: { tariffId: 'T1', version: 1 } },
  ]);
});

test('OP-17 whoever may ends it before the pile, and the record says who began it and who ended it', () => {
  const rig = charged().charge(10);
  rig.send({ kind: 'end', requestId: 'LOCAL-1', by: cardholder });
  rig.proveOff(50_030);
  expect(rig.cdr).toMatchObject({
    orderId: null,
    commandId: null,
    startedBy: cardholder,
    stopReason: 'driver',
    voidReason: null,
    energyWh: 30,
  });
});

test.each([
  ['an unplugged gun', (rig: Rig) => rig.see({ ...plugged, status: 'unplugged' }), 'connector.not_plugged'],
  ['a fault', (rig: Rig) => rig.see({ ...plugged, status: 'fault' }), 'connector.faulted'],
  [
    'a word of his own',
    (rig: Rig) => rig.send({ kind: 'end', requestId: 'LOCAL-1', by: cardholder }),
    'command.cancelled',
  ],
])('ED-10 a start on site that ends by %s is told to whoever asked, and to nobody else', (_, happens, code) => {
  const rig = begun();
  happens(rig);
  expect(rig.phase).toBe('idle');
  expect(answers(rig)).toMatchObject([{ requestId: 'LOCAL-1', refusal: { code } }]);
  expect(rig.records).toEqual([]);
});

test('ED-10 ED-20 a start on site that the pile does not follow is undone and billed to nobody', () => {
  const rig = begun().pass(100);
  rig.see(plugged);
  rig.send({ kind: 'durable', sessionId: rig.session.sessionId });
  for (let i = 0; i < 61; i += 1) rig.pass(1000).see(plugged);
  rig.proveOff();
  expect(answers(rig)).toMatchObject([{ refusal: { code: 'pile.no_confirmation' } }]);
  expect(rig.cdr).toMatchObject({ voidReason: 'not-confirmed', startedBy: cardholder });
});

test('ED-10 a store that takes nothing refuses it', () => {
  const rig = begun().pass(100);
  rig.see(plugged);
  rig.send({ kind: 'store-failed', sessionId: rig.session.sessionId });
  expect(answers(rig)).toMatchObject([{ refusal: { code: 'store.unavailable' } }]);
  expect(rig.phase).toBe('idle');
});

test('ED-10 without a tariff the record goes out unrated, with its evidence', () => {
  const rig = charged(begun({ tariff: null })).charge(10);
  rig.send({ kind: 'end', requestId: 'LOCAL-1', by: { kind: 'technician', reference: 'T1' } });
  rig.proveOff(50_030);
  expect(rig.cdr).toMatchObject({ tariff: null, rating: null, energyWh: 30, stopReason: 'technician' });
  expect(rig.cdr.readings.length).toBeGreaterThanOrEqual(2);
});

test('ED-09 ED-10 after a restart it goes on, and nobody waits for the cloud', () => {
  const rig = restartFromDisk(charged(), 5000).pass(1000);
  rig.see(charging);
  rig.charge(120);
  expect(rig.phase).toBe('charging');
  expect(rig.session).toMatchObject({ startedBy: cardholder, orderId: null });
});

test('ED-10 one that nobody can be asked about ends without an answer to a command that never was', () => {
  const rig = begun().pass(100);
  rig.see(plugged);
  const facts = { siteId: 'S1', newId: () => uuid(7), now: rig.now, isRestored: false };
  const { records } = closeUnseen(onDisk(rig), facts);
  expect(records.map(({ kind }) => kind)).toEqual(['session.ended']);
  expect(rig.wallMs).toBeGreaterThan(START_WALL_MS);
});

test.each([
  ['limit', { limits: { amountMinor: 499 } }],
  ['hold', { holdMinor: 499 }],
])('CH-02 ED-10 a %s below the least that the charge costs is refused before anything flows', (_, terms) => {
  const rig = begun({ tariff: { ...tariff, minimumMinor: 500 }, ...terms });
  expect(answers(rig)).toMatchObject([{ refusal: { code: 'amount.below_minimum' } }]);
  expect(rig.phase).toBe('idle');
});

describe('ED-12 a charge begun without a clock outlives a short power cut, after which the time is known', () => {
  const cut = (days: number, registerWh: number): Rig => {
    const rig = new Rig();
    rig.clock = 'none';
    rig.send({ kind: 'begin', wish: localWish(), withinMs: 60_000 });
    charged(rig).charge(30).pass(30_000);
    const wallMs = rig.wallMs + days * 86_400_000;
    const next = new Rig({ session: onDisk(rig), wallMs, monoMs: 5000, bootId: uuid(901) });
    next.see({ ...charging, registerWh });
    for (let i = 1; i <= 30; i += 1) next.pass(1000).see({ ...charging, registerWh: registerWh + 3 * i });
    return next;
  };

  test.each([5, 40])('%i days later by the clock: it goes on, and is rated', (days) => {
    const rig = cut(days, 50_180);
    expect(rig.phase).toBe('charging');
    rig.send({ kind: 'end', requestId: 'LOCAL-1', by: cardholder });
    rig.proveOff(50_270);
    expect(rig.cdr).toMatchObject({ stopReason: 'driver', energyWh: 270 });
    expect(rig.cdr.marks).toEqual(expect.arrayContaining(['clock-untrusted', 'adopted']));
    expect(rig.cdr.durationMs).toBeLessThan(120_000);
    expect(rig.cdr.rating?.energyWh).toBe(270);
  });

  test.each([5, 40])(
    '%i days later by the clock: a register that shows a thousand kilowatt-hours more is not believed',
    (days) => {
      const rig = cut(days, 1_050_000);
      rig.send({ kind: 'end', requestId: 'LOCAL-1', by: cardholder });
      rig.proveOff(1_050_090);
      expect(rig.cdr.energyWh).toBeLessThan(1000);
    },
  );
});
