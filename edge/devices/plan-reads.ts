import type { ReadRequest } from '../bus/request.ts';
import { type Profile, wordsOf } from './profile.ts';

/**
 * Joins a profile's points into as few reads as its limits allow: same function, no hole larger than
 * `maxReadGap`, no read longer than `maxReadRegisters`. On a slow line ten single reads cost seven times
 * as much as one read of ten.
 */
export function planReads(profile: Profile): ReadRequest[] {
  const spans = Object.values(profile.points)
    .map((point) => ({ fc: point.fc, from: point.address, to: point.address + wordsOf[point.type] }))
    .sort((a, b) => a.fc - b.fc || a.from - b.from);
  const reads: { fc: 3 | 4; from: number; to: number }[] = [];
  for (const span of spans) {
    const last = reads.at(-1);
    const joins =
      last !== undefined &&
      last.fc === span.fc &&
      span.from - last.to <= profile.maxReadGap &&
      Math.max(span.to, last.to) - last.from <= profile.maxReadRegisters;
    if (joins) last.to = Math.max(last.to, span.to);
    else reads.push({ ...span });
  }
  return reads.map(({ fc, from, to }) => ({ fc, address: from, count: to - from }));
}
