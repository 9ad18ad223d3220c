import { describeComplaints } from '#shared/complaints.ts';
import { isPilegateError, type PilegateError } from '#shared/errors.ts';
import { raisePlatformAlarm } from '../alarms/raise-alarm.ts';
import { digestOf, sha256Hex } from '../canonical-json.ts';
import type { CloudContext } from '../context.ts';
import { savepoint, type Trx, transaction } from '../db/transaction.ts';
import { documentInForce, highestVersion, putDocumentIn } from '../documents/put-document.ts';
import { storable } from '../ingest/storable.ts';
import { takeEach } from '../runtime/take-each.ts';
import { putTariffsBack } from '../stations/put-tariff-schedule.ts';
import { answerOf, rolloutFacts, siteFacts } from './facts.ts';
import { type Decision, decide, isRefusal } from './machine.ts';
import { numbered, type SiteValues, siteText } from './site-text.ts';
import { PLATFORM, recordSteps, type Step } from './steps.ts';
import type { RolloutRow, RolloutSiteRow } from './tables.ts';

type SweepContext = Pick<CloudContext, 'db' | 'clock' | 'random' | 'logger' | 'wake'>;

/**
 * Takes every roll-out that is not over one round further. Processes that sweep at once share them out.
 *
 * @throws why a round failed, after the others have been taken further
 */
export async function sweepRollouts(context: SweepContext): Promise<void> {
  const open = await context.db
    .selectFrom('rollouts')
    .select('rollout_id')
    .where('finished_at_ms', 'is', null)
    .orderBy('created_at_ms')
    .execute();
  await takeEach(open, async ({ rollout_id: rolloutId }) => {
    const count = await transaction(context.db, (trx) => takeFurther(context, trx, rolloutId));
    if (count > 0) context.wake.commands();
  });
}

/** @returns how many decisions there were */
async function takeFurther(context: SweepContext, trx: Trx, rolloutId: string): Promise<number> {
  const rollout = await trx
    .selectFrom('rollouts')
    .selectAll()
    .where('rollout_id', '=', rolloutId)
    .where('finished_at_ms', 'is', null)
    .forUpdate()
    .skipLocked()
    .executeTakeFirst();
  if (rollout === undefined) return 0;
  const nowMs = context.clock.wallMs();
  const decisions = decide(rolloutFacts(rollout), await siteFacts(trx, rollout, nowMs), nowMs);
  for (const decision of decisions) await carryOut({ ...context, trx, rollout, nowMs }, decision);
  return decisions.length;
}

interface Round extends SweepContext {
  readonly trx: Trx;
  readonly rollout: RolloutRow;
  readonly nowMs: number;
}

function carryOut(round: Round, decision: Decision): Promise<void> {
  switch (decision.kind) {
    case 'site':
      return move(round, decision);
    case 'send':
      return send(round, decision.siteId);
    case 'revert':
      return revert(round, decision.siteId);
    case 'wave':
      return change(
        round,
        { wave: decision.wave, wave_begun_at_ms: round.nowMs },
        { step: 'wave', detail: `wave ${decision.wave + 1} of ${round.rollout.waves}` },
      );
    case 'halt':
      return halt(round, decision.detail);
    case 'complete':
      return change(round, { state: 'completed', finished_at_ms: round.nowMs }, { step: 'completed', detail: null });
    case 'finish':
      return change(round, { finished_at_ms: round.nowMs }, { step: 'finished', detail: null });
  }
}

async function change(
  { trx, rollout: { rollout_id: rolloutId }, nowMs, logger }: Round,
  set: Partial<RolloutRow>,
  step: Pick<Step, 'step' | 'detail'>,
): Promise<void> {
  await trx.updateTable('rollouts').set(set).where('rollout_id', '=', rolloutId).execute();
  await recordSteps(trx, [{ rolloutId, atMs: nowMs, by: PLATFORM, ...step }]);
  logger.info({ rolloutId, ...step }, 'roll-out goes on');
}

async function moveSite(
  { trx, rollout: { rollout_id: rolloutId }, nowMs, logger }: Round,
  siteId: string,
  set: Partial<RolloutSiteRow> & Pick<RolloutSiteRow, 'state' | 'detail'>,
): Promise<void> {
  const { state, detail } = set;
  await trx
    .updateTable('rollout_sites')
    .set({ ...set, changed_at_ms: nowMs })
    .where('rollout_id', '=', rolloutId)
    .where('site_id', '=', siteId)
    .execute();
  await recordSteps(trx, [{ rolloutId, atMs: nowMs, by: PLATFORM, siteId, step: state, detail }]);
  logger.info({ rolloutId, siteId, state, detail }, 'site in a roll-out');
}

async function move(round: Round, { siteId, to, detail }: Extract<Decision, { kind: 'site' }>): Promise<void> {
  await moveSite(round, siteId, { state: to, detail });
  if (to === 'failed' && round.rollout.kind === 'tariffs') await priceAsOnSite(round, siteId);
}

/** A schedule that the site has refused, or has left, prices nothing that is started from here either. */
async function priceAsOnSite(round: Round, siteId: string): Promise<void> {
  const { trx, nowMs } = round;
  const { version, digest, sent_at_ms: sentAtMs } = await siteRow(round, siteId);
  if (version === null || sentAtMs === null) return;
  const put = await trx
    .selectFrom('site_documents')
    .select('status')
    .where('site_id', '=', siteId)
    .where('kind', '=', 'tariffs')
    .where('version', '=', version)
    .where('digest', '=', digest)
    .executeTakeFirst();
  if (put !== undefined && isRefusal(answerOf(put.status))) await putTariffsBack(trx, siteId, sentAtMs, nowMs);
}

