import { type FaultCode, faultCatalogue } from '#shared/faults.ts';
import type { Reading } from '../control/reading.ts';
import { type Condition, type FaultPoint, type FaultRule, holds, type PointValue } from './profile/condition.ts';
import type { PileProfile } from './profile/pile-profile.ts';
import type { Values } from './register-device.ts';

type Told = Pick<Reading, 'status' | 'fault' | 'faultDetail'>;

export const holdsAll = (conditions: readonly Condition[], values: Values): boolean =>
  conditions.every((one) => holds(one, values(one.point)));

/**
 * State and fault that a pile tells, with its own codes for a technician. The first fault rule that holds counts; what no
 * rule knows is a fault as well, and goes before a known one that would stop more gently. Pure.
 */
export function toldBy(profile: Pick<PileProfile, 'state' | 'faults' | 'faultPoints'>, values: Values): Told {
  const { state, faults, faultPoints } = profile;
  const stateRule = state.find(({ when }) => holdsAll(when, values));
  const status = stateRule?.is ?? 'unknown';
  const known = faults.find(({ when }) => holdsAll(when, values));
  const unknown = faultPoints.filter((point) => isUnknown(point, faults, values));
  const fault = gravest(known?.code ?? null, unknown.length > 0);
  const telling = [...(known?.when ?? []), ...unknown];
  if (telling.length > 0) return { status, fault, faultDetail: describe(telling, values) };
  if (status !== 'fault' && status !== 'unknown') return { status, fault: null, faultDetail: null };
  const stateConditions = stateRule?.when ?? state.flatMap(({ when }) => when);
  return { status, fault: null, faultDetail: describe(stateConditions, values) };
}

/** A fault that nobody knows may be the worst one, unless a known one is cut off hard anyway. */
function gravest(known: FaultCode | null, isUnknownToo: boolean): FaultCode | null {
  if (!isUnknownToo) return known;
  return known !== null && faultCatalogue[known].reaction === 'hard-stop' ? known : 'unknown-fault';
}

function isUnknown(
  { point, harmless, harmlessBits, when = [] }: FaultPoint,
  faults: readonly FaultRule[],
  values: Values,
) {
  const value = values(point);
  if (typeof value !== 'number' || !holdsAll(when, values)) return false;
  if (harmlessBits === undefined)
    return !(harmless ?? []).includes(value) && !faults.some(({ when }) => takes(when, point, value));
  return (BigInt(value) & ~(BigInt(harmlessBits) | knownBits(faults, point))) !== 0n;
}

/** A value that a rule is about is known, even where the rule wants more than it to hold. */
function takes(when: readonly Condition[], point: string, value: PointValue): boolean {
  const about = when.filter((one) => one.point === point);
  return about.length > 0 && about.every((one) => holds(one, value));
}

/** The bits of a point that fault rules take. */
function knownBits(faults: readonly FaultRule[], point: string): bigint {
  const conditions = faults.flatMap(({ when }) => when.filter((one) => one.point === point));
  return conditions.reduce((known, { anyOf, bits }) => known | BigInt(anyOf ?? bits ?? 0), 0n);
}

/** `error 64 (0x40)`: the name of the point, and its value in decimal and hex. */
function describe(points: readonly { readonly point: string }[], values: Values): string {
  const names = [...new Set(points.map(({ point }) => point))];
  return names.map((name) => `${name} ${inBothBases(values(name))}`).join(', ');
}

const inBothBases = (value: PointValue): string =>
  typeof value === 'number' && value >= 0 ? `${value} (0x${value.toString(16)})` : String(value);
