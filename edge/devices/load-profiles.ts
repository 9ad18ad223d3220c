import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { PilegateError } from '#shared/errors.ts';
import { readJsonFile } from '../config/read-json-file.ts';
import { type Profile, profileSchema } from './profile.ts';

/** The profiles that come with the package. */
export const packagedProfiles = join(import.meta.dirname, 'profiles');

/**
 * Reads every profile in a folder, by profile id.
 *
 * @throws PilegateError `profile.invalid` with file, path and reason
 */
export function loadProfiles(folder: string): Map<string, Profile> {
  const profiles = new Map<string, Profile>();
  for (const name of readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .sort()) {
    const path = join(folder, name);
    const profile = readJsonFile(path, profileSchema, 'profile.invalid');
    if (`${profile.profileId}.json` !== name) {
      throw new PilegateError(
        'profile.invalid',
        `${path}: profileId: "${profile.profileId}" does not fit the file's name`,
      );
    }
    profiles.set(profile.profileId, profile);
  }
  return profiles;
}
