import { readFileSync } from 'node:fs';
import { DamagedRow } from './store-trouble.ts';

/** https://www.sqlite.org/fileformat2.html, section 4: the write-ahead log. All numbers of headers are big-endian. */
const MAGIC = 0x377f0682;
const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;

type Sum = readonly [number, number];

/**
 * SQLite believes a WAL up to the first frame that is not right, and takes the rest for a transaction that the power cut short:
 * commits that were synced vanish without a word. A frame of a later transaction behind that place gives it away, because a
 * transaction is synced before the next one is written.
 *
 * @throws DamagedRow when commits are missing from the WAL
 */
export function checkWal(path: string): void {
  const wal = contentOf(path);
  if (wal.length <= HEADER_BYTES) return;
  const isBigEndian = wal.readUInt32BE(0) === MAGIC + 1;
  const start = sumOf(wal, 0, 24, [0, 0], isBigEndian);
  const isHeader = isBigEndian || wal.readUInt32BE(0) === MAGIC;
  if (!isHeader || !isSame(start, sumAt(wal, 24)))
    throw new DamagedRow('the header of its WAL is not what was written');
  const frameBytes = FRAME_HEADER_BYTES + wal.readUInt32BE(8);
  let at = HEADER_BYTES;
  for (let sum: Sum | null = start; sum !== null; at += frameBytes)
    sum = frameSum(wal, at, frameBytes, sum, isBigEndian);
  if (hasLaterTransaction(wal, at - frameBytes, frameBytes))
    throw new DamagedRow(`its WAL is not what was written from byte ${at - frameBytes} on`);
}

function contentOf(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  }
}

/** The checksum through this frame; null when it is not a frame of this log, or not whole. */
function frameSum(wal: Buffer, at: number, frameBytes: number, before: Sum, isBigEndian: boolean): Sum | null {
  if (!isOfThisLog(wal, at, frameBytes)) return null;
  const header = sumOf(wal, at, at + 8, before, isBigEndian);
  const sum = sumOf(wal, at + FRAME_HEADER_BYTES, at + frameBytes, header, isBigEndian);
  return isSame(sum, sumAt(wal, at + 16)) ? sum : null;
}

/** A log that is begun anew gets other salts: frames of the one before it are still there behind its end. */
function isOfThisLog(wal: Buffer, at: number, frameBytes: number): boolean {
  return at + frameBytes <= wal.length && wal.compare(wal, 16, 24, at + 8, at + 16) === 0;
}

/** Behind the first broken frame, one that ends a transaction is followed by another. */
function hasLaterTransaction(wal: Buffer, brokenAt: number, frameBytes: number): boolean {
  let hasEnded = false;
  for (let at = brokenAt; at + frameBytes <= wal.length; at += frameBytes) {
    if (!isOfThisLog(wal, at, frameBytes)) continue;
    if (hasEnded) return true;
    hasEnded = wal.readUInt32BE(at + 4) !== 0;
  }
  return false;
}

const sumAt = (wal: Buffer, at: number): Sum => [wal.readUInt32BE(at), wal.readUInt32BE(at + 4)];
const isSame = (a: Sum, b: Sum): boolean => a[0] === b[0] && a[1] === b[1];

function sumOf(wal: Buffer, from: number, to: number, [first, second]: Sum, isBigEndian: boolean): Sum {
  const word = (at: number) => (isBigEndian ? wal.readUInt32BE(at) : wal.readUInt32LE(at));
  let [s0, s1] = [first, second];
  for (let at = from; at < to; at += 8) {
    s0 = (s0 + word(at) + s1) >>> 0;
    s1 = (s1 + word(at + 4) + s0) >>> 0;
  }
  return [s0, s1];
}
