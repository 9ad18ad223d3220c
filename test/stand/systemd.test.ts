import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { INSPECTED, Inspector, inspectorUrlIn } from './inspector.ts';
import { NotifyReceiver } from './notify-receiver.ts';
import type { StationDocument } from './simulated-station.ts';
import { pass, Stand, until } from './stand.ts';

/**
 * Goal: systemd's watchdog is fed while both threads of the edge turn, and by nothing else.
 * Method: the real process, a real datagram socket in systemd's place, and a busy loop on one thread after the other.
 */

const station: StationDocument = {
  stationId: 'one-box',
  seed: 7,
  lines: [{ lineId: 'tcp1', transport: 'tcp', host: '127.0.0.1', port: 0, turnaroundMs: 3 }],
  piles: [{ pileId: 'B1', model: 'keba-p30', lineId: 'tcp1', unit: 255, initialRegisterWh: 1000, vehicle: {} }],
};

const WATCHDOG_MS = 4000;
const FEED_EVERY_MS = WATCHDOG_MS / 2;
/** 20 s, three polls of 1 s, and four times the slowest reply of 2 s. */
const LOOP_BOUND_MS = 31_000;
/** A loaded machine is late. */
const LATE_MS = 4000;

const isPossible = NotifyReceiver.isPossible();
if (!isPossible) console.warn('LEFT OUT: the watchdog of systemd. It needs python3 and systemd-notify.');

test.runIf(isPossible)(
  'ED-18 systemd is told of the start and the end, and fed while both threads turn',
  {
    timeout: 180_000,
  },
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'pilegate-notify-'));
    const socket = join(folder, 'notify.sock');
    const systemd = await NotifyReceiver.listen(socket);
    onTestFinished(async () => {
      await systemd.close();
      rmSync(folder, { recursive: true, force: true });
    });
    const env = { ...INSPECTED, NOTIFY_SOCKET: socket, WATCHDOG_USEC: String(1000 * WATCHDOG_MS) };
    const stand = await Stand.open({ station, env });
    onTestFinished(() => stand.close());
    const feeds = () => systemd.times('WATCHDOG=1');
    const nextFeed = async (withinMs: number) => {
      const count = feeds().length;
      await until('a feed', withinMs, () => feeds().length > count);
    };

    for (let i = 0; i < 3; i += 1) await nextFeed(FEED_EVERY_MS + LATE_MS);
    expect(systemd.told[0]?.lines).toContain('READY=1');
    expect(systemd.told.at(-1)?.lines.at(-1)).toMatch(
      /^STATUS=1 connectors, 0 in a charge; cloud \w+, \d+ records waiting$/,
    );
    const times = feeds();
    for (const [i, atMs] of times.slice(1).entries())
      expect(atMs - (times[i] ?? 0)).toBeGreaterThan(FEED_EVERY_MS - 1000);

    const url = inspectorUrlIn(readFileSync(join(stand.folder, 'edge.log'), 'utf8'));
    if (url === null) throw new Error('the edge has no debugger');
    const inspector = await Inspector.open(url);

    // The field thread alone: the ledger thread sees that the loop has not turned within its bound, and says so.
    const hungMs = performance.now();
    await inspector.hangMainThread(LOOP_BOUND_MS + 12_000);
    const isToldLate = () =>
      systemd.told.some(({ lines }) => lines.some((line) => /^STATUS=not fed: B1-1 has/.test(line)));
    await until('the ledger thread says which loop', LOOP_BOUND_MS + LATE_MS, isToldLate);
    expect((feeds().at(-1) ?? 0) - hungMs).toBeLessThan(LOOP_BOUND_MS + LATE_MS);
    const fed = feeds().length;
    await pass(FEED_EVERY_MS + LATE_MS);
    expect(feeds().length).toBe(fed);
    await nextFeed(20_000);

    // The ledger thread alone: nobody feeds, and the field thread refuses new charges though no disk has said anything.
    await inspector.hangWorker(20_000);
    await pass(500);
    const before = systemd.told.length;
    const isRefusing = () =>
      stand.edge.log.some((line) => line.msg === 'no charge can be stored: ledger has not turned for 10 s');
    await until('the field thread sees it', 10_000 + LATE_MS, isRefusing);
    expect(systemd.told.length).toBe(before);
    expect((await stand.pilectl('status')).stdout).toMatch(/B1-1\s+faulted.*storage-stalled/);
    await nextFeed(20_000);
    await until('it is over', LATE_MS, async () => /B1-1\s+available/.test((await stand.pilectl('status')).stdout));

    inspector.close();
    await stand.edge.stop();
    expect(systemd.told.at(-1)?.lines).toEqual(['STOPPING=1']);
  },
);

test('ED-18 nothing is told where no systemd waits for it', { timeout: 60_000 }, async () => {
  const stand = await Stand.open({ station, env: { NOTIFY_SOCKET: '', WATCHDOG_USEC: '1000' } });
  onTestFinished(() => stand.close());
  await pass(1500);
  expect(stand.edge.log.filter((line) => line.msg === 'systemd could not be told')).toEqual([]);
});

const UNIT = join(import.meta.dirname, '../../scripts/install/pilegate-edge.service');

test('ED-18 systemd understands every line of the unit', () => {
  const folder = mkdtempSync(join(tmpdir(), 'pilegate-unit-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'pilegate-edge.service');
  writeFileSync(file, readFileSync(UNIT, 'utf8').replace(/^ExecStart=\S+/m, `ExecStart=${process.execPath}`));
  const { error, stderr, status } = spawnSync('systemd-analyze', ['verify', file], { encoding: 'utf8' });
  if (error !== undefined) return console.warn('LEFT OUT: the unit file. It needs systemd-analyze.');
  expect({ status, stderr: stderr.trim() }).toEqual({ status: 0, stderr: '' });
});

test('ED-18 the unit asks for what the edge does: notify by a child, a watchdog, and a start after every end', () => {
  const unit = readFileSync(UNIT, 'utf8').split('\n');
  for (const line of ['Type=notify', 'NotifyAccess=all', 'WatchdogSec=30', 'Restart=always', 'StartLimitIntervalSec=0'])
    expect(unit).toContain(line);
});
