import { expect, test } from 'vitest';
import { cdrSchema } from '#shared/wire/cdr.ts';
import { closeUnseen } from './close-unseen.ts';
import { onDisk, Rig, START_WALL_MS, stopCommand, uuid } from './testing.ts';

const close = (rig: Rig, isRestored = false) =>
  closeUnseen(onDisk(rig), {
    siteId: 'site-1',
    newId: () => uuid(800),
    now: { wallMs: START_WALL_MS + 3_600_000, monoMs: 5000, bootId: uuid(901), clock: 'trusted' },
    isRestored,
  });

test('ED-09 ED-22 a charge whose connector is gone ends with what was read last, and says so', () => {
  const rig = new Rig().toCharging().acknowledge();
  rig.charge(90);
  const { session, records } = close(rig);
  expect(session?.open).toBe(false);
  const [ended, ...others] = records;
  if (ended?.kind !== 'session.ended') throw new Error('no record of the charge');
  expect(others).toEqual([]);
  expect(cdrSchema.parse(ended.cdr)).toMatchObject({
    stopReason: 'controller-outage',
    voidReason: null,
    energyWh: onDisk(rig).lastReading.registerWh - 50_000,
    marks: ['end-estimated', 'stop-not-proven'],
  });
});

test('SY-03.b one out of a backup says that too', () => {
  const [ended] = close(new Rig().toCharging().acknowledge(), true).records;
  expect(ended).toMatchObject({ cdr: { marks: ['end-estimated', 'stop-not-proven', 'recovered'] } });
});

test('OP-15 a start that was never confirmed fails, and is billed to nobody', () => {
  const { records } = close(new Rig().toStarting());
  expect(records).toMatchObject([
    { kind: 'session.ended', cdr: { voidReason: 'not-confirmed' } },
    { kind: 'command.reported', status: 'failed', code: 'pile.no_confirmation' },
  ]);
});

test('SY-04 a stop that waits for its answer gets it, and keeps its reason', () => {
  const rig = new Rig().toCharging().acknowledge();
  rig.command(stopCommand(rig.session.sessionId));
  expect(close(rig).records).toMatchObject([
    { kind: 'session.ended', cdr: { stopReason: 'partner' } },
    { kind: 'command.reported', status: 'done', commandId: uuid(10) },
  ]);
});
