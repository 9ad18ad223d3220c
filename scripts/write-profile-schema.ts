import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { siteJsonSchema, siteJsonSchemaFile } from '../edge/config/site-json-schema.ts';
import { profileJsonSchema, profileJsonSchemaFile } from '../edge/devices/lint/profile-json-schema.ts';
import { rulesJsonSchema, rulesJsonSchemaFile } from '../edge/rules/rules-json-schema.ts';

/** Writes the JSON schemas of profiles, of site rules and of sites for editors, formatted as every other file. */
const biome = join(import.meta.dirname, '..', 'node_modules', '.bin', 'biome');
const files = [profileJsonSchemaFile, rulesJsonSchemaFile, siteJsonSchemaFile];
writeFileSync(profileJsonSchemaFile, JSON.stringify(profileJsonSchema(), null, 2));
writeFileSync(siteJsonSchemaFile, JSON.stringify(siteJsonSchema(), null, 2));
writeFileSync(rulesJsonSchemaFile, JSON.stringify(rulesJsonSchema(), null, 2));
execFileSync(biome, ['format', '--write', ...files], { stdio: 'inherit' });
