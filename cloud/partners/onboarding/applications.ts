import { PilegateError } from '#shared/errors.ts';
import { sha256Hex } from '../../canonical-json.ts';
import type { CloudContext } from '../../context.ts';
import type { Db } from '../../db/connect.ts';
import { type Trx, transaction } from '../../db/transaction.ts';
import type { Random } from '../../random.ts';
import type { ApplicationRow } from '../tables.ts';
import { type ApplicationEvent, type ApplicationState, afterEvent, allowedIn } from './machine.ts';
import type { Registration } from './registration.ts';
import { isNearlyFull, undecided } from './room.ts';

const TOKEN_BYTES = 32;
/** A draft that nobody has touched for so long is forgotten, with its files. */
const DRAFT_KEPT_MS = 30 * 86_400_000;
/** While there is little room: since it was begun, so that touching drafts does not keep them. */
const DRAFT_KEPT_BRIEFLY_MS = 86_400_000;

type ApplicationContext = Pick<CloudContext, 'db' | 'clock' | 'random'>;

export const newApplicationId = (random: Random): string => `pa_${random.bytes(12).toString('hex')}`;

/** @returns the token by which the applicant sees and changes the application; only its digest is kept */
export function createApplication(
  context: ApplicationContext,
  applicationId: string,
  registration: Registration,
): Promise<string> {
  const token = `pat_${context.random.bytes(TOKEN_BYTES).toString('base64url')}`;
  const nowMs = context.clock.wallMs();
  const row: ApplicationRow = {
    application_id: applicationId,
    token_sha256: sha256Hex(token),
    state: 'draft',
    revision: 1,
    submissions: 0,
    credit_code: registration.credit_code,
    document: JSON.stringify(registration),
    created_at_ms: nowMs,
    updated_at_ms: nowMs,
    submitted_at_ms: null,
    partner_id: null,
  };
  return transaction(context.db, async (trx) => {
    await trx.insertInto('partner_applications').values(row).execute();
    return token;
  });
}

const byId = (db: Db | Trx, applicationId: string) =>
  db.selectFrom('partner_applications').selectAll().where('application_id', '=', applicationId);

/** The application whose token this is; null: there is none. */
export const findOwnApplication = (db: Db, applicationId: string, token: string): Promise<ApplicationRow | null> =>
  byId(db, applicationId)
    .where('token_sha256', '=', sha256Hex(token))
    .executeTakeFirst()
    .then((row) => row ?? null);

const unknown = (applicationId: string) => () =>
  new PilegateError('application.unknown', `no application ${applicationId}`);

/** @throws PilegateError `application.unknown` */
export const findApplication = (db: Db, applicationId: string): Promise<ApplicationRow> =>
  byId(db, applicationId).executeTakeFirstOrThrow(unknown(applicationId));

/** @throws PilegateError `application.unknown` */
export const lockApplication = (trx: Trx, applicationId: string): Promise<ApplicationRow> =>
  byId(trx, applicationId).forUpdate().executeTakeFirstOrThrow(unknown(applicationId));

/** @throws PilegateError `application.state` */
export function stateAfter(state: ApplicationState, event: ApplicationEvent): ApplicationState {
  const next = afterEvent(state, event);
  if (next !== null) return next;
  const allowed = allowedIn(state);
  throw new PilegateError('application.state', `it is ${state}, which allows ${allowed.join(', ') || 'nothing'}`);
}

/** Changes what is applied for. @throws PilegateError `application.state` while it is with staff, and when all is over */
export const reviseApplication = (
  context: ApplicationContext,
  applicationId: string,
  registration: Registration,
): Promise<void> =>
  transaction(context.db, async (trx) => {
    await touch(trx, context, applicationId);
    await trx
      .updateTable('partner_applications')
      .set({ document: JSON.stringify(registration), credit_code: registration.credit_code })
      .where('application_id', '=', applicationId)
      .execute();
  });

/** Counts a change of an application that may be changed. */
export async function touch(trx: Trx, { clock }: Pick<CloudContext, 'clock'>, applicationId: string): Promise<void> {
  const row = await lockApplication(trx, applicationId);
  await trx
    .updateTable('partner_applications')
    .set({
      state: stateAfter(row.state, 'revise'),
      revision: row.revision + 1,
      updated_at_ms: clock.wallMs(),
    })
    .where('application_id', '=', applicationId)
    .execute();
}

/**
 * Hands an application in.
 *
 * @throws PilegateError `application.state`, or `application.incomplete` without a business licence
 */
export const submitApplication = (context: ApplicationContext, applicationId: string): Promise<void> =>
  transaction(context.db, async (trx) => {
    const row = await lockApplication(trx, applicationId);
    const state = stateAfter(row.state, 'submit');
    const licence = await trx
      .selectFrom('application_files')
      .select('file_id')
      .where('application_id', '=', applicationId)
      .where('purpose', '=', 'business-licence')
      .where('removed_at_ms', 'is', null)
      .executeTakeFirst();
    if (licence === undefined) throw new PilegateError('application.incomplete', 'the business licence');
    const nowMs = context.clock.wallMs();
    await trx
      .updateTable('partner_applications')
      .set({ state, submissions: row.submissions + 1, submitted_at_ms: nowMs, updated_at_ms: nowMs })
      .where('application_id', '=', applicationId)
      .execute();
  });

/** @throws PilegateError `application.state` */
export const withdrawApplication = (context: ApplicationContext, applicationId: string): Promise<void> =>
  transaction(context.db, async (trx) => {
    const row = await lockApplication(trx, applicationId);
    await trx
      .updateTable('partner_applications')
      .set({ state: stateAfter(row.state, 'withdraw'), updated_at_ms: context.clock.wallMs() })
      .where('application_id', '=', applicationId)
      .execute();
  });

/** Forgets drafts, and what was withdrawn before anybody has decided on it. */
export async function forgetDrafts(db: Db, nowMs: number): Promise<void> {
  const isBrief = await isNearlyFull(db);
  await transaction(db, async (trx) => {
    const old = await trx
      .selectFrom('partner_applications')
      .select('application_id')
      .where('state', 'in', ['draft', 'withdrawn'])
      .where((where) =>
        isBrief
          ? where('created_at_ms', '<', nowMs - DRAFT_KEPT_BRIEFLY_MS)
          : where('updated_at_ms', '<', nowMs - DRAFT_KEPT_MS),
      )
      .where(undecided)
      .limit(100)
      .forUpdate()
      .skipLocked()
      .execute();
    const ids = old.map((row) => row.application_id);
    if (ids.length === 0) return;
    await trx.deleteFrom('application_files').where('application_id', 'in', ids).execute();
    await trx.deleteFrom('partner_applications').where('application_id', 'in', ids).execute();
  });
}
