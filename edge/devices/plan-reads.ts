import type { ReadRequest } from '../bus/request.ts';
import { type Point, wordsOf } from './profile/point.ts';
import { addressOf, type Placement, unitOf } from './registers.ts';

/** One read of neighbouring points of one unit. */
export interface BlockRead {
  readonly unit: number;
  readonly request: ReadRequest;
  readonly points: readonly Point[];
}

/** What a device allows of a read. */
export interface ReadLimits {
  readonly maxReadRegisters: number;
  readonly maxReadGap: number;
  readonly forbidden: readonly (readonly [number, number])[];
}

/**
 * Joins points into as few reads as the device's limits allow: same unit and function, no hole larger than
 * `maxReadGap` or over a forbidden address, no read longer than `maxReadRegisters`. On a slow line ten single reads
 * cost seven times as much as one read of ten.
 */
export function planReads(points: readonly Point[], limits: ReadLimits, place: Placement): BlockRead[] {
  const sorted = points
    .map((point) => ({ point, unit: unitOf(point, place), from: addressOf(point, place) }))
    .sort((a, b) => a.unit - b.unit || a.point.fc - b.point.fc || a.from - b.from);
  const blocks: { unit: number; fc: Point['fc']; from: number; to: number; points: Point[] }[] = [];
  for (const { point, unit, from } of sorted) {
    const to = from + wordsOf(point);
    const last = blocks.at(-1);
    const joins =
      last !== undefined &&
      last.unit === unit &&
      last.fc === point.fc &&
      from - last.to <= limits.maxReadGap &&
      Math.max(to, last.to) - last.from <= limits.maxReadRegisters &&
      !limits.forbidden.some(([first, final]) => first < Math.max(to, last.to) && final >= last.from);
    if (joins) {
      last.to = Math.max(last.to, to);
      last.points.push(point);
    } else blocks.push({ unit, fc: point.fc, from, to, points: [point] });
  }
  return blocks.map(({ unit, fc, from, to, points: joined }) => ({
    unit,
    request: { fc, address: from, count: to - from },
    points: joined,
  }));
}

/** A refused block in two halves, to find out which part the device refuses; null when it is a single point. */
export function splitBlock(block: BlockRead, place: Placement): BlockRead[] | null {
  if (block.points.length < 2) return null;
  const middle = Math.ceil(block.points.length / 2);
  const noGap = { maxReadRegisters: block.request.count, maxReadGap: 0, forbidden: [] };
  return [block.points.slice(0, middle), block.points.slice(middle)].flatMap((half) => planReads(half, noGap, place));
}
