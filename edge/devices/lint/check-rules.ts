import { type Condition, holds } from '../profile/condition.ts';
import type { PileProfile } from '../profile/pile-profile.ts';
import type { Find, ModbusProfile } from './finding.ts';

interface Rule {
  readonly when: readonly Condition[];
}

/** Rules that never count because an earlier one holds first, and listed values that no state rule takes. */
export function checkRules(profile: ModbusProfile, find: Find): void {
  if (profile.kind !== 'pile') return;
  checkOrder(profile.state, 'state', find);
  checkOrder(profile.faults, 'faults', find);
  checkFaultPoints(profile, find);
  for (const [name, point] of Object.entries(profile.points))
    point.listed?.forEach((value, i) => {
      const isTaken = profile.state.some(({ when }) => when.some((one) => one.point === name && holds(one, value)));
      if (!isTaken) find(['points', name, 'listed', i], `no state rule takes ${JSON.stringify(value)}`);
    });
}

/** Every register that reports errors has its harmless values named, so that nothing in it is passed over in silence. */
function checkFaultPoints({ points, faults, faultPoints }: PileProfile, find: Find): void {
  const isCovered = (name: string) => faultPoints.some(({ point }) => point === name);
  for (const [i, { when }] of faults.entries())
    for (const [c, { point }] of when.entries())
      if (points[point]?.listed === undefined && !isCovered(point))
        find(['faults', i, 'when', c], `"${point}" reports errors: say in "faultPoints" which values are none`);
  faultPoints.forEach(({ point, harmless = [], harmlessBits = 0 }, i) => {
    const about = faults.filter(({ when }) => when.every((one) => one.point === point));
    for (const value of harmless)
      if (about.some(({ when }) => when.every((one) => holds(one, value))))
        find(['faultPoints', i], `${value} is harmless, and a fault rule takes it`);
    const conditions = about.flatMap(({ when }) => when);
    if (conditions.some(({ anyOf, bits }) => (BigInt(anyOf ?? bits ?? 0) & BigInt(harmlessBits)) !== 0n))
      find(['faultPoints', i], 'a harmless bit is taken by a fault rule');
  });
}

function checkOrder(rules: readonly Rule[], key: string, find: Find): void {
  rules.forEach((rule, i) => {
    const earlier = rules.slice(0, i);
    const first = earlier.findIndex((other) => follows(rule.when, other.when));
    if (first >= 0) find([key, i], `never counts: ${key}.${first} holds whenever it does`);
    else checkValues(rule, earlier, key, find);
  });
}

/** Values in a rule's lists that an earlier rule takes already. */
function checkValues(rule: Rule, earlier: readonly Rule[], key: string, find: Find): void {
  rule.when.forEach((condition, c) => {
    for (const value of valuesOf(condition)) {
      const single = rule.when.map((one, j) => (j === c ? narrowed(condition, value) : one));
      const taken = earlier.findIndex((other) => follows(single, other.when));
      if (taken >= 0)
        find([key, earlier.length, 'when', c], `${JSON.stringify(value)} is taken by ${key}.${taken} already`);
    }
  });
}

const valuesOf = (condition: Condition): readonly (number | string)[] => condition.in ?? condition.is ?? [];
const narrowed = (condition: Condition, value: number | string): Condition =>
  typeof value === 'number' ? { point: condition.point, in: [value] } : { point: condition.point, is: [value] };

/** Whether `premise` cannot hold without `conclusion`. */
const follows = (premise: readonly Condition[], conclusion: readonly Condition[]): boolean =>
  conclusion.every((needed) => premise.some((given) => given.point === needed.point && implies(given, needed)));

function implies(given: Condition, needed: Condition): boolean {
  const values = valuesOf(given);
  if (values.length > 0) return values.every((value) => holds(needed, value));
  if (given.startsWith !== undefined) return given.startsWith.startsWith(needed.startsWith ?? '\0');
  if (given.bits !== undefined) return given.bits === needed.bits && given.equals === needed.equals;
  if (given.anyOf !== undefined)
    return needed.anyOf !== undefined && (BigInt(given.anyOf) & ~BigInt(needed.anyOf)) === 0n;
  return impliesRange(given, needed);
}

function impliesRange(given: Condition, needed: Condition): boolean {
  if (needed.atLeast === undefined && needed.below === undefined) return false;
  const { atLeast = Number.NEGATIVE_INFINITY, below = Number.POSITIVE_INFINITY } = given;
  return atLeast >= (needed.atLeast ?? Number.NEGATIVE_INFINITY) && below <= (needed.below ?? Number.POSITIVE_INFINITY);
}
