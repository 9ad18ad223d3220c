import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { siteDescriptions } from './site-descriptions.ts';
import { keysOf, siteJsonSchema, siteJsonSchemaFile } from './site-json-schema.ts';

const schema = siteJsonSchema() as Record<string, unknown>;

test('ED-15 the schema for editors is that of the software', () => {
  expect(JSON.parse(readFileSync(siteJsonSchemaFile, 'utf8')), 'run npm run write:profile-schema').toEqual(
    JSON.parse(JSON.stringify(schema)),
  );
});

test('ED-15 every key of a site is described, and nothing that is none', () => {
  const paths = new Set([...keysOf(schema, '')].map(({ path }) => path));
  expect(paths.size).toBeGreaterThan(100);
  expect([...paths].filter((path) => siteDescriptions[path] === undefined)).toEqual([]);
  expect(Object.keys(siteDescriptions).filter((path) => !paths.has(path))).toEqual([]);
});
