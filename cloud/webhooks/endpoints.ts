import { z } from 'zod';
import { PilegateError } from '#shared/errors.ts';
import type { CloudContext } from '../context.ts';
import { transaction } from '../db/transaction.ts';
import { iso, isoOrNull } from '../http/iso.ts';
import type { Caller } from '../partners/caller.ts';
import { parseWebhookUrl, resolveAllowed } from './address-guard.ts';
import { endpointSecretContext } from './delivery-worker.ts';
import { type EventType, eventTypes } from './event-types.ts';
import { disableEndpoint } from './outcome.ts';
import { recordEvent } from './record-event.ts';
import type { endpointSchema } from './schemas.ts';
import { SECRET_BYTES, secretText } from './sign.ts';
import type { WebhookEndpointRow } from './tables.ts';

const eventTypesSchema = z.array(z.enum(eventTypes));

export function endpointView(row: WebhookEndpointRow): z.infer<typeof endpointSchema> {
  return {
    endpoint_id: row.endpoint_id,
    url: row.url,
    event_types: row.event_types === null ? null : eventTypesSchema.parse(JSON.parse(row.event_types)),
    created_at: iso(row.created_at_ms),
    failing_since: isoOrNull(row.failing_since_ms),
    disabled_at: isoOrNull(row.disabled_at_ms),
    disabled_reason: row.disabled_reason,
  };
}

/**
 * Registers an address after checking it; it is checked again whenever a connection is made.
 *
 * @returns the row, and the secret, which is never shown again
 * @throws PilegateError `webhook.address_refused`
 */
export async function createEndpoint(
  context: CloudContext,
  caller: Caller,
  wish: { url: string; eventTypes: readonly EventType[] | null },
): Promise<{ row: WebhookEndpointRow; secret: string }> {
  const { url, target } = parseWebhookUrl(wish.url, context.settings.webhookDevAllow);
  await resolveAllowed(target, context.lookUp);
  const endpointId = `we_${context.random.uuid().replaceAll('-', '')}`;
  const secret = secretText(context.random.bytes(SECRET_BYTES));
  const row = await context.db
    .insertInto('webhook_endpoints')
    .values({
      endpoint_id: endpointId,
      partner_id: caller.partnerId,
      environment: caller.environment,
      url: url.href,
      event_types: wish.eventTypes === null ? null : JSON.stringify(wish.eventTypes),
      secret_sealed: context.secrets.seal(secret, endpointSecretContext(endpointId)),
      created_at_ms: context.clock.wallMs(),
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  return { row, secret };
}

/** The partner's endpoints in the environment of the key. */
export const ownEndpoints = (context: Pick<CloudContext, 'db'>, caller: Caller) =>
  context.db
    .selectFrom('webhook_endpoints')
    .selectAll()
    .where('partner_id', '=', caller.partnerId)
    .where('environment', '=', caller.environment)
    .where('deleted_at_ms', 'is', null);

/** @throws PilegateError `webhook.unknown` */
export async function findEndpoint(
  context: CloudContext,
  caller: Caller,
  endpointId: string,
): Promise<WebhookEndpointRow> {
  const row = await ownEndpoints(context, caller).where('endpoint_id', '=', endpointId).executeTakeFirst();
  if (row === undefined) throw new PilegateError('webhook.unknown', `no webhook endpoint ${endpointId}`);
  return row;
}

/** Ends an endpoint; what was still to be sent there is cancelled. */
export async function deleteEndpoint(context: CloudContext, endpoint: WebhookEndpointRow): Promise<void> {
  const nowMs = context.clock.wallMs();
  await transaction(context.db, async (trx) => {
    await disableEndpoint(trx, endpoint.endpoint_id, 'deleted by the partner', nowMs);
    await trx
      .updateTable('webhook_endpoints')
      .set({ deleted_at_ms: nowMs })
      .where('endpoint_id', '=', endpoint.endpoint_id)
      .execute();
  });
}

/** Sends a test event to one endpoint, whatever types it asked for. Returns the event's id. */
export async function sendTestEvent(context: CloudContext, endpoint: WebhookEndpointRow): Promise<string> {
  const nowMs = context.clock.wallMs();
  const eventId = await transaction(context.db, (trx) =>
    recordEvent(
      { trx, random: context.random, nowMs },
      {
        partnerId: endpoint.partner_id,
        environment: endpoint.environment,
        orderId: null,
        type: 'webhook.test',
        data: { endpoint_id: endpoint.endpoint_id },
        onlyEndpointId: endpoint.endpoint_id,
      },
    ),
  );
  context.wake.deliveries();
  return eventId;
}
