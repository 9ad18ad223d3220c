import type { CommandName, Profile } from './profile.ts';
import { rawLimit } from './registers.ts';

/** What a command writes, for a person who has the vendor's register table open: `["259 ← 1", "261 ← 160"]`. */
export function describeWrites(profile: Profile, name: CommandName, limitMa: number | null): string[] {
  return profile.commands[name].map((step) => {
    const write = profile.writes[step.write];
    if (write === undefined) return `${step.write} ?`;
    const raw = step.value === 'limit' ? rawLimit(write, limitMa ?? 0) : step.value;
    return `${write.address} ← ${raw}`;
  });
}
