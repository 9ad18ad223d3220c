import { PilegateError } from '#shared/errors.ts';
import { sha256Hex } from '../../canonical-json.ts';
import type { CloudContext } from '../../context.ts';
import type { Db } from '../../db/connect.ts';
import { type Trx, transaction } from '../../db/transaction.ts';
import type { FilePurpose } from '../tables.ts';
import { touch } from './applications.ts';
import { contentOf, mediaTypes } from './file-content.ts';
import { takeRoom } from './room.ts';

export const MOST_FILE_BYTES = 5 * 1024 * 1024;
/** Of an application at a time, and of one ever, removed ones included. */
const MOST_FILES = 10;
const MOST_FILES_EVER = 30;

export interface NewFile {
  readonly purpose: FilePurpose;
  /** As the applicant calls it. */
  readonly name: string;
  /** As it was declared. */
  readonly mediaType: string;
  readonly bytes: Buffer;
  /** Who sends it, as limits by address name callers. */
  readonly from: string;
}

const refused = (detail: string): PilegateError => new PilegateError('application.file_refused', detail);

/** All of a file but what is in it. */
const columns = ['file_id', 'purpose', 'content_kind', 'name', 'bytes', 'sha256', 'created_at_ms'] as const;

/**
 * Adds a file to an application that may be changed. It is kept in the database: every process of the API sees it, and it is stored,
 * backed up and forgotten together with the application. It is a few megabytes, a few times a day.
 *
 * @throws PilegateError `application.file_refused`, `application.state`, `application.no_room`, `request.too_many`
 */
export async function addFile(
  context: Pick<CloudContext, 'db' | 'clock' | 'random'>,
  applicationId: string,
  file: NewFile,
): Promise<string> {
  const kind = contentOf(file.bytes);
  if (kind === null) throw refused('neither a whole PDF nor a JPEG nor a PNG, whatever it is called');
  if (mediaTypes[kind] !== file.mediaType)
    throw refused(`it was sent as ${file.mediaType}, and is ${mediaTypes[kind]}`);
  await takeRoom(context, file.from, file.bytes.length);
  const fileId = context.random.uuid();
  const sha256 = sha256Hex(file.bytes);
  return await transaction(context.db, async (trx) => {
    await touch(trx, context, applicationId);
    const others = await allFiles(trx, applicationId);
    const present = others.filter((other) => other.removed_at_ms === null);
    if (present.some((other) => other.sha256 === sha256)) throw refused('it is there already');
    if (present.length >= MOST_FILES) throw refused(`at most ${MOST_FILES} files`);
    if (others.length >= MOST_FILES_EVER)
      throw refused(`at most ${MOST_FILES_EVER} files, those that were removed included`);
    await trx
      .insertInto('application_files')
      .values({
        file_id: fileId,
        application_id: applicationId,
        purpose: file.purpose,
        content_kind: kind,
        name: file.name,
        bytes: file.bytes.length,
        sha256,
        content: file.bytes,
        created_at_ms: context.clock.wallMs(),
      })
      .execute();
    return fileId;
  });
}

const allFiles = (trx: Trx, applicationId: string) =>
  trx
    .selectFrom('application_files')
    .select(['sha256', 'removed_at_ms'])
    .where('application_id', '=', applicationId)
    .execute();

/**
 * Takes a file out of an application that may be changed. What was in it is kept only if a decision was made on it.
 *
 * @throws PilegateError `request.not_found`, `application.state`
 */
export const removeFile = (
  context: Pick<CloudContext, 'db' | 'clock'>,
  applicationId: string,
  fileId: string,
): Promise<void> =>
  transaction(context.db, async (trx) => {
    await touch(trx, context, applicationId);
    const removed = await trx
      .updateTable('application_files')
      .set({ removed_at_ms: context.clock.wallMs() })
      .where('application_id', '=', applicationId)
      .where('file_id', '=', fileId)
      .where('removed_at_ms', 'is', null)
      .executeTakeFirst();
    if (removed.numUpdatedRows !== 1n) throw new PilegateError('request.not_found', `no file ${fileId}`);
    const decided = await trx
      .selectFrom('application_reviews')
      .select('review_id')
      .where('application_id', '=', applicationId)
      .where('files', 'like', `%"${fileId}"%`)
      .executeTakeFirst();
    if (decided === undefined)
      await trx
        .updateTable('application_files')
        .set({ content: Buffer.alloc(0) })
        .where('file_id', '=', fileId)
        .execute();
  });

/** The files that an application has now. */
export const presentFiles = (db: Pick<Db, 'selectFrom'>, applicationId: string) =>
  db
    .selectFrom('application_files')
    .select(columns)
    .where('application_id', '=', applicationId)
    .where('removed_at_ms', 'is', null)
    .orderBy('created_at_ms')
    .orderBy('file_id')
    .execute();
export type FileRow = Awaited<ReturnType<typeof presentFiles>>[number];

/** What is in a file, also in one that was removed after a decision on it. @throws PilegateError `request.not_found` */
export async function readFileContent(db: Pick<Db, 'selectFrom'>, applicationId: string, fileId: string) {
  const row = await db
    .selectFrom('application_files')
    .select(['content', 'content_kind'])
    .where('application_id', '=', applicationId)
    .where('file_id', '=', fileId)
    .executeTakeFirst();
  if (row === undefined || row.content.length === 0) throw new PilegateError('request.not_found', `no file ${fileId}`);
  return { bytes: Buffer.from(row.content), kind: row.content_kind };
}
