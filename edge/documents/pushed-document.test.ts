import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { expect, test } from 'vitest';
import { type DocumentKeys, signedTextOf, signedTextOfKeys } from '#shared/document-signing.ts';
import type { DocumentPush } from '#shared/wire/messages.ts';
import { documentDigest } from './document-history.ts';
import { keysToPin, type PinnedKeys, refusalOfPush } from './pushed-document.ts';

interface Key {
  readonly keyId: string;
  readonly publicKey: string;
  readonly privateKey: KeyObject;
}

function newKey(): Key {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const bytes = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
  const keyId = createHash('sha256').update(bytes).digest('hex').slice(0, 16);
  return { keyId, publicKey: bytes.toString('base64'), privateKey };
}
const [present, next, stranger] = [newKey(), newKey(), newKey()];

const listOf = (serial: number, ...keys: Key[]): DocumentKeys => ({
  serial,
  keys: keys.map(({ keyId, publicKey }) => ({ keyId, publicKey })),
});
const pinned = (...keys: Key[]): PinnedKeys => ({ kind: 'pinned', keys: listOf(1, ...keys) });
const signedBy = (text: string, ...keys: Key[]) =>
  keys.map(({ keyId, privateKey }) => ({
    keyId,
    signature: sign(null, Buffer.from(text), privateKey).toString('base64'),
  }));

const text = '{ "version": 7 }';
const document = { documentKind: 'tariffs', version: 7, digest: documentDigest(text) } as const;
const push = (...keys: Key[]): DocumentPush => ({
  v: 1,
  ...document,
  text,
  signatures: signedBy(signedTextOf({ siteId: 'site-1', ...document }), ...keys),
});

test('SY-07 a push that a pinned key has signed is accepted, also beside signatures of keys that nobody knows here', () => {
  expect(refusalOfPush(push(present), 'site-1', pinned(present))).toBeNull();
  expect(refusalOfPush(push(stranger, next, present), 'site-1', pinned(present))).toBeNull();
  expect(refusalOfPush(push(next), 'site-1', pinned(present, next))).toBeNull();
});

test.each<[string, DocumentPush, string]>([
  ['unsigned', { v: 1, ...document, text }, 'document.unsigned'],
  ['signed by another key', push(stranger), 'document.unsigned'],
  ['with another version', { ...push(present), version: 8 }, 'document.bad_signature'],
  ['with another text', { ...push(present), digest: documentDigest('x') }, 'document.bad_signature'],
  ['as another kind', { ...push(present), documentKind: 'site' }, 'document.bad_signature'],
  [
    "under a known key's name",
    { ...push(stranger), signatures: push(stranger).signatures?.map((one) => ({ ...one, keyId: present.keyId })) },
    'document.bad_signature',
  ],
])('SY-07 a push %s is refused', (_, pushed, code) => {
  expect(refusalOfPush(pushed, 'site-1', pinned(present))).toMatchObject({ code });
});

test('SY-07 what was signed for one site is refused at another', () => {
  expect(refusalOfPush(push(present), 'site-2', pinned(present))).toMatchObject({ code: 'document.bad_signature' });
});

test('SY-07 while no key is pinned any push may be looked at; where keys cannot be read, none', () => {
  expect(refusalOfPush({ v: 1, ...document, text }, 'site-1', { kind: 'none' })).toBeNull();
  const unreadable = { kind: 'unreadable', reason: 'half a file' } as const;
  expect(refusalOfPush(push(present), 'site-1', unreadable)).toEqual({
    code: 'document.unsigned',
    detail: 'half a file',
  });
});

const offer = (list: DocumentKeys, ...keys: Key[]) => {
  const listText = JSON.stringify(list);
  return { text: listText, signatures: signedBy(signedTextOfKeys(listText), ...keys) };
};

test('SY-07 the first keys that are offered are pinned; later ones only when a pinned key has signed them', () => {
  const both = listOf(2, present, next);
  expect(keysToPin(offer(listOf(1, present)), { kind: 'none' })).toEqual(listOf(1, present));
  expect(keysToPin(offer(both, present, next), pinned(present))).toEqual(both);
  expect(keysToPin(offer(both, next), pinned(present))).toBeNull();
  expect(keysToPin(offer(listOf(3, stranger), stranger), pinned(present, next))).toBeNull();
  const [borrowed] = offer(both, present).signatures;
  const forged = { ...offer(listOf(9, stranger)), signatures: borrowed === undefined ? [] : [borrowed] };
  expect(keysToPin(forged, pinned(present))).toBeNull();
});

test('SY-07 an older list of keys takes no newer place, and what cannot be read is no list', () => {
  expect(keysToPin(offer(listOf(1, next), present), pinned(present))).toBeNull();
  expect(keysToPin({ text: '{', signatures: [] }, { kind: 'none' })).toBeNull();
  expect(keysToPin(offer(listOf(2, next), present), { kind: 'unreadable', reason: 'x' })).toBeNull();
});

test('SY-07 a signature of a document is none of a list of keys', () => {
  const list = JSON.stringify(listOf(2, stranger));
  expect(keysToPin({ text: list, signatures: signedBy(list, present) }, pinned(present))).toBeNull();
});
