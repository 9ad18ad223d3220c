import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { profileJsonSchema, profileJsonSchemaFile } from '../edge/devices/lint/profile-json-schema.ts';
import { rulesJsonSchema, rulesJsonSchemaFile } from '../edge/rules/rules-json-schema.ts';

/** Writes the JSON schemas of profiles and of site rules for editors, formatted as every other file. */
const biome = join(import.meta.dirname, '..', 'node_modules', '.bin', 'biome');
const files = [profileJsonSchemaFile, rulesJsonSchemaFile];
writeFileSync(profileJsonSchemaFile, JSON.stringify(profileJsonSchema(), null, 2));
writeFileSync(rulesJsonSchemaFile, JSON.stringify(rulesJsonSchema(), null, 2));
execFileSync(biome, ['format', '--write', ...files], { stdio: 'inherit' });
