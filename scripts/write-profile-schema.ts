import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { profileJsonSchema, profileJsonSchemaFile } from '../edge/devices/lint/profile-json-schema.ts';

/** Writes the JSON schema of profiles for editors, formatted as every other file. */
const biome = join(import.meta.dirname, '..', 'node_modules', '.bin', 'biome');
writeFileSync(profileJsonSchemaFile, JSON.stringify(profileJsonSchema(), null, 2));
execFileSync(biome, ['format', '--write', profileJsonSchemaFile], { stdio: 'inherit' });
