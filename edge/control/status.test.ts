import { describe, expect, test } from 'vitest';
import { connectorStateSchema } from '#shared/wire/messages.ts';
import { viewOf } from './status.ts';
import { charging, facts, plugged, Rig, START_WALL_MS, startCommand, stopCommand } from './testing.ts';

const view = (rig: Rig) => {
  const seen = viewOf(rig.state, facts);
  expect(connectorStateSchema.safeParse(seen).error).toBeUndefined();
  return seen;
};

describe('OP-11 the status of a connector follows its pile and its charge', () => {
  test('before anything is known it is offline, and nothing is told that is not known', () => {
    expect(view(new Rig())).toMatchObject({ status: 'offline', plugged: null, currentMa: null, energyWh: null });
  });

  test.each([
    ['nothing is plugged in', { ...plugged, status: 'unplugged' as const }, 'available', false, []],
    ['a vehicle is plugged in', plugged, 'plugged', true, []],
    ['the pile reports a fault', { ...plugged, status: 'fault' as const }, 'faulted', null, ['pile-fault']],
    ['nobody knows its state', { ...plugged, status: 'unknown' as const }, 'faulted', null, ['unknown-state']],
  ])('%s', (_, reading, status, isPlugged, faults) => {
    const rig = new Rig();
    rig.see(reading);
    expect(view(rig)).toMatchObject({ status, plugged: isPlugged, faults, sessionId: null });
  });

  test('a latched fault shows until it is reset', () => {
    const rig = new Rig({ latched: ['over-current'] });
    rig.see(plugged);
    expect(view(rig)).toMatchObject({ status: 'faulted', faults: ['over-current'] });
    rig.send({ kind: 'reset' });
    expect(view(rig)).toMatchObject({ status: 'plugged', faults: [] });
  });

  test('a charge goes through starting, charging and stopping, with its energy', () => {
    const rig = new Rig();
    rig.command(startCommand());
    rig.pass(10).see(plugged);
    expect(view(rig).status).toBe('starting');
    rig.send({ kind: 'durable', sessionId: rig.session.sessionId });
    rig.pass(10).see({ ...charging, registerWh: 50_002 });
    expect(view(rig)).toMatchObject({
      status: 'charging',
      sessionId: rig.session.sessionId,
      energyWh: 2,
      currentMa: 15_900,
      powerW: 10_970,
      temperatureC: 30,
    });
    rig.command(stopCommand(rig.session.sessionId));
    expect(view(rig).status).toBe('stopping');
    rig.proveOff();
    expect(view(rig).status).toBe('stopping');
  });

  test.each([
    ['the pile tells it', 63, 63],
    ['the pile does not tell it', null, undefined],
    ['the pile tells what no battery can have', 255, undefined],
  ])('OP-18 the state of charge is told while a charge runs: %s', (_, socPercent, told) => {
    const rig = new Rig();
    rig.see({ ...plugged, socPercent });
    expect(view(rig)).not.toHaveProperty('socPercent');
    rig.toCharging().see({ ...charging, socPercent });
    expect(view(rig).socPercent).toBe(told);
  });

  test('a charge that is adopted is told as starting until the pile has been read', () => {
    const rig = new Rig({ session: new Rig().toCharging().session });
    expect(view(rig).status).toBe('offline');
    rig.see(charging);
    expect(view(rig).status).toBe('charging');
  });

  test('a poll that failed makes it offline, with the time of the last good look', () => {
    const rig = new Rig();
    rig.see(plugged);
    rig.pass(60_000).lose();
    expect(view(rig)).toMatchObject({ status: 'offline', observedAtMs: START_WALL_MS, plugged: null, currentMa: null });
  });
});
