import { CREDIT_CODE_ALPHABET, creditCodeCheck } from '../../../cloud/partners/onboarding/credit-code.ts';
import { examplePdf, examplePng, exampleRegistration } from '../../../cloud/testing/applicant.ts';
import { exampleTariff } from '../../../cloud/testing/fixtures.ts';
import { bearerCaller, type Caller, partnerCaller } from '../callers.ts';
import { fieldOf, textOf } from '../told.ts';
import type { PartnerCaller, Walk } from '../walk.ts';
import { charging, stopped } from './charging.ts';

const ALL_SCOPES = ['read', 'control', 'orders', 'settlement', 'keys'];
const WHY = { reason: 'fuzz' };

/** A partner of its own with a key for everything. */
export async function newPartner(walk: Walk): Promise<PartnerCaller> {
  const wish = walk.parts.fresh('partner');
  const made = await walk.ask('POST /staff/v1/partners', walk.staff(), { body: { partner_id: wish, name: wish } });
  const partnerId = textOf(made, 'partner_id');
  return newKey(walk, partnerId);
}

async function newKey(walk: Walk, partnerId: string): Promise<PartnerCaller> {
  const body = { environment: 'sandbox', scopes: ALL_SCOPES };
  const key = await walk.look('POST /staff/v1/partners/{partner_id}/keys', walk.staff(), {
    path: { partner_id: partnerId },
    body,
  });
  const made = { key_id: textOf(key, 'key_id'), secret: textOf(key, 'secret') };
  return partnerCaller(partnerId, made, walk.dice);
}

/** Money comes, is held, is charged, goes, and is settled by hand. */
export const credit = (walk: Walk): Promise<void> =>
  walk.parts.stage.withConnector(async (connectorId) => {
    const partner = await newPartner(walk);
    const path = { partner_id: partner.partnerId ?? '' };
    const money = { environment: 'sandbox', currency: 'CNY' };
    await walk.confirmed('POST /staff/v1/partners/{partner_id}/credit/terms', {
      path,
      body: { ...money, kind: 'deposit', limit_minor: 0, hold_per_start_minor: 500, low_marks_minor: [100], ...WHY },
    });
    for (const kind of ['top_up', 'withdrawal', 'credit', 'debit'])
      await walk.confirmed('POST /staff/v1/partners/{partner_id}/credit/transfers', {
        path,
        body: {
          transfer_id: walk.dice.uuid(),
          ...money,
          kind,
          amount_minor: kind === 'top_up' ? 1_000_000 : walk.dice.between(1, 1_000),
          reference: 'fuzz',
          ...WHY,
        },
      });
    await walk.ask('POST /staff/v1/partners/{partner_id}/prices', walk.staff(), {
      path,
      body: { environment: 'sandbox', site_id: null, schedule: pricesOf(walk), ...WHY },
    });
    const { orderId } = await charging(walk, partner, connectorId, walk.parts.stage.site.oddHoldMinor);
    await walk.ask('GET /v1/credit/{currency}/holds', partner, { path: { currency: 'CNY' } });
    const state = await stopped(walk, partner, orderId);
    await walk.ask('GET /v1/credit', partner);
    await walk.ask('GET /v1/credit/{currency}/transfers', partner, { path: { currency: 'CNY' } });
    await walk.ask('GET /staff/v1/partners/{partner_id}/credit/transfers', walk.staff(), { path, query: money });
    if (state !== 'abnormal') return;
    await walk.confirmed('POST /staff/v1/orders/{order_id}/settlement', {
      path: { order_id: orderId },
      body: { transfer_id: walk.dice.uuid(), amount_minor: 300, ...WHY },
    });
  });

const pricesOf = (walk: Walk) => ({
  version: 1,
  currency: 'CNY',
  bounds: { leastPriceE4: 0, mostPriceE4: 50_000 },
  tariffs: [
    {
      from: '2026-01-01T00:00:00+08:00',
      until: null,
      tariff: { ...exampleTariff, tariffId: walk.parts.fresh('prices') },
    },
  ],
});

