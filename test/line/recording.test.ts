import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, type TestContext, test } from 'vitest';
import { type FrameRecord, parseFrameLog } from '#shared/frame-log.ts';
import { LineError } from '../../edge/bus/line-error.ts';
import type { LineConfig } from '../../edge/config/site.ts';
import type { Reading } from '../../edge/control/reading.ts';
import { loadProfiles, packagedProfiles } from '../../edge/devices/load-profiles.ts';
import { PileDriver } from '../../edge/devices/pile-driver.ts';
import { type SiteLine, siteLines } from '../../edge/runtime/site-lines.ts';
import { systemClock, systemTimers } from '../../edge/runtime/system-time.ts';
import type { LineSettings } from '../../hardware-sim/line/line-settings.ts';
import type { LineAddress } from '../../hardware-sim/line/open-line.ts';
import { openStationLine } from '../../hardware-sim/line/open-station-line.ts';
import { processClock, processScheduler } from '../../hardware-sim/line/real-time.ts';
import { stationSchema } from '../../hardware-sim/station.ts';
import { createWorld } from '../../hardware-sim/world.ts';

// What the edge records on one line, the simulator answers with on another, whatever either of them is made of.

const serial = { lineId: 'L1', transport: 'serial', baud: 38_400, parity: 'none', stopBits: 1, turnaroundMs: 2 };
const tcp = { lineId: 'L1', transport: 'tcp', host: '127.0.0.1', port: 0, turnaroundMs: 2 };
const gateway = { lineId: 'L1', transport: 'rtu-over-tcp', host: '127.0.0.1', port: 0, baud: 38_400, turnaroundMs: 2 };

type OfTest = Pick<TestContext, 'onTestFinished'>;

/** A station of one KEBA with a car that draws, or of a recording of one. */
async function openStation(
  { onTestFinished }: OfTest,
  line: object,
  recording: readonly FrameRecord[] | null,
): Promise<LineAddress> {
  const piles = [{ pileId: 'P1', model: 'keba-p30', lineId: 'L1', unit: 3, initialRegisterWh: 123_456 }];
  const parts = recording === null ? { lines: [line], piles } : { lines: [{ ...line, replay: 'x' }], piles: [] };
  const station = stationSchema.parse({ stationId: 'T', seed: 1, ...parts });
  const world = createWorld(station, 1, processClock, new Map(recording === null ? [] : [['L1', recording]]));
  world.piles.get('P1')?.setVehicle({ plugged: true });
  const slave = world.slaves.get('L1');
  if (slave === undefined) throw new Error('no slave');
  const time = { clock: processClock, scheduler: processScheduler };
  const settings = station.lines[0] as LineSettings;
  const opened = await openStationLine(settings, { slave, faults: world.faults, ...time, onError: () => {} });
  const stopTicking = processScheduler.every(50, world.advance);
  onTestFinished(async () => {
    stopTicking();
    await opened.close();
  });
  return opened.line.address;
}

function configOf(address: LineAddress, common: Pick<LineConfig, 'lineId' | 'frameLog'>): LineConfig {
  switch (address.transport) {
    case 'serial':
      return { ...common, transport: 'serial', path: address.path, baud: 38_400, parity: 'none', stopBits: 1 };
    case 'tcp':
      return { ...common, transport: 'tcp', host: address.host, port: address.port };
    case 'rtu-over-tcp':
      return { ...common, transport: 'rtu-over-tcp', host: address.host, port: address.port, gatewayBaud: 38_400 };
    case 'memory':
      throw new TypeError('a line in memory has no address');
  }
}

function lineAt({ onTestFinished }: OfTest, address: LineAddress, frameLog?: LineConfig['frameLog']): SiteLine {
  const common = { lineId: 'L1', ...(frameLog === undefined ? {} : { frameLog }) };
  const config = configOf(address, common);
  const lines = siteLines([config], { clock: systemClock, timers: systemTimers, log: pino({ level: 'silent' }) });
  const line = lines.get('L1');
  if (line === undefined) throw new Error('no line');
  onTestFinished(() => line.close());
  return line;
}

function pileOn({ modbus }: SiteLine): PileDriver {
  const profile = loadProfiles(packagedProfiles).get('keba-p30');
  if (profile?.kind !== 'pile') throw new Error('no profile');
  // A busy machine that is late for one question would make another recording of it.
  const timing = { ...profile.timing, responseTimeoutMs: 4000, slowestReplyMs: 8000 };
  return new PileDriver({ ...profile, timing }, { modbus, unit: 3, socket: 1 });
}

async function readings(pile: PileDriver): Promise<Reading[]> {
  const seen: Reading[] = [];
  for (let i = 0; i < 4; i += 1) seen.push(await pile.read());
  return seen;
}

test.concurrent.for([
  ['a serial line', 'Modbus TCP', serial, tcp],
  ['Modbus TCP', 'a serial line', tcp, serial],
  ['a gateway', 'a gateway', gateway, gateway],
] as const)(
  'HS-01 ED-04 what was recorded on %s is replayed on %s, reading for reading',
  async ([, , from, to], context) => {
    const folder = mkdtempSync(join(tmpdir(), 'pilegate-recording-'));
    context.onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const recorded = lineAt(context, await openStation(context, from, null), { folder, maxMb: 1 });
    const pile = pileOn(recorded);
    await pile.command('start', 16_000);
    await new Promise((resolve) => setTimeout(resolve, 3000));
    const seen = await readings(pile);
    await recorded.close();

    const parsed = parseFrameLog(readFileSync(join(folder, 'L1.jsonl'), 'utf8'));
    if (!parsed.ok) throw new Error(`${parsed.reason.line}: ${parsed.reason.reason}`);
    const replayed = pileOn(lineAt(context, await openStation(context, to, parsed.value)));
    await replayed.command('start', 16_000);
    expect(await readings(replayed)).toEqual(seen);
    // Not in the recording: nobody answers.
    await expect(replayed.command('start', 6000)).rejects.toBeInstanceOf(LineError);
    expect(seen.map(({ status }) => status)).toContain('charging');
  },
);
