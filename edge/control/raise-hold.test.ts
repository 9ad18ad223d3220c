import { expect, test } from 'vitest';
import type { RaiseHoldCommand } from '#shared/wire/messages.ts';
import { onDisk, plugged, Rig, raiseHold, startCommand, stopCommand, uuid } from './testing.ts';

const raise = (rig: Rig, change: Partial<RaiseHoldCommand> = {}) => raiseHold(rig.session.sessionId, change);

/** A charge for which 4 minor units are held: 40 Wh, and 3 of them flow every second. */
const held = () => new Rig().toCharging(startCommand({ holdMinor: 4 })).acknowledge();
const outcomes = (rig: Rig) => rig.recordsOf('command.reported').filter(({ commandId }) => commandId === uuid(60));

test('CH-02 a hold that is raised in time lets the charge go on, and is on disk with the word that it is', () => {
  const rig = held();
  rig.command(raise(rig));
  expect(outcomes(rig)).toMatchObject([{ status: 'done', sessionId: rig.session.sessionId }]);
  expect(onDisk(rig).holdMinor).toBe(500);
  rig.charge(60);
  expect(rig.phase).toBe('charging');
});

test('CH-02 without that it ends at what is held', () => {
  const rig = held().charge(60);
  expect(rig.phase).toBe('stopping');
});

test('CH-02 SY-01 a smaller hold that comes late takes nothing away', () => {
  const rig = held();
  rig.command(raise(rig));
  rig.command(raise(rig, { commandId: uuid(61), holdMinor: 5 }));
  expect(rig.session.holdMinor).toBe(500);
  expect(rig.recordsOf('command.reported').at(-1)).toMatchObject({ commandId: uuid(61), status: 'done' });
});

test('CH-02 what is raised while it is being stopped counts for what may be charged', () => {
  const rig = held().charge(60);
  rig.command(raise(rig));
  rig.proveOff();
  expect(rig.cdr).toMatchObject({ holdMinor: 500, stopReason: 'hold-used-up' });
});

test('SY-04 CH-02 one for another charge changes nothing, and says so', () => {
  const rig = held();
  rig.command(raise(rig, { sessionId: uuid(77) }));
  expect(outcomes(rig)).toMatchObject([{ status: 'failed', code: 'session.unknown' }]);
  expect(rig.session.holdMinor).toBe(4);
});

test('CH-02 a charge that nothing limits gets no limit by it', () => {
  const rig = new Rig().toCharging().acknowledge();
  rig.command(raise(rig));
  expect(outcomes(rig)).toMatchObject([{ status: 'failed', code: 'hold.none' }]);
  expect(rig.session.holdMinor).toBeNull();
});

test('CH-02 after its record has been written it comes too late', () => {
  const rig = held();
  const late = raise(rig);
  rig.command(stopCommand(rig.session.sessionId));
  rig.proveOff();
  expect(rig.phase).toBe('closing');
  rig.command(late);
  expect(outcomes(rig)).toMatchObject([{ status: 'failed', code: 'session.unknown' }]);
});

test('CH-02 at a connector without a charge there is nothing to raise', () => {
  const rig = held();
  const late = raise(rig);
  const idle = new Rig();
  idle.see(plugged);
  idle.command(late);
  expect(outcomes(idle)).toMatchObject([{ status: 'failed', code: 'session.unknown' }]);
});
