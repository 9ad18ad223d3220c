import { type Point, wordsOf } from '../profile/point.ts';
import type { Find, ModbusProfile } from './finding.ts';

/** Points that share registers: one of them is mistyped, unless they are bit fields of the same registers. */
export function checkAddresses(profile: ModbusProfile, find: Find): void {
  checkSet(profile.points, ['points'], find);
  profile.variants.forEach((variant, i) => {
    checkSet({ ...profile.points, ...variant.points }, ['variants', i, 'points'], find);
  });
}

function checkSet(points: Readonly<Record<string, Point>>, path: readonly (string | number)[], find: Find): void {
  const entries = Object.entries(points);
  entries.forEach(([name, point], i) => {
    const other = entries.slice(0, i).find(([, earlier]) => share(earlier, point) && !areFields(earlier, point));
    if (other !== undefined) find([...path, name, 'address'], `"${other[0]}" has the same registers`);
  });
}

const share = (a: Point, b: Point): boolean =>
  a.fc === b.fc &&
  a.unitId === b.unitId &&
  a.wholeDevice === b.wholeDevice &&
  a.address < b.address + wordsOf(b) &&
  b.address < a.address + wordsOf(a);

/** Different bits of the same registers. */
const areFields = (a: Point, b: Point): boolean =>
  a.address === b.address && wordsOf(a) === wordsOf(b) && (fieldOf(a) & fieldOf(b)) === 0n;

const fieldOf = (point: Point): bigint =>
  point.mask === undefined ? -1n << BigInt(point.shift ?? 0) : BigInt(point.mask) << BigInt(point.shift ?? 0);
