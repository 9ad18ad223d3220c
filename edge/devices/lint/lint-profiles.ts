import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { isPilegateError } from '#shared/errors.ts';
import { loadProfile, type Profile } from '../load-profiles.ts';
import { checkAddresses } from './check-addresses.ts';
import { checkCardVectors } from './check-card-vectors.ts';
import { checkCoverage } from './check-coverage.ts';
import { checkRules } from './check-rules.ts';
import { checkVectors } from './check-vectors.ts';
import type { Find, Finding } from './finding.ts';

/** Everything that is wrong with the profiles of a folder, file by file. A file that cannot be loaded does not hide others. */
export function lintProfiles(folder: string): Finding[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .flatMap((name) => lintFile(join(folder, name)));
}

function lintFile(file: string): Finding[] {
  try {
    return lintProfile(loadProfile(file)).map((finding) => ({ file, ...finding }));
  } catch (error) {
    if (!isPilegateError(error)) throw error;
    const complaints = error.complaints.length > 0 ? error.complaints : [{ path: '(document)', reason: error.detail }];
    return complaints.map(({ path, reason }) => ({ file, path, reason }));
  }
}

/** What the schema cannot see: frame vectors, and rules and addresses that contradict each other. */
export function lintProfile(profile: Profile): Omit<Finding, 'file'>[] {
  if (profile.kind === 'dlt645-meter' || profile.kind === 'parking-device') return [];
  const findings: Omit<Finding, 'file'>[] = [];
  const find: Find = (path, reason) => void findings.push({ path: path.join('.'), reason });
  if (profile.kind === 'card-reader') {
    checkCardVectors(profile, find);
    return findings;
  }
  checkAddresses(profile, find);
  checkRules(profile, find);
  checkVectors(profile, find);
  checkCoverage(profile, find);
  return findings;
}
