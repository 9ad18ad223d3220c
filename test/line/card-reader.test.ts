import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { describe, expect, onTestFinished, test } from 'vitest';
import { loadProfiles, packagedProfiles } from '../../edge/devices/load-profiles.ts';
import { SiteReaders } from '../../edge/runtime/site-readers.ts';
import { systemClock, systemTimers } from '../../edge/runtime/system-time.ts';
import type { FaultTarget } from '../../hardware-sim/faults/board.ts';
import type { LineFault } from '../../hardware-sim/faults/fault.ts';
import { openStationLine } from '../../hardware-sim/line/open-station-line.ts';
import { processClock, processScheduler } from '../../hardware-sim/line/real-time.ts';
import type { ReaderModel } from '../../hardware-sim/readers/reader-settings.ts';
import { stationSchema } from '../../hardware-sim/station.ts';
import { createWorld } from '../../hardware-sim/world.ts';
import { until } from '../stand/stand.ts';
import { sleep } from './real-lines.ts';

/** Goal: on a real pseudo-terminal every card that is presented whole is told, and nothing else is, whatever is on the line. */

const LINE = { lineId: 'C1', transport: 'serial', baud: 9600, parity: 'none', stopBits: 1, turnaroundMs: 0 } as const;
const TARGET: FaultTarget = 'line:C1';
const A = '62E3086CED';
const B = '04174A1B2C';

async function readerOnALine(model: ReaderModel, profileId: string) {
  const folder = mkdtempSync(join(tmpdir(), 'pilegate-reader-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const settings = { ...LINE, path: join(folder, 'reader') };
  const document = {
    stationId: 's',
    seed: 7,
    lines: [settings],
    piles: [],
    readers: [{ readerId: 'R1', model, lineId: 'C1' }],
  };
  const world = createWorld(stationSchema.parse(document), 7, processClock);
  const [slave, reader] = [world.slaves.get('C1'), world.readers.get('R1')];
  if (slave === undefined || reader === undefined) throw new Error('no line');
  const time = { clock: processClock, scheduler: processScheduler };
  const wire = await openStationLine(settings, { slave, reader, faults: world.faults, ...time, onError: () => {} });
  const profile = loadProfiles(packagedProfiles).get(profileId);
  if (profile?.kind !== 'card-reader') throw new Error(`no profile ${profileId}`);
  const numbers: string[] = [];
  const config = { readerId: 'R1', profile: profileId, lineId: 'C1', connectorIds: ['P1-1'] };
  const readers = new SiteReaders([{ config, line: settings, profile }], {
    clock: systemClock,
    timers: systemTimers,
    log: pino({ level: 'silent' }),
    onNumber: (_readerId, _connectorIds, number) => void numbers.push(number),
  });
  readers.start();
  const isOpen = () => readers.views()[0]?.isOpen === true;
  await until('the reader is listened to', 5000, isOpen);
  // A line without a start mark is believed after its first pause.
  await sleep(150);
  onTestFinished(async () => {
    await readers.close();
    await wire.close();
  });
  return {
    numbers,
    wire,
    isOpen,
    broken: () => readers.views()[0]?.broken ?? 0,
    present: (card: string, holdMs: number) => reader.present(card, holdMs),
    fault: (fault: LineFault) => world.faults.add(TARGET, fault),
    clear: (faultId: string) => world.faults.remove(faultId),
  };
}

describe.each<[ReaderModel, string]>([
  ['em4100-module', 'em4100-stx-etx'],
  ['em4100-ascii', 'em4100-stx-crlf-etx'],
  ['hex-line', 'hex-line'],
])('ED-10 a reader of the kind %s', (model, profileId) => {
  const cards = model === 'hex-line' ? ['D4CD7650', '04A1B2C3D4E5F6'] : [A, B];

  test('two cards quickly, one after the other', async () => {
    const { numbers, present, broken } = await readerOnALine(model, profileId);
    for (const [i, card] of cards.entries()) {
      present(card, 30);
      await sleep(60);
      await until('the card is told', 10_000, () => numbers.length > i);
    }
    expect([numbers, broken()]).toEqual([cards, 0]);
  });

  test('is heard again after it was pulled', async () => {
    const { numbers, present, wire, isOpen } = await readerOnALine(model, profileId);
    await wire.line.unplug();
    await until('the loss is noticed', 5000, () => !isOpen());
    await wire.line.plug();
    await until('it is open again', 5000, isOpen);
    await sleep(150);
    present(cards[0] ?? '', 30);
    await until('the card', 10_000, () => numbers.length > 0);
    expect(numbers).toEqual([cards[0]]);
  });
});

test('ED-10 a card that stays is told again and again by its module, and always the same', async () => {
  const { numbers, present, broken } = await readerOnALine('em4100-module', 'em4100-stx-etx');
  present(A, 1000);
  await sleep(1200);
  expect(numbers.length).toBeGreaterThanOrEqual(6);
  expect([new Set(numbers), broken()]).toEqual([new Set([A]), 0]);
});

test('ED-10 pieces, cut frames, spoilt digits and noise on the line: a whole frame is told, and nothing that was not sent', async () => {
  const { numbers, present, broken, fault, clear } = await readerOnALine('em4100-ascii', 'em4100-stx-crlf-etx');
  const during = async (what: LineFault, card: string, told: string[]) => {
    numbers.length = 0;
    const faultId = fault(what);
    present(card, 10);
    await sleep(200);
    await until('it is told', 10_000, () => numbers.length >= told.length);
    clear(faultId);
    expect(numbers).toEqual(told);
  };
  await during({ kind: 'split', pieces: 5, pauseMs: 15 }, A, [A]);
  await during({ kind: 'truncate', keepBytes: 9 }, A, []);
  await during({ kind: 'crc-error' }, B, []);
  await during({ kind: 'silence' }, B, []);
  await during({ kind: 'noise', mode: 'before', bytes: 6 }, A, [A]);
  expect(broken()).toBeGreaterThanOrEqual(2);
  const faultId = fault({ kind: 'noise', mode: 'idle', everyMs: 15, bytes: 4 });
  numbers.length = 0;
  for (let i = 0; i < 20; i += 1) {
    present(i % 2 === 0 ? A : B, 5);
    await sleep(70);
  }
  clear(faultId);
  expect(numbers.length).toBeGreaterThanOrEqual(10);
  expect([A, B]).toEqual(expect.arrayContaining(numbers));
});
