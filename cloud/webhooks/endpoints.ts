import { sql } from 'kysely';
import type { z } from 'zod';
import { PilegateError } from '#shared/errors.ts';
import type { CloudContext } from '../context.ts';
import type { Db } from '../db/connect.ts';
import type { Environment } from '../db/schema.ts';
import { type Trx, transaction } from '../db/transaction.ts';
import { iso, isoOrNull } from '../http/iso.ts';
import type { Caller } from '../partners/caller.ts';
import { takeBackAnswers } from '../partners/first-answers.ts';
import { parseWebhookUrl, resolveAllowed } from './address-guard.ts';
import { disableEndpoint } from './disable.ts';
import type { EventType } from './event-types.ts';
import { chosenTypes, recordEvent } from './record-event.ts';
import type { endpointSchema } from './schemas.ts';
import { formerSecrets, sealSecret } from './secrets.ts';
import { SECRET_BYTES, secretText } from './sign.ts';
import type { WebhookEndpointRow } from './tables.ts';

/** Endpoints of a partner in one environment. */
export const MOST_ENDPOINTS = 20;

type EndpointContext = Pick<CloudContext, 'db' | 'clock' | 'random' | 'secrets' | 'settings' | 'lookUp' | 'wake'>;

export function endpointView(row: WebhookEndpointRow, nowMs: number): z.infer<typeof endpointSchema> {
  const { former_secret_until_ms: untilMs } = row;
  return {
    endpoint_id: row.endpoint_id,
    url: row.url,
    description: row.description,
    event_types: chosenTypes(row.event_types)?.slice() ?? null,
    status: row.disabled_at_ms !== null ? 'disabled' : row.paused_at_ms !== null ? 'paused' : 'enabled',
    created_at: iso(row.created_at_ms),
    failing_since: isoOrNull(row.failing_since_ms),
    paused_at: isoOrNull(row.paused_at_ms),
    disabled_at: isoOrNull(row.disabled_at_ms),
    disabled_reason: row.disabled_reason,
    former_secret_until: untilMs !== null && nowMs < untilMs ? iso(untilMs) : null,
  };
}

/** @throws PilegateError `webhook.address_refused` */
async function checkedUrl(context: Pick<EndpointContext, 'settings' | 'lookUp'>, text: string): Promise<string> {
  const { url, target } = parseWebhookUrl(text, context.settings.webhookDevAllow);
  await resolveAllowed(target, context.lookUp);
  return url.href;
}

/** An endpoint with the secret that signs from now on. */
export interface MadeEndpoint {
  readonly row: WebhookEndpointRow;
  readonly secret: string;
}

/** What is done with something in the transaction that made it; its result is what the caller gets. */
type Finish<Made, Answer> = (trx: Trx, made: Made) => Promise<Answer>;

interface EndpointWish {
  readonly url: string;
  /** Null: every type that need not be asked for by name. */
  readonly eventTypes: readonly EventType[] | null;
  readonly description: string | null;
}

/**
 * Registers an address after checking it; it is checked again whenever a connection is made.
 *
 * @throws PilegateError `webhook.address_refused`, `webhook.too_many`
 */
export async function createEndpoint<Answer>(
  context: EndpointContext,
  { partnerId, environment }: Caller,
  wish: EndpointWish,
  finish: Finish<MadeEndpoint, Answer>,
): Promise<Answer> {
  const url = await checkedUrl(context, wish.url);
  const endpointId = `we_${context.random.uuid().replaceAll('-', '')}`;
  const secret = secretText(context.random.bytes(SECRET_BYTES));
  return transaction(context.db, async (trx) => {
    // Two at once count one after the other.
    await trx.selectFrom('partners').select('partner_id').where('partner_id', '=', partnerId).forUpdate().execute();
    const there = await ownEndpoints(trx, { partnerId, environment }).execute();
    if (there.length >= MOST_ENDPOINTS) throw new PilegateError('webhook.too_many', `${there.length} are there`);
    const row = await trx
      .insertInto('webhook_endpoints')
      .values({
        endpoint_id: endpointId,
        partner_id: partnerId,
        environment,
        url,
        description: wish.description,
        event_types: wish.eventTypes === null ? null : JSON.stringify(wish.eventTypes),
        secret_sealed: sealSecret(context.secrets, endpointId, secret),
        created_at_ms: context.clock.wallMs(),
      })
      .returningAll()
      .executeTakeFirstOrThrow();
    return finish(trx, { row, secret });
  });
}

/** A partner's endpoints in one environment, or null for both. */
export const ownEndpoints = (
  db: Db | Trx,
  { partnerId, environment }: { readonly partnerId: string; readonly environment: Environment | null },
) =>
  db
    .selectFrom('webhook_endpoints')
    .selectAll()
    .where('partner_id', '=', partnerId)
    .$if(environment !== null, (query) => query.where('environment', '=', environment ?? 'sandbox'))
    .where('deleted_at_ms', 'is', null)
    .orderBy('created_at_ms')
    .orderBy('endpoint_id');

/** @throws PilegateError `webhook.unknown` */
export async function findEndpoint(db: Db | Trx, caller: Caller, endpointId: string): Promise<WebhookEndpointRow> {
  const row = await ownEndpoints(db, caller).where('endpoint_id', '=', endpointId).executeTakeFirst();
  if (row === undefined) throw new PilegateError('webhook.unknown', `no webhook endpoint ${endpointId}`);
  return row;
}

/** @throws PilegateError `webhook.unknown` when it has been deleted meanwhile */
async function update(trx: Trx, { endpoint_id: id }: WebhookEndpointRow, change: Partial<WebhookEndpointRow>) {
  const row = await trx
    .updateTable('webhook_endpoints')
    .set(change)
    .where('endpoint_id', '=', id)
    .where('deleted_at_ms', 'is', null)
    .returningAll()
    .executeTakeFirst();
  if (row === undefined) throw new PilegateError('webhook.unknown', `no webhook endpoint ${id}`);
  return row;
}

