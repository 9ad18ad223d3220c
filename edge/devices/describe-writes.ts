import { type PileCommand, stepsOf } from './pile-driver.ts';
import type { PileProfile } from './profile/pile-profile.ts';
import { rawLimit } from './registers.ts';

/** What a command writes, for a person who has the vendor's register table open: `["259 ← 1", "261 ← 160"]`. */
export function describeWrites(profile: PileProfile, name: PileCommand, limitMa: number | null): string[] {
  return stepsOf(profile, name).map((step) => {
    const write = profile.writes[step.write];
    if (write === undefined) return `${step.write} ?`;
    const raw = step.value === 'limit' ? rawLimit(write, limitMa ?? 0, profile.limits.stepMa) : step.value;
    return `${write.address} ← ${typeof raw === 'number' ? raw : raw.alternate.join('/')}`;
  });
}
