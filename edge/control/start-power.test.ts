import { describe, expect, test } from 'vitest';
import { noInfluence } from './influence.ts';
import { charging, describeOrders, plugged, Rig, startCommand } from './testing.ts';

const granted = (rig: Rig, grantMa: number) => rig.send({ kind: 'influenced', influence: { ...noInfluence, grantMa } });

/** A start that has been looked at, where the supply is shared and nothing has been granted yet. */
function waiting(): Rig {
  const rig = new Rig();
  granted(rig, 0);
  rig.command(startCommand());
  rig.pass(100).see(plugged);
  return rig;
}

describe('ED-14 a start waits for its share of the supply', () => {
  test('and goes on with it at the next look, which is at once', () => {
    const rig = waiting();
    expect(rig.phase).toBe('checking');
    expect(describeOrders(granted(rig, 9000))).toBe('poll-now');
    rig.pass(300).see(plugged);
    expect(rig.phase).toBe('preparing');
    rig.send({ kind: 'durable', sessionId: rig.session.sessionId });
    expect(rig.offering).toEqual(expect.objectContaining({ write: 'start', limitMa: 9000 }));
  });

  test('for 20 s, and is refused with a code of its own; a look that fails in between ends nothing', () => {
    const rig = waiting();
    for (let second = 1; second < 19; second += 1) {
      rig.pass(1000);
      if (second % 2 === 0) rig.lose();
      else rig.see(plugged);
    }
    expect(rig.phase).toBe('checking');
    rig.pass(1900).see(plugged);
    expect(rig.phase).toBe('idle');
    expect(rig.recordsOf('command.reported')).toMatchObject([{ status: 'failed', code: 'site.no_power' }]);
    expect(rig.writes).toEqual([]);
  });

  test('a share that is gone when the session is on disk is not used', () => {
    const rig = waiting();
    granted(rig, 9000);
    rig.pass(300).see(plugged);
    granted(rig, 0);
    rig.send({ kind: 'durable', sessionId: rig.session.sessionId });
    expect(rig.writes).not.toContain('start');
    expect(rig.recordsOf('command.reported')).toMatchObject([{ status: 'failed', code: 'site.no_power' }]);
  });

  test('a share that is gone before the pile has begun undoes the start, with the same code', () => {
    const rig = waiting();
    granted(rig, 9000);
    rig.pass(300).see(plugged);
    rig.send({ kind: 'durable', sessionId: rig.session.sessionId });
    granted(rig, 0);
    rig.pass(1000).see(plugged);
    expect(rig.phase).toBe('stopping');
    expect(rig.recordsOf('command.reported')).toMatchObject([{ status: 'failed', code: 'site.no_power' }]);
  });
});

test('ED-14 a charge without a share pauses, and one of a pile that cannot pause ends by the supply', () => {
  const can = new Rig().toCharging().acknowledge();
  granted(can, 0);
  expect([can.phase, can.offering.limitMa]).toEqual(['charging', 0]);
  const cannot = new Rig({ facts: { canPause: false } }).toCharging().acknowledge();
  cannot.pass(1000).see(charging);
  granted(cannot, 0);
  expect([cannot.phase, cannot.session.stop?.fault, cannot.session.stop?.reason]).toEqual([
    'stopping',
    'site-power',
    'site',
  ]);
});
