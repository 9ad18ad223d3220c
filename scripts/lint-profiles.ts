import { relative } from 'node:path';
import { lintProfiles } from '../edge/devices/lint/lint-profiles.ts';
import { packagedProfiles } from '../edge/devices/load-profiles.ts';

/** Lints the profiles of a folder, the packaged ones without an argument. Fails when there is anything to say. */
const [folder = packagedProfiles] = process.argv.slice(2);
const findings = lintProfiles(folder);
for (const { file, path, reason } of findings) console.log(`${relative(process.cwd(), file)}: ${path}: ${reason}`);
console.log(findings.length === 0 ? 'profiles: nothing to say' : `profiles: ${findings.length} to mend`);
process.exitCode = findings.length === 0 ? 0 : 1;