/**
 * Changes what is given. What waits goes to the new address; types count for events to come.
 *
 * @throws PilegateError `webhook.address_refused`
 */
export async function changeEndpoint(
  context: EndpointContext,
  endpoint: WebhookEndpointRow,
  wish: { readonly [Key in keyof EndpointWish]: EndpointWish[Key] | undefined },
): Promise<WebhookEndpointRow> {
  const change = {
    // A fresh five days: what the former address did says nothing of this one.
    ...(wish.url === undefined ? {} : { url: await checkedUrl(context, wish.url), failing_since_ms: null }),
    ...(wish.eventTypes === undefined ? {} : { event_types: wish.eventTypes && JSON.stringify(wish.eventTypes) }),
    ...(wish.description === undefined ? {} : { description: wish.description }),
  };
  return transaction(context.db, (trx) =>
    Object.keys(change).length === 0 ? Promise.resolve(endpoint) : update(trx, endpoint, change),
  );
}

/**
 * Gives the endpoint a new secret. Until the overlap is over, what was good before signs as well: also what an earlier rotation
 * has left, so that an answer that was lost costs nothing. Without an overlap all former secrets end at once.
 */
export function rotateSecret<Answer>(
  context: EndpointContext,
  endpoint: WebhookEndpointRow,
  overlapMs: number,
  finish: Finish<MadeEndpoint, Answer>,
): Promise<Answer> {
  const secret = secretText(context.random.bytes(SECRET_BYTES));
  return transaction(context.db, async (trx) => {
    const nowMs = context.clock.wallMs();
    const present = await trx
      .selectFrom('webhook_endpoints')
      .selectAll()
      .where('endpoint_id', '=', endpoint.endpoint_id)
      .forUpdate()
      .executeTakeFirstOrThrow();
    const untilMs = nowMs + overlapMs;
    const row = await update(trx, endpoint, {
      secret_sealed: sealSecret(context.secrets, endpoint.endpoint_id, secret),
      former_secret_sealed: overlapMs === 0 ? null : formerSecrets(context.secrets, present, nowMs),
      former_secret_until_ms: overlapMs === 0 ? null : Math.max(untilMs, present.former_secret_until_ms ?? 0),
    });
    return finish(trx, { row, secret });
  });
}

/**
 * Sends nothing there until it is enabled again; what happens waits.
 *
 * @throws PilegateError `webhook.disabled`
 */
export const pauseEndpoint = (context: EndpointContext, endpoint: WebhookEndpointRow): Promise<WebhookEndpointRow> =>
  transaction(context.db, (trx) => {
    if (endpoint.disabled_at_ms !== null) throw new PilegateError('webhook.disabled', endpoint.endpoint_id);
    return update(trx, endpoint, { paused_at_ms: endpoint.paused_at_ms ?? context.clock.wallMs() });
  });

/**
 * Sends there again, after a pause or after it was disabled. What a disabled endpoint has missed can be replayed.
 *
 * @throws PilegateError `webhook.address_refused`
 */
export async function enableEndpoint(
  context: EndpointContext,
  endpoint: WebhookEndpointRow,
): Promise<WebhookEndpointRow> {
  await checkedUrl(context, endpoint.url);
  const row = await transaction(context.db, (trx) =>
    update(trx, endpoint, {
      paused_at_ms: null,
      disabled_at_ms: null,
      disabled_reason: null,
      // A fresh five days, also after a pause, in which nothing was tried; one that fails on is seen at its next attempt.
      failing_since_ms: null,
    }),
  );
  context.wake.deliveries();
  return row;
}

/**
 * Ends an endpoint; what was still to be sent there is cancelled. Its secrets go at once: an attempt that is under way has its own copy.
 */
export async function deleteEndpoint(context: EndpointContext, endpoint: WebhookEndpointRow): Promise<void> {
  const nowMs = context.clock.wallMs();
  await transaction(context.db, async (trx) => {
    await disableEndpoint(trx, endpoint.endpoint_id, 'deleted by the partner', nowMs);
    await trx
      .updateTable('webhook_endpoints')
      .set({
        deleted_at_ms: sql<number>`coalesce(deleted_at_ms, ${nowMs}::bigint)`,
        secret_sealed: '',
        former_secret_sealed: null,
        former_secret_until_ms: null,
      })
      .where('endpoint_id', '=', endpoint.endpoint_id)
      .execute();
    await takeBackAnswers(trx, endpoint.endpoint_id);
  });
}

/**
 * Sends a test event to one endpoint, whatever types it asked for.
 *
 * @param finish takes the event's id
 * @throws PilegateError `webhook.disabled`
 */
export async function sendTestEvent<Answer>(
  context: EndpointContext,
  endpoint: WebhookEndpointRow,
  finish: Finish<string, Answer>,
): Promise<Answer> {
  if (endpoint.disabled_at_ms !== null) throw new PilegateError('webhook.disabled', endpoint.endpoint_id);
  const nowMs = context.clock.wallMs();
  const answer = await transaction(context.db, async (trx) => {
    const eventId = await recordEvent(
      { trx, random: context.random, nowMs },
      {
        partnerId: endpoint.partner_id,
        environment: endpoint.environment,
        orderId: null,
        type: 'webhook.test',
        data: { endpoint_id: endpoint.endpoint_id },
        onlyEndpointId: endpoint.endpoint_id,
      },
    );
    return finish(trx, eventId);
  });
  context.wake.deliveries();
  return answer;
}