/** What is told a partner, and told once more. */
export const webhooks = (walk: Walk): Promise<void> =>
  walk.parts.stage.withConnector(async (connectorId) => {
    const partner = await newPartner(walk);
    const made = await walk.ask('POST /v1/webhook-endpoints', partner, { body: { url: walk.parts.stage.hookUrl } });
    const path = { endpoint_id: textOf(made, 'endpoint_id') };
    await walk.ask('GET /v1/webhook-endpoints', partner);
    await walk.ask('PATCH /v1/webhook-endpoints/{endpoint_id}', partner, { path, body: { description: 'fuzz' } });
    await walk.ask('GET /v1/webhook-endpoints/{endpoint_id}', partner, { path });
    await walk.look('POST /v1/webhook-endpoints/{endpoint_id}/test', partner, { path });
    const { orderId } = await charging(walk, partner, connectorId, 1_000);
    await stopped(walk, partner, orderId);
    const list = await walk.until(
      'GET /v1/webhook-deliveries',
      partner,
      { query: { order_id: orderId } },
      (told) => fieldOf(told, 'deliveries', 0, 'status') === 'delivered',
    );
    const delivery = { delivery_id: textOf(list, 'deliveries', 0, 'delivery_id') };
    await walk.ask('GET /v1/webhook-deliveries/{delivery_id}', partner, { path: delivery });
    const event = { event_id: textOf(list, 'deliveries', 0, 'event_id') };
    await walk.ask('POST /v1/webhook-replays', partner, { body: { request_id: walk.dice.uuid(), ...event } });
    const ofPartner = { partner_id: partner.partnerId ?? '' };
    await walk.ask('GET /staff/v1/partners/{partner_id}/webhook-deliveries/{delivery_id}', walk.staff(), {
      path: { ...ofPartner, ...delivery },
    });
    await walk.ask('POST /staff/v1/partners/{partner_id}/webhook-replays', walk.staff(), {
      path: ofPartner,
      body: { environment: 'sandbox', request_id: walk.dice.uuid(), ...event },
    });
    await walk.ask('POST /v1/webhook-endpoints/{endpoint_id}/rotate-secret', partner, {
      path,
      body: { overlap_s: 60 },
    });
    await walk.ask('POST /v1/webhook-endpoints/{endpoint_id}/pause', partner, { path });
    await walk.ask('POST /v1/webhook-endpoints/{endpoint_id}/enable', partner, { path });
    await walk.look('DELETE /v1/webhook-endpoints/{endpoint_id}', partner, { path });
  });

/** The life of a key, by its partner and by staff. */
export async function keys(walk: Walk): Promise<void> {
  const partner = await newPartner(walk);
  const partnerId = partner.partnerId ?? '';
  const ofKey = (keyId: string) => ({ partner_id: partnerId, key_id: keyId });
  const second = await newKey(walk, partnerId);
  await walk.ask('GET /staff/v1/partners/{partner_id}/keys', walk.staff(), { path: { partner_id: partnerId } });
  const rotated = await walk.ask('POST /v1/keys/{key_id}/rotate', partner, {
    path: { key_id: second.key.key_id },
    body: { overlap_s: 60 },
  });
  await walk.ask('GET /v1/keys', partner);
  const keyId = textOf(rotated, 'key_id');
  const path = ofKey(keyId);
  await walk.ask('PATCH /staff/v1/partners/{partner_id}/keys/{key_id}', walk.staff(), { path, body: { label: 'z' } });
  await walk.look('POST /staff/v1/partners/{partner_id}/keys/{key_id}/disable', walk.staff(), { path, body: WHY });
  await walk.look('POST /staff/v1/partners/{partner_id}/keys/{key_id}/enable', walk.staff(), { path, body: WHY });
  await walk.look('POST /v1/keys/{key_id}/disable', partner, { path: { key_id: keyId }, body: WHY });
  const third = await newKey(walk, partnerId);
  const revoked = { path: ofKey(third.key.key_id), body: WHY };
  await walk.look('POST /staff/v1/partners/{partner_id}/keys/{key_id}/rotate', walk.staff(), {
    path: ofKey(partner.key.key_id),
    body: { overlap_s: 60 },
  });
  await walk.confirmed('POST /staff/v1/partners/{partner_id}/keys/{key_id}/revoke', revoked);
  const ofPartner = { path: { partner_id: partnerId } };
  await walk.ask('POST /staff/v1/partners/{partner_id}/access', walk.staff(), {
    ...ofPartner,
    body: { environment: 'sandbox', stations: 'listed', site_ids: [walk.parts.stage.site.siteId], ...WHY },
  });
  const query = { environment: 'sandbox' };
  await walk.ask('GET /staff/v1/partners/{partner_id}/terms', walk.staff(), { ...ofPartner, query });
  await walk.ask('GET /staff/v1/partners/{partner_id}/webhook-endpoints', walk.staff(), ofPartner);
  await walk.ask('POST /staff/v1/partners/{partner_id}/suspend', walk.staff(), {
    path: { partner_id: partnerId },
    body: WHY,
  });
  await walk.ask('POST /staff/v1/partners/{partner_id}/resume', walk.staff(), {
    path: { partner_id: partnerId },
    body: WHY,
  });
}