/** From here on no site is sent to, and each that may have it goes back. */
async function halt(round: Round, detail: string): Promise<void> {
  const { trx, rollout, nowMs, logger } = round;
  await change(round, { state: 'halted', is_reverting: true }, { step: 'halt', detail });
  const told = `roll-out ${rollout.rollout_id}: ${detail}`;
  const about = `rollout/${rollout.rollout_id}`;
  await raisePlatformAlarm(round, trx, { about, code: 'rollout.halted', severity: 'warning', detail: told, nowMs });
  logger.error({ rolloutId: rollout.rollout_id, detail }, 'roll-out halts, and goes back');
}

/** What cannot be put for a site now counts as its failure; the others go on. */
async function send(round: Round, siteId: string): Promise<void> {
  const { trx } = round;
  try {
    await savepoint(trx, () => sendTo(round, siteId));
  } catch (error) {
    if (!isPilegateError(error)) throw error;
    await moveSite(round, siteId, { state: 'failed', detail: error.message });
  }
}

async function sendTo(round: Round, siteId: string): Promise<void> {
  const { trx, rollout, nowMs } = round;
  const { kind, requested_by: requestedBy } = rollout;
  const site = await siteRow(round, siteId);
  const values = site.site_values === null ? {} : (JSON.parse(site.site_values) as SiteValues);
  const text = siteText(site.text ?? rollout.text ?? '', values, siteId);
  const before = await documentInForce(trx, siteId, kind);
  if (before !== undefined && (await isInForce(round, siteId, before, numbered(kind, text, before.version))))
    return moveSite(round, siteId, { state: 'had', detail: `version ${before.version} is the same` });
  const next = (await highestVersion(trx, siteId, kind)) + 1;
  const put = await putDocumentIn(trx, { siteId, kind, text: numbered(kind, text, next), requestedBy }, nowMs);
  await moveSite(round, siteId, {
    state: 'sent',
    detail: `as version ${put.version}`,
    version: put.version,
    digest: put.digest,
    sent_at_ms: nowMs,
    before_version: before?.version ?? null,
    before_digest: before?.digest ?? null,
  });
}

/** Whom nothing can be put for now is left to a technician; the others go back. */
async function revert(round: Round, siteId: string): Promise<void> {
  try {
    await savepoint(round.trx, () => sendBack(round, siteId));
  } catch (error) {
    if (!isPilegateError(error)) throw error;
    await moveSite(round, siteId, { state: 'stuck', detail: storable(`going back: ${whyOf(error)}`, 500) });
  }
}

const whyOf = ({ message, complaints }: PilegateError): string =>
  complaints.length === 0 ? message : `${message}: ${describeComplaints(complaints.slice(0, 5))}`;

/** Sends what was in force before as a new version: the one that is there never comes to be older than itself. */
async function sendBack(round: Round, siteId: string): Promise<void> {
  const { trx, rollout, nowMs } = round;
  const { kind, requested_by: requestedBy } = rollout;
  const site = await siteRow(round, siteId);
  const text = await textBefore(round, site);
  if (text === null) {
    const detail = `what was in force before is not known here; on site: pilectl documents rollback ${kind}`;
    return moveSite(round, siteId, { state: 'stuck', detail });
  }
  const next = (await highestVersion(trx, siteId, kind)) + 1;
  const put = await putDocumentIn(trx, { siteId, kind, text: numbered(kind, text, next), requestedBy }, nowMs);
  await moveSite(round, siteId, {
    state: 'reverting',
    detail: `to version ${site.before_version}, as version ${put.version}`,
    revert_version: put.version,
    revert_digest: put.digest,
  });
}

const textBefore = (round: Round, site: RolloutSiteRow): Promise<string | null> =>
  site.before_version === null || site.before_digest === null
    ? Promise.resolve(null)
    : textOf(round, site.site_id, { version: site.before_version, digest: site.before_digest });

interface Named {
  readonly version: number;
  readonly digest: string;
}

/** Null where the version was made on site, and staff have not put it here. */
async function textOf({ trx, rollout }: Round, siteId: string, { version, digest }: Named): Promise<string | null> {
  const row = await trx
    .selectFrom('site_documents')
    .select('text')
    .where('site_id', '=', siteId)
    .where('kind', '=', rollout.kind)
    .where('version', '=', version)
    .where('digest', '=', digest)
    .executeTakeFirst();
  return row?.text ?? null;
}

/** Byte for byte, or, of plain JSON, in all that it says. */
async function isInForce(round: Round, siteId: string, inForce: Named, text: string): Promise<boolean> {
  if (sha256Hex(text) === inForce.digest) return true;
  const present = round.rollout.kind === 'site' ? null : await textOf(round, siteId, inForce);
  return present !== null && digestOf(JSON.parse(present)) === digestOf(JSON.parse(text));
}

const siteRow = ({ trx, rollout }: Round, siteId: string): Promise<RolloutSiteRow> =>
  trx
    .selectFrom('rollout_sites')
    .selectAll()
    .where('rollout_id', '=', rollout.rollout_id)
    .where('site_id', '=', siteId)
    .executeTakeFirstOrThrow();
