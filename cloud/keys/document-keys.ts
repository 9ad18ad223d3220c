import { createHash, createPrivateKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { sql } from 'kysely';
import {
  type DocumentKeys,
  type DocumentKeysOffer,
  type DocumentSignature,
  type SignedDocument,
  signedTextOf,
  signedTextOfKeys,
} from '#shared/document-signing.ts';
import { PilegateError } from '#shared/errors.ts';
import type { CloudContext } from '../context.ts';
import type { Db } from '../db/connect.ts';
import { type Trx, transaction } from '../db/transaction.ts';
import type { SecretBox } from './seal.ts';
import type { DocumentKeyRow } from './tables.ts';

/** What the cloud signs documents with, as it is stored at one moment. */
export interface DocumentSigner {
  /** By every key in use. */
  signaturesOf(document: SignedDocument): DocumentSignature[];
  /** The keys in use, signed by all that there are. */
  offer(): DocumentKeysOffer;
}

type KeyContext = Pick<CloudContext, 'db' | 'clock' | 'secrets'>;

/** In use at once: the present key and the next one. */
const MOST_IN_USE = 2;

/** Raw bytes of an Ed25519 public key: the end of its DER (RFC 8410). */
const PUBLIC_KEY_BYTES = 32;

/** A key that is in nobody's hands yet. */
export interface NewDocumentKey {
  readonly keyId: string;
  readonly publicBytes: Buffer;
  readonly privateKey: KeyObject;
}

export function newDocumentKey(): NewDocumentKey {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const publicBytes = publicKey.export({ format: 'der', type: 'spki' }).subarray(-PUBLIC_KEY_BYTES);
  const keyId = createHash('sha256').update(publicBytes).digest('hex').slice(0, 16);
  return { keyId, publicBytes, privateKey };
}

/**
 * Makes the first key where there is none. Processes that start together make one.
 *
 * @throws Error when the keys were sealed with another master key: sites would say hello, and never be answered
 */
export async function ensureDocumentKey(context: KeyContext): Promise<void> {
  await transaction(context.db, async (trx) => {
    if ((await lockedKeys(trx)).length === 0) await insertKey(context, trx, newDocumentKey());
  });
  await loadDocumentSigner(context);
}

/**
 * Begins to sign with another key as well. Sites learn it by a list that the present key has signed.
 *
 * @throws PilegateError `resource.exists` while there are two already
 */
export function addDocumentKey(context: KeyContext, key: NewDocumentKey): Promise<void> {
  return transaction(context.db, async (trx) => {
    const inUse = (await lockedKeys(trx)).filter((row) => row.left_at_ms === null);
    if (inUse.length >= MOST_IN_USE)
      throw new PilegateError('resource.exists', `${inUse.map((row) => row.key_id).join(' and ')} are in use`);
    await insertKey(context, trx, key);
  });
}

/**
 * Signs no more documents with a key.
 *
 * @throws PilegateError `request.not_found`; `request.invalid` for the last one: nothing could be signed any more
 */
export async function leaveDocumentKey(context: KeyContext, keyId: string): Promise<void> {
  await transaction(context.db, async (trx) => {
    const inUse = (await lockedKeys(trx)).filter((row) => row.left_at_ms === null);
    if (!inUse.some((row) => row.key_id === keyId))
      throw new PilegateError('request.not_found', `no key ${keyId} is in use`);
    if (inUse.length === 1) throw new PilegateError('request.invalid', `${keyId} is the only key in use`);
    await trx
      .updateTable('document_keys')
      .set({ left_at_ms: context.clock.wallMs() })
      .where('key_id', '=', keyId)
      .execute();
  });
}

export const documentKeyRows = (db: Db): Promise<DocumentKeyRow[]> =>
  db.selectFrom('document_keys').selectAll().orderBy('created_at_ms').orderBy('key_id').execute();

/** The serial of the list of keys in use: each key that comes and each that goes makes it higher by one. */
export const serialOf = (rows: readonly DocumentKeyRow[]): number =>
  rows.length + rows.filter((row) => row.left_at_ms !== null).length;

export async function loadDocumentSigner({ db, secrets }: Pick<KeyContext, 'db' | 'secrets'>): Promise<DocumentSigner> {
  const rows = await documentKeyRows(db);
  const opened = rows.map((row) => ({
    row,
    privateKey: openedKey(secrets, row),
  }));
  const inUse = opened.filter(({ row }) => row.left_at_ms === null);
  // Of those that were left the last ones: a site that has missed more changes than that is given the keys by hand.
  const signing = [...inUse, ...opened.filter(({ row }) => row.left_at_ms !== null).slice(-MOST_IN_USE)];
  const signed = (by: typeof opened, text: string): DocumentSignature[] =>
    by.map(({ row, privateKey }) => ({
      keyId: row.key_id,
      signature: sign(null, Buffer.from(text), privateKey).toString('base64'),
    }));
  return {
    signaturesOf: (document) => signed(inUse, signedTextOf(document)),
    offer() {
      const list: DocumentKeys = {
        serial: serialOf(rows),
        keys: inUse.map(({ row }) => ({ keyId: row.key_id, publicKey: row.public_key })),
      };
      const text = JSON.stringify(list);
      return { text, signatures: signed(signing, signedTextOfKeys(text)) };
    },
  };
}

/** What a site is told of the keys; null where there is nothing to tell. @param known null: it knows no signatures */
export async function documentKeysFor(
  context: Pick<KeyContext, 'db' | 'secrets'>,
  known: readonly string[] | null,
): Promise<DocumentKeysOffer | null> {
  if (known === null) return null;
  const inUse = await context.db.selectFrom('document_keys').select('key_id').where('left_at_ms', 'is', null).execute();
  const isSame = inUse.length === known.length && inUse.every((row) => known.includes(row.key_id));
  return isSame ? null : (await loadDocumentSigner(context)).offer();
}

async function lockedKeys(trx: Trx): Promise<DocumentKeyRow[]> {
  await sql`lock table document_keys in exclusive mode`.execute(trx);
  return trx.selectFrom('document_keys').selectAll().execute();
}

async function insertKey(
  { clock, secrets }: KeyContext,
  trx: Trx,
  { keyId, publicBytes, privateKey }: NewDocumentKey,
): Promise<void> {
  const sealed = secrets.seal(privateKey.export({ format: 'der', type: 'pkcs8' }).toString('base64'), contextOf(keyId));
  await trx
    .insertInto('document_keys')
    .values({
      key_id: keyId,
      public_key: publicBytes.toString('base64'),
      private_key_sealed: sealed,
      created_at_ms: clock.wallMs(),
      left_at_ms: null,
    })
    .execute();
}

function openedKey(secrets: SecretBox, { key_id: keyId, private_key_sealed: sealed }: DocumentKeyRow): KeyObject {
  try {
    return privateKeyOf(secrets.open(sealed, contextOf(keyId)));
  } catch (cause) {
    throw new Error(`document key ${keyId} cannot be read: keys/master.key is not that of this database`, { cause });
  }
}

const contextOf = (keyId: string): string => `document-key:${keyId}`;

const privateKeyOf = (base64: string): KeyObject =>
  createPrivateKey({ key: Buffer.from(base64, 'base64'), format: 'der', type: 'pkcs8' });
