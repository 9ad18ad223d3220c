import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { packagedProfiles } from '../load-profiles.ts';

export type Json = Record<string, unknown>;

/** A packaged profile as a person has written it. */
export const packagedProfile = (profileId: string): Json =>
  JSON.parse(readFileSync(join(packagedProfiles, `${profileId}.json`), 'utf8'));

/** A copy of the document with the value at a dotted path replaced; `undefined` leaves it out. */
export function withValue(document: Json, path: string, value: unknown): Json {
  const copy: Json = structuredClone(document);
  const keys = path.split('.');
  const last = keys.pop() ?? '';
  const parent = keys.reduce<Json>((object, key) => object[key] as Json, copy);
  if (value === undefined) delete parent[last];
  else parent[last] = value;
  return copy;
}

/** A folder with these files, gone after the test. */
export function profileFolder(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'pilegate-profile-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}
