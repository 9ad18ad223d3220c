import { once } from 'node:events';
import { openPtyPair } from '../../hardware-sim/line/pty-pair.ts';
import { decodeRtu, encodeRtu } from '../../hardware-sim/line/rtu.ts';
import { frameSilenceMs, transmissionMs } from '../../hardware-sim/line/timing.ts';
import { BenchBox, isStopWrite } from './bench-box.ts';

/**
 * Serial lines with boxes on them, in a process of their own so that the edge does not disturb their clock. Started as
 * `box-lines.ts <lines> <boxes per line> <baud> <turnaround ms>`; says the paths of its pseudo-terminals in one line of
 * JSON, and tells its parent how long every stop took.
 */
export type ToBoxLines =
  /** The box tells at its next poll that it is too hot. */
  { readonly kind: 'arm'; readonly line: number; readonly unit: number };

/** From the last byte of the telling reply to the first of the stop's frame, with all that the line demands in between. */
export interface StopSeen {
  readonly line: number;
  readonly unit: number;
  readonly tookMs: number;
  /** Frames that the edge put before the stop's. */
  readonly framesBetween: number;
}

const nowMs = (): number => Number(process.hrtime.bigint()) / 1e6;
const tell = (seen: StopSeen): void => void process.send?.(seen);

async function openBoxLine(line: number, boxes: readonly BenchBox[], baud: number, turnaroundMs: number) {
  const pair = await openPtyPair();
  const silenceMs = frameSilenceMs(baud);
  /** By unit: a second box may tell before the first has been stopped. */
  const told = new Map<number, { readonly atMs: number; framesBetween: number }>();

  function watchForStop(unit: number, pdu: Uint8Array, atMs: number): void {
    const one = isStopWrite(pdu) ? told.get(unit) : undefined;
    if (one !== undefined) {
      tell({ line, unit, tookMs: atMs - one.atMs, framesBetween: one.framesBetween });
      told.delete(unit);
    }
    for (const other of told.values()) other.framesBetween += 1;
  }

  pair.device.on('data', (bytes: Buffer) => {
    const atMs = nowMs();
    const frame = decodeRtu(bytes);
    if (frame.kind === 'garbage') throw new Error(`line ${line} heard ${bytes.toString('hex')}`);
    watchForStop(frame.unit, frame.pdu, atMs);
    const reply = boxes[frame.unit - 1]?.answer(frame.pdu, atMs);
    if (reply === undefined) return;
    const adu = Buffer.from(encodeRtu(frame.unit, reply.pdu));
    const waitMs = transmissionMs(baud, bytes.length + adu.length) + silenceMs + turnaroundMs;
    setTimeout(() => {
      if (reply.isTelling) told.set(frame.unit, { atMs: nowMs(), framesBetween: 0 });
      pair.device.write(adu);
    }, Math.ceil(waitMs));
  });
  return pair;
}

const [lineCount = 0, boxCount = 0, baud = 0, turnaroundMs = 0] = process.argv.slice(2).map(Number);
const lines = Array.from({ length: lineCount }, () => Array.from({ length: boxCount }, () => new BenchBox()));
const pairs = await Promise.all(lines.map((boxes, line) => openBoxLine(line, boxes, baud, turnaroundMs)));
process.on('message', ({ line, unit }: ToBoxLines) => {
  const box = lines[line]?.[unit - 1];
  if (box === undefined) throw new TypeError(`no box ${unit} on line ${line}`);
  box.isArmed = true;
});
process.stdout.write(`${JSON.stringify(pairs.map(({ path }) => path))}\n`);
// The benchmark ends it, or has died.
await Promise.race([once(process, 'SIGTERM'), once(process, 'disconnect')]);
process.exit(0);
