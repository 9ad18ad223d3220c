import type { Step } from '../profile/write.ts';
import type { Find, ModbusProfile } from './finding.ts';
import { variantFor } from './given-variant.ts';

/** What the edge reads at every poll, and all that it may write, must be shown by a frame vector. */
export function checkCoverage(profile: ModbusProfile, find: Find): void {
  const read = new Set(profile.vectors.flatMap(({ reads }) => Object.keys(reads ?? {})));
  for (const [name, point] of Object.entries(profile.points))
    if (point.read !== 'set-up' && !read.has(name))
      find(['points', name], `${point.read === 'poll' ? 'is read at every poll, and ' : ''}no vector reads it`);
  for (const [i, variant] of profile.variants.entries())
    for (const name of Object.keys(variant.points))
      if (
        !profile.vectors.some(
          ({ given, reads }) => variantFor(profile, given) === variant && reads?.[name] !== undefined,
        )
      )
        find(['variants', i, 'points', name], 'no vector reads it: say in "given" what chooses the variant');
  if (profile.kind === 'pile') checkWriteCoverage(profile, find);
  if (profile.kind === 'io-board') checkRelayCoverage(profile, find);
}

const writtenIn = (profile: ModbusProfile): ReadonlySet<string> =>
  new Set(profile.vectors.flatMap(({ writes }) => (writes === undefined ? [] : [writes.write])));

/** Both ways of every relay: what lets go of one must not be learned when a supply has to be put back. */
function checkRelayCoverage(profile: Extract<ModbusProfile, { kind: 'io-board' }>, find: Find): void {
  const isShown = (write: string, raw: number) =>
    profile.vectors.some(({ writes }) => writes?.write === write && writes.raw === raw);
  for (const name of Object.keys(profile.writes))
    if (!profile.outputs.some(({ write }) => write === name)) find(['writes', name], 'no output writes it');
  profile.outputs.forEach(({ write, on, off }, i) => {
    for (const raw of [on, off])
      if (!isShown(write, raw)) find(['outputs', i], `no vector shows "${write}" written with ${raw}`);
  });
}

function checkWriteCoverage(profile: Extract<ModbusProfile, { kind: 'pile' }>, find: Find): void {
  const written = writtenIn(profile);
  const steps: Step[] = [
    ...Object.values(profile.commands).flatMap((command) => command ?? []),
    ...(profile.watchdog?.feed ?? []),
  ];
  const used = new Set(steps.map((step) => step.write));
  for (const name of Object.keys(profile.writes)) {
    if (!used.has(name)) find(['writes', name], 'no command and no feed writes it');
    else if (!written.has(name)) find(['writes', name], 'no vector shows its frame');
  }
  for (const name of new Set(steps.filter((step) => step.value === 'limit').map((step) => step.write)))
    if (!profile.vectors.some(({ writes }) => writes?.write === name && writes.limitMa !== undefined))
      find(['writes', name], 'no vector shows a limit in mA, which proves its scale');
}
