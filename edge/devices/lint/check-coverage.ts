import type { Step } from '../profile/write.ts';
import type { Find, ModbusProfile } from './finding.ts';
import { variantFor } from './given-variant.ts';

/** What the edge reads at every poll, and all that it may write, must be shown by a frame vector. */
export function checkCoverage(profile: ModbusProfile, find: Find): void {
  const read = new Set(profile.vectors.flatMap(({ reads }) => Object.keys(reads ?? {})));
  for (const [name, point] of Object.entries(profile.points))
    if (point.read === 'poll' && !read.has(name))
      find(['points', name], 'is read at every poll, and no vector reads it');
  for (const [i, variant] of profile.variants.entries())
    for (const name of Object.keys(variant.points))
      if (
        !profile.vectors.some(
          ({ given, reads }) => variantFor(profile, given) === variant && reads?.[name] !== undefined,
        )
      )
        find(['variants', i, 'points', name], 'no vector reads it: say in "given" what chooses the variant');
  if (profile.kind === 'pile') checkWriteCoverage(profile, find);
}

function checkWriteCoverage(profile: Extract<ModbusProfile, { kind: 'pile' }>, find: Find): void {
  const written = new Set(profile.vectors.flatMap(({ writes }) => (writes === undefined ? [] : [writes.write])));
  const { setup, start, softStop, hardStop } = profile.commands;
  const steps: Step[] = [...setup, ...start, ...softStop, ...(hardStop ?? []), ...(profile.watchdog?.feed ?? [])];
  const used = new Set(steps.map((step) => step.write));
  for (const name of Object.keys(profile.writes)) {
    if (!used.has(name)) find(['writes', name], 'no command and no feed writes it');
    else if (!written.has(name)) find(['writes', name], 'no vector shows its frame');
  }
  for (const name of new Set(steps.filter((step) => step.value === 'limit').map((step) => step.write)))
    if (!profile.vectors.some(({ writes }) => writes?.write === name && writes.limitMa !== undefined))
      find(['writes', name], 'no vector shows a limit in mA, which proves its scale');
}