function creditCode(walk: Walk): string {
  const letters = Array.from({ length: 9 }, () => CREDIT_CODE_ALPHABET.charAt(walk.dice.between(0, 30))).join('');
  const body = `91440300${letters}`;
  return body + creditCodeCheck(body);
}

/** From a registration to a key: refused once, handed in again, approved. Or it is withdrawn. */
export async function onboarding(walk: Walk): Promise<void> {
  const registration = { ...exampleRegistration, credit_code: creditCode(walk), callback_url: 'https://8.8.8.8/hook' };
  const base = '/onboarding/v1/applications';
  const made = await walk.ask(`POST ${base}`, walk.nobody(), { body: registration });
  const path = { application_id: textOf(made, 'application_id') };
  const applicant = applicantOf(walk, made);
  await walk.ask(`PUT ${base}/{application_id}`, applicant, {
    path,
    body: { ...registration, company_name: '深圳充电' },
  });
  const add = (body: Buffer, type: string, purpose: string) =>
    walk.ask(`POST ${base}/{application_id}/files`, applicant, {
      path,
      query: { purpose, name: 'file' },
      body,
      headers: { 'content-type': type },
    });
  const withFile = await add(examplePng, 'image/png', 'business-licence');
  await walk.look(`DELETE ${base}/{application_id}/files/{file_id}`, applicant, {
    path: { ...path, file_id: textOf(withFile, 'files', 0, 'file_id') },
  });
  const again = await add(examplePdf, 'application/pdf', 'business-licence');
  await walk.look(`POST ${base}/{application_id}/submit`, applicant, { path });
  await walk.ask(`GET ${base}/{application_id}`, applicant, { path });
  const fileId = fieldOf(again, 'files', Number(fieldOf(again, 'files', 'length')) - 1, 'file_id');
  const staffBase = '/staff/v1/partner-applications/{application_id}';
  await walk.ask('GET /staff/v1/partner-applications', walk.staff());
  await walk.ask(`GET ${staffBase}/files/{file_id}`, walk.staff(), { path: { ...path, file_id: String(fileId) } });
  const decide = async (decision: string, more: object = {}) => {
    const seen = await walk.look(`GET ${staffBase}`, walk.staff(), { path });
    const review = { decision, revision: fieldOf(seen, 'revision'), ...WHY, reviewed_by: 'z', ...more };
    return walk.ask(`POST ${staffBase}/decide`, walk.staff(), { path, body: review });
  };
  await decide('ask');
  await walk.look(`POST ${base}/{application_id}/submit`, applicant, { path });
  const partnerId = walk.parts.fresh('approved');
  const evidence = [{ source: 'business-registry', reference: 'fuzz' }];
  await decide('approve', { partner_id: partnerId, evidence });
  await newKey(walk, partnerId);
}

/** Somebody registers, and thinks better of it. */
export async function withdrawal(walk: Walk): Promise<void> {
  const body = { ...exampleRegistration, credit_code: creditCode(walk), callback_url: 'https://8.8.8.8/hook' };
  const made = await walk.look('POST /onboarding/v1/applications', walk.nobody(), { body });
  const applicant = applicantOf(walk, made);
  const path = { application_id: textOf(made, 'application_id') };
  await walk.ask('POST /onboarding/v1/applications/{application_id}/withdraw', applicant, { path });
}

/** Comes from an address of its own, with the token that was shown once. */
function applicantOf(walk: Walk, made: unknown): Caller {
  const [nobody, bearer] = [walk.nobody(), bearerCaller(textOf(made, 'token'))];
  return {
    partnerId: null,
    headers: (request) => ({ ...nobody.headers(request), ...bearer.headers(request) }),
  };
}
