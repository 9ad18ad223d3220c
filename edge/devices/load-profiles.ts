import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { PilegateError } from '#shared/errors.ts';
import { readJsonFile } from '../config/read-json-file.ts';
import { dlt645MeterProfileSchema } from './dlt645/meter-profile.ts';
import { parkingProfileSchema } from './framed/parking-profile.ts';
import { ioBoardProfileSchema } from './io/io-board-profile.ts';
import { meterProfileSchema } from './profile/meter-profile.ts';
import { pileProfileSchema } from './profile/pile-profile.ts';
import { cardReaderProfileSchema } from './readers/card-reader-profile.ts';

/** Every kind of device that a profile can describe. */
export const profileFileSchema = z.discriminatedUnion('kind', [
  pileProfileSchema,
  meterProfileSchema,
  dlt645MeterProfileSchema,
  parkingProfileSchema,
  ioBoardProfileSchema,
  cardReaderProfileSchema,
]);
export type Profile = z.infer<typeof profileFileSchema>;

/** The profiles that come with the package. */
export const packagedProfiles = join(import.meta.dirname, 'profiles');

/**
 * Reads every profile in a folder, by profile id.
 *
 * @throws PilegateError `profile.invalid` with file, path and reason
 */
export function loadProfiles(folder: string): Map<string, Profile> {
  const profiles = readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name) => loadProfile(join(folder, name)));
  return new Map(profiles.map((profile) => [profile.profileId, profile]));
}

/**
 * Reads one profile, whose file must be named for it.
 *
 * @throws PilegateError `profile.invalid` with file, path and reason
 */
export function loadProfile(path: string): Profile {
  const profile = readJsonFile(path, profileFileSchema, 'profile.invalid');
  if (`${profile.profileId}.json` === basename(path)) return profile;
  throw new PilegateError('profile.invalid', `${path}: profileId: "${profile.profileId}" does not fit the file's name`);
}
