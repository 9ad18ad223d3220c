import { createPublicKey, verify } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { documentKeysSchema, signedTextOf, signedTextOfKeys } from '#shared/document-signing.ts';
import type { Db } from '../db/connect.ts';
import { systemRandom } from '../random.ts';
import { createTestClock } from '../testing/test-clock.ts';
import { openTestDatabase } from '../testing/test-database.ts';
import {
  addDocumentKey,
  documentKeyRows,
  documentKeysFor,
  ensureDocumentKey,
  leaveDocumentKey,
  loadDocumentSigner,
  newDocumentKey,
} from './document-keys.ts';
import { createSecretBox } from './seal.ts';

let db: Db;
const clock = createTestClock();
const secrets = createSecretBox(systemRandom.bytes(32), systemRandom.bytes);
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db?.destroy());

const document = { siteId: 'site-1', documentKind: 'access', version: 3, digest: 'ab' } as const;

function isGood(publicKey: string, text: string, signature: string): boolean {
  const key = createPublicKey({
    key: Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), Buffer.from(publicKey, 'base64')]),
    format: 'der',
    type: 'spki',
  });
  return verify(null, Buffer.from(text), key, Buffer.from(signature, 'base64'));
}

test('SY-07 one key follows another: both sign for a time, and every list is signed by the one that sites know', async () => {
  const context = { db, clock, secrets };
  const add = async (): Promise<string> => {
    const key = newDocumentKey();
    await addDocumentKey(context, key);
    return key.keyId;
  };
  await Promise.all([ensureDocumentKey(context), ensureDocumentKey(context)]);
  const [first, ...more] = await documentKeyRows(db);
  if (first === undefined) throw new Error('no key');
  expect(more, 'processes that start together make one key').toEqual([]);
  expect(first.private_key_sealed).not.toContain(first.public_key);
  const [signature] = (await loadDocumentSigner(context)).signaturesOf(document);
  expect(isGood(first.public_key, signedTextOf(document), signature?.signature ?? '')).toBe(true);
  expect(isGood(first.public_key, signedTextOf({ ...document, siteId: 'site-2' }), signature?.signature ?? '')).toBe(
    false,
  );

  clock.advance(1000);
  const second = await add();
  await expect(add()).rejects.toMatchObject({ code: 'resource.exists' });
  const both = await loadDocumentSigner(context);
  expect(both.signaturesOf(document).map(({ keyId }) => keyId)).toEqual([first.key_id, second]);
  expect(documentKeysSchema.parse(JSON.parse(both.offer().text))).toMatchObject({
    serial: 2,
    keys: [{ keyId: first.key_id }, { keyId: second }],
  });

  await leaveDocumentKey(context, first.key_id);
  await expect(leaveDocumentKey(context, second)).rejects.toMatchObject({ code: 'request.invalid' });
  await expect(leaveDocumentKey(context, first.key_id)).rejects.toMatchObject({ code: 'request.not_found' });
  const last = await loadDocumentSigner(context);
  expect(last.signaturesOf(document).map(({ keyId }) => keyId)).toEqual([second]);
  const offer = last.offer();
  expect(JSON.parse(offer.text)).toMatchObject({ serial: 3, keys: [{ keyId: second }] });
  const byFirst = offer.signatures.find(({ keyId }) => keyId === first.key_id);
  expect(isGood(first.public_key, signedTextOfKeys(offer.text), byFirst?.signature ?? '')).toBe(true);

  expect(await documentKeysFor(context, [second])).toBeNull();
  expect(await documentKeysFor(context, [first.key_id])).toEqual(offer);
  expect(await documentKeysFor(context, [])).toEqual(offer);
  expect(await documentKeysFor(context, null), 'older software knows no keys').toBeNull();
});

test('SY-07 a process with another master key does not start: it could answer no site', async () => {
  const other = createSecretBox(systemRandom.bytes(32), systemRandom.bytes);
  await ensureDocumentKey({ db, clock, secrets });
  await expect(ensureDocumentKey({ db, clock, secrets: other })).rejects.toThrow('not that of this database');
});
