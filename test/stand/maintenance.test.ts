import { randomUUID } from 'node:crypto';
import { expect, onTestFinished, test } from 'vitest';
import type { MaintenanceAction } from '#shared/wire/messages.ts';
import type { StationDocument } from './simulated-station.ts';
import { connectorOf } from './small-site.ts';
import { Stand, until } from './stand.ts';

/** Goal: maintenance from afar and on site does what it says on a real line, and nothing else. */

const car = { rampAPerS: 1000, reactionMs: 100, stopMs: 100, startMs: 100, soc: 0.2 } as const;
const tcp = (lineId: string) => ({ lineId, transport: 'tcp' as const, host: '127.0.0.1', port: 0, turnaroundMs: 3 });
const station: StationDocument = {
  stationId: 'maintained',
  seed: 5,
  lines: [tcp('tcp1'), tcp('tcp2')],
  piles: [
    {
      pileId: 'S1',
      model: 'schneider-evlink-pro-ac',
      lineId: 'tcp1',
      unit: 255,
      initialRegisterWh: 5000,
      vehicle: car,
    },
    { pileId: 'K1', model: 'keba-p30', lineId: 'tcp2', unit: 255, initialRegisterWh: 9000, vehicle: car },
  ],
};

function maintain(stand: Stand, pileId: string, action: MaintenanceAction, stopRunning = false): string {
  const commandId = randomUUID();
  const issuedAtMs = Date.now();
  const head = { v: 1, kind: 'maintain', commandId, requestId: `ticket-${commandId}` } as const;
  const until = { issuedAtMs, expiresAtMs: issuedAtMs + 60_000, ttlMs: 60_000 };
  stand.cloud.send({ ...head, ...until, connectorId: connectorOf(pileId), action, stopRunning, by: 'Li Na' });
  return commandId;
}

const written = (stand: Stand) =>
  stand.edge.log.filter((line) => line.msg === 'pile is written').map((line) => `${line.pileId} ${line.write}`);

test('ED-19 out of service from afar holds over a kill, ends a charge when asked to, and is taken back', {
  timeout: 150_000,
}, async () => {
  const stand = await Stand.open({ station });
  onTestFinished(() => stand.close());
  await stand.plug('K1');
  expect(await stand.outcome(maintain(stand, 'K1', 'disable'))).toMatchObject({ status: 'done', sessionId: null });
  await stand.status('K1', 'unavailable');
  await stand.edge.kill('SIGKILL');
  await stand.restart();
  await stand.status('K1', 'unavailable');
  expect(await stand.outcome(stand.start('K1'))).toMatchObject({ status: 'failed', code: 'connector.disabled' });
  expect(await stand.outcome(maintain(stand, 'K1', 'enable'))).toMatchObject({ status: 'done' });
  await stand.status('K1', 'plugged');
  stand.start('K1');
  await stand.status('K1', 'charging');
  expect(await stand.outcome(maintain(stand, 'K1', 'disable', true))).toMatchObject({ status: 'done' });
  expect(await stand.cdr('K1')).toMatchObject({ stopReason: 'staff', faultCode: null });
  await until('no current flows', 10_000, async () => Math.max(...(await stand.station.pile('K1')).currentA) < 1);
  await stand.status('K1', 'unavailable');
  expect(stand.cloud.complaints).toEqual([]);
});

test('ED-19 a pile is rebooted when it is off, set up anew, and charges again; one that charges, or cannot, is left alone', {
  timeout: 150_000,
}, async () => {
  const stand = await Stand.open({ station });
  onTestFinished(() => stand.close());
  await stand.plug('S1');
  expect(await stand.outcome(maintain(stand, 'K1', 'reboot'))).toMatchObject({ code: 'pile.unsupported' });
  stand.start('S1');
  await stand.status('S1', 'charging');
  expect(await stand.outcome(maintain(stand, 'S1', 'reboot'))).toMatchObject({ code: 'connector.occupied' });
  stand.stop('S1');
  await stand.cdr('S1');
  await stand.status('S1', 'plugged');
  expect(written(stand)).not.toContain('S1 reboot');
  expect(await stand.outcome(maintain(stand, 'S1', 'reboot'))).toMatchObject({ status: 'done', code: null });
  expect(written(stand)).toContain('S1 reboot');
  const isSetUpAgain = () =>
    stand.edge.log.filter((line) => line.msg === 'pile is set up' && line.pileId === 'S1').length === 2;
  await until('it is set up anew', 30_000, isSetUpAgain);
  await stand.station.vehicle('S1', { plugged: false });
  await stand.status('S1', 'available');
  await stand.plug('S1');
  stand.start('S1');
  await stand.status('S1', 'charging');
});

test('ED-19 a technician releases a plug on site, and it is on the log who', { timeout: 90_000 }, async () => {
  const stand = await Stand.open({ station });
  onTestFinished(() => stand.close());
  await stand.plug('K1');
  expect(await stand.pilectl('unlock', connectorOf('K1'))).toMatchObject({ exitCode: 0, stdout: 'done\n' });
  expect(written(stand)).toEqual(['K1 unlock']);
  const audit = stand.edge.log.find((line) => line.msg === 'technician does maintenance');
  expect(audit).toMatchObject({ connectorId: connectorOf('K1'), action: 'unlock', refused: null });
  expect(audit?.by).toMatch(/^local:./);
  expect(await stand.pilectl('reboot', connectorOf('K1'))).toMatchObject({
    exitCode: 1,
    stderr: 'not done: this model has no register for "reboot"\n',
  });
});
