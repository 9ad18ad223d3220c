import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Random, seededRandom } from '../../hardware-sim/faults/random.ts';
import { Disk } from './disk.ts';
import { type DiskEvent, readRecord } from './disk-record.ts';
import { judgeImage, type Verdict } from './judge-image.ts';
import { historyOf } from './ledger-history.ts';
import type { Flaw } from './ledger-workload.ts';

export interface PowerCutOptions {
  readonly images: number;
  readonly seed: number;
  readonly flaw?: Flaw;
}

export interface PowerCutReport {
  readonly images: number;
  readonly recordings: number;
  readonly diskEvents: number;
  readonly syncs: number;
  readonly verdicts: Readonly<Record<string, number>>;
  /** The worst that was seen, at most a few. */
  readonly failures: readonly string[];
}

const IMAGES_PER_RECORDING = 250;
const STEPS = 260;
const MOST_FAILURES = 10;
/** A disk in memory, where there is one: the cuts are made by hand, and waiting for a real disk proves nothing more. */
const MEMORY_DISK = '/dev/shm';
/** Half of the cuts come right behind an acknowledgement, where most can be lost. */
const SHARE_AFTER_ACKNOWLEDGEMENT = 0.5;

/**
 * Records what a ledger writes, cuts the power at many points, and looks at what is left with the ledger itself. The same
 * seed gives the same images.
 */
export function cutPower({ images, seed, flaw = 'none' }: PowerCutOptions): PowerCutReport {
  const folder = mkdtempSync(join(existsSync(MEMORY_DISK) ? MEMORY_DISK : tmpdir(), 'pilegate-power-cuts-'));
  try {
    const library = compileRecorder(folder);
    const recordings = Math.ceil(images / IMAGES_PER_RECORDING);
    const reports = Array.from({ length: recordings }, (_, i) => {
      const count = Math.min(IMAGES_PER_RECORDING, images - i * IMAGES_PER_RECORDING);
      return cutOneRecording({ folder, library, seed: seed + i, images: count, flaw });
    });
    return joined(reports);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function compileRecorder(folder: string): string {
  const library = join(folder, 'record-writes.so');
  const source = join(import.meta.dirname, 'record-writes.c');
  execFileSync('cc', ['-O1', '-shared', '-fPIC', '-o', library, source, '-ldl', '-lpthread']);
  return library;
}

interface OneRecording {
  readonly folder: string;
  readonly library: string;
  readonly seed: number;
  readonly images: number;
  readonly flaw: Flaw;
}

function cutOneRecording({ folder, library, seed, images, flaw }: OneRecording): PowerCutReport {
  const events = record({ folder, library, seed, flaw });
  const history = historyOf(join(folder, `history-${seed}`), { seed, steps: STEPS });
  const random = seededRandom(seed);
  const cuts = drawCuts(events, images, random);
  const disk = new Disk();
  const verdicts: Verdict[] = [];
  let acknowledged = -1;
  events.forEach((event, i) => {
    if (isMarker(event)) acknowledged = event.kind === 'write' ? Number(event.data.toString()) : acknowledged;
    else disk.apply(event);
    for (let n = cuts.get(i) ?? 0; n > 0; n -= 1) {
      const image = join(folder, 'image');
      writeImage(image, disk.crash(random));
      verdicts.push(judgeImage(join(image, 'ledger.db'), { history, acknowledged, cut: `seed ${seed}, event ${i}` }));
    }
  });
  return {
    images: verdicts.length,
    recordings: 1,
    diskEvents: events.length,
    syncs: events.filter(({ kind }) => kind === 'sync').length,
    verdicts: Object.fromEntries([...Map.groupBy(verdicts, ({ kind }) => kind)].map(([kind, of]) => [kind, of.length])),
    failures: verdicts.flatMap(({ kind, detail }) => (kind === 'sound' ? [] : [`${kind}: ${detail}`])),
  };
}

const isMarker = ({ name }: DiskEvent) => name === 'acknowledged';

function record({ folder, library, seed, flaw }: Omit<OneRecording, 'images'>): DiskEvent[] {
  const recorded = join(folder, `recorded-${seed}`);
  const recordFile = join(folder, `record-${seed}`);
  mkdirSync(recorded);
  execFileSync(
    process.execPath,
    [join(import.meta.dirname, 'recorded-ledger.ts'), recorded, String(seed), String(STEPS), flaw],
    { env: { ...process.env, LD_PRELOAD: library, RECORD_FOLDER: recorded, RECORD_TO: recordFile } },
  );
  return readRecord(readFileSync(recordFile));
}

/** How many cuts come after which event. */
function drawCuts(events: readonly DiskEvent[], images: number, random: Random): Map<number, number> {
  const markers = events.flatMap((event, i) => (isMarker(event) && event.kind === 'write' ? [i] : []));
  const cuts = new Map<number, number>();
  for (let n = 0; n < images; n += 1) {
    const isAtMarker = random() < SHARE_AFTER_ACKNOWLEDGEMENT;
    const any = Math.floor(random() * events.length);
    const cut = isAtMarker ? (markers[Math.floor(random() * markers.length)] ?? any) : any;
    cuts.set(cut, (cuts.get(cut) ?? 0) + 1);
  }
  return cuts;
}

function writeImage(folder: string, files: ReadonlyMap<string, Buffer>): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  for (const [name, content] of files) writeFileSync(join(folder, name), content);
}

function joined(reports: readonly PowerCutReport[]): PowerCutReport {
  const sum = (of: (report: PowerCutReport) => number) => reports.reduce((total, report) => total + of(report), 0);
  const kinds = [...new Set(reports.flatMap(({ verdicts }) => Object.keys(verdicts)))];
  return {
    images: sum(({ images }) => images),
    recordings: reports.length,
    diskEvents: sum(({ diskEvents }) => diskEvents),
    syncs: sum(({ syncs }) => syncs),
    verdicts: Object.fromEntries(kinds.map((kind) => [kind, sum(({ verdicts }) => verdicts[kind] ?? 0)])),
    failures: reports.flatMap(({ failures }) => failures).slice(0, MOST_FAILURES),
  };
}
