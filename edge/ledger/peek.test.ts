import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { changeBetween, withActive } from '../documents/document-history.ts';
import { at as stamp, stored } from '../documents/testing.ts';
import { peekIntoLedger } from './peek.ts';
import { at, open, openLedger, sessionOn, tempFolder } from './testing.ts';

test('ED-15 what is in a ledger is seen while its last commits are in the journal alone, which stays as it was', () => {
  const { path, ledger } = openLedger();
  ledger.putDocuments(changeBetween('site', [], withActive([], stored(1, { kind: 'site' }))), [], stamp);
  ledger.commit(open(sessionOn(1)), at);
  const journal = readFileSync(`${path}-wal`);
  expect(journal.length).toBeGreaterThan(0);
  const copy = join(tempFolder(), 'ledger.db');
  // As kill -9 leaves it: without the index of the journal.
  writeFileSync(copy, readFileSync(path));
  writeFileSync(`${copy}-wal`, journal);
  const peeked = peekIntoLedger(copy);
  expect(peeked?.documents.map(({ kind, version, state }) => [kind, version, state])).toEqual([['site', 1, 'active']]);
  expect(peeked?.charging).toEqual(new Set(['P1-1']));
  expect(readFileSync(`${copy}-wal`)).toEqual(journal);
});

test('ED-15 a ledger that was closed in order is seen as well, and is left alone', () => {
  const { path, ledger, database } = openLedger();
  ledger.putDocuments(changeBetween('site', [], withActive([], stored(1, { kind: 'site' }))), [], stamp);
  database.close();
  const before = readFileSync(path);
  expect(peekIntoLedger(path)?.documents).toHaveLength(1);
  expect(readFileSync(path)).toEqual(before);
});

test('ED-15 no ledger, a broken one, and one of older software are told apart from one that has something to say', () => {
  const folder = tempFolder();
  expect(peekIntoLedger(join(folder, 'ledger.db'))).toBeNull();
  expect(existsSync(join(folder, 'ledger.db'))).toBe(false);
  writeFileSync(
    join(folder, 'broken.db'),
    'not a database, but long enough to be read as the header of one'.repeat(100),
  );
  expect(peekIntoLedger(join(folder, 'broken.db'))).toBeNull();
  const { path, database } = openLedger();
  database.exec('DROP TABLE documents');
  expect(peekIntoLedger(path)).toEqual({ documents: [], charging: new Set() });
});
