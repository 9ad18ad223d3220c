import { createHash } from 'node:crypto';
import { exampleTariff } from '../../../cloud/testing/fixtures.ts';
import { fieldOf, textOf } from '../told.ts';
import type { Walk } from '../walk.ts';

const WHO = { requested_by: 'z' };
const WHY = { reason: 'fuzz' };
const HOUR_MS = 3_600_000;
const inHours = (hours: number): string => new Date(Date.now() + hours * HOUR_MS).toISOString();

/** A site from its first claim to the end of its credentials. */
export async function site(walk: Walk): Promise<void> {
  const connectorId = walk.parts.fresh('c');
  const made = await walk.ask('POST /staff/v1/sites', walk.staff(), {
    body: {
      site_id: walk.parts.fresh('site'),
      name: 'fuzz',
      environment: 'sandbox',
      timezone: 'Asia/Shanghai',
      connectors: [{ connector_id: connectorId, pile_id: `${connectorId}-pile`, model: 'sim', max_power_w: 7_000 }],
    },
  });
  const siteId = textOf(made, 'site_id');
  const path = { site_id: siteId };
  await walk.look('POST /staff/v1/sites/{site_id}/claims', walk.staff(), { path, body: { ...WHO, valid_for_h: 1 } });
  const claim = await walk.look('POST /staff/v1/sites/{site_id}/claims', walk.staff(), { path, body: WHO });
  const passwordSha256 = createHash('sha256').update(siteId).digest('hex');
  await walk.look('POST /site/v1/claims', walk.nobody(), {
    body: { claimCode: textOf(claim, 'claim_code'), siteId, wish: { kind: 'password', passwordSha256 } },
  });
  await walk.ask('GET /staff/v1/sites/{site_id}/credentials', walk.staff(), { path });
  await walk.ask('POST /staff/v1/sites/{site_id}/hours', walk.staff(), { path, body: { hours: null, ...WHY } });
  await pileCode(walk, connectorId);
  await prices(walk, siteId);
  await piles(walk, siteId, connectorId);
  await windows(walk, siteId);
  for (const what of ['withdraw', 'restore'])
    await walk.ask(`POST /staff/v1/connectors/{connector_id}/${what}`, walk.staff(), {
      path: { connector_id: connectorId },
      body: WHY,
    });
  await walk.confirmed('POST /staff/v1/sites/{site_id}/withdraw', { path, body: WHY });
  await walk.ask('POST /staff/v1/sites/{site_id}/restore', walk.staff(), { path, body: WHY });
  await rollout(walk, siteId);
  await walk.confirmed('POST /staff/v1/sites/{site_id}/credentials/revoke', { path, body: { ...WHO, ...WHY } });
  await walk.confirmed('POST /staff/v1/sites/{site_id}/charges/end', { path, body: { ...WHO, ...WHY } });
}

async function pileCode(walk: Walk, connectorId: string): Promise<void> {
  const code = walk.parts.fresh('code').toUpperCase();
  await walk.look('POST /staff/v1/connectors/{connector_id}/pile-code', walk.staff(), {
    path: { connector_id: connectorId },
    body: { pile_code: code, ...WHO },
  });
  const partner = walk.partner();
  await walk.ask('GET /v1/pile-codes/{code}', partner, { path: { code } });
  await walk.ask('GET /v1/pile-codes', partner, { query: { content: code } });
}

async function prices(walk: Walk, siteId: string): Promise<void> {
  const tariff = { ...exampleTariff, tariffId: walk.parts.fresh('tariff') };
  await walk.ask('POST /staff/v1/tariffs', walk.staff(), { body: { site_ids: [siteId], tariff } });
  await walk.ask('GET /v1/tariffs/{tariff_id}/versions/{version}', walk.partner(), {
    path: { tariff_id: tariff.tariffId, version: tariff.version },
  });
}

/** What is told of a place by its name, to partners and to staff. */
async function piles(walk: Walk, siteId: string, connectorId: string): Promise<void> {
  await walk.ask('GET /v1/stations/{site_id}/piles/{pile_id}', walk.partner(), {
    path: { site_id: siteId, pile_id: `${connectorId}-pile` },
  });
  await walk.ask('GET /staff/v1/connectors/{connector_id}/samples', walk.staff(), {
    path: { connector_id: connectorId },
    query: { from: inHours(-1), to: inHours(1) },
  });
}

async function windows(walk: Walk, siteId: string): Promise<void> {
  const window = { connector_ids: null, from: inHours(1), until: inHours(2), note: 'fuzz' };
  const base = '/staff/v1/sites/{site_id}/maintenance-windows';
  const made = await walk.ask(`POST ${base}`, walk.staff(), {
    path: { site_id: siteId },
    body: { window_id: walk.dice.uuid(), ...window },
  });
  const path = { window_id: textOf(made, 'window_id') };
  const one = '/staff/v1/maintenance-windows/{window_id}';
  await walk.ask(`POST ${one}/change`, walk.staff(), { path, body: { ...window, until: inHours(3) } });
  await walk.ask(`POST ${one}/cancel`, walk.staff(), { path, body: WHY });
}

/** A document for a site that is away: it waits, and is taken back. */
async function rollout(walk: Walk, siteId: string): Promise<void> {
  const path = { site_id: siteId };
  const text = JSON.stringify({ fuzz: siteId });
  const put = await walk.ask('POST /staff/v1/sites/{site_id}/documents', walk.staff(), {
    path,
    body: { document_kind: 'site', text, ...WHO },
  });
  await walk.ask('GET /staff/v1/sites/{site_id}/documents/{document_kind}/{version}', walk.staff(), {
    path: { ...path, document_kind: 'site', version: Number(fieldOf(put, 'version')) },
  });
  const made = await walk.confirmed('POST /staff/v1/rollouts', {
    body: {
      request_id: walk.dice.uuid(),
      document_kind: 'site',
      text: `${text} `,
      sites: [{ site_id: siteId }],
      waves: [{ percent: 100 }],
      soak_s: 60,
      answer_within_s: 600,
      away_after_s: 600,
      halt_at_failures: 1,
      allow_without_way_back: true,
      ...WHY,
      ...WHO,
    },
  });
  const of = { path: { rollout_id: textOf(made, 'rollout_id') } };
  await walk.ask('GET /staff/v1/rollouts/{rollout_id}', walk.staff(), of);
  await walk.ask('GET /staff/v1/rollouts/{rollout_id}/steps', walk.staff(), of);
  for (const action of ['pause', 'resume'])
    await walk.look(`POST /staff/v1/rollouts/{rollout_id}/${action}`, walk.staff(), {
      ...of,
      body: { ...WHO, ...WHY },
    });
  await walk.ask('POST /staff/v1/rollouts/{rollout_id}/abort', walk.staff(), {
    ...of,
    body: { ...WHO, ...WHY, roll_back: false },
  });
}

/** What staff do at a site that is there: maintenance, diagnostics, who speaks for it, records that were refused. */
export const upkeep = (walk: Walk): Promise<void> =>
  walk.parts.stage.withConnector(async (connectorId) => {
    const { stage } = walk.parts;
    const wish = { request_id: walk.dice.uuid(), connector_id: connectorId, ...WHO };
    const action = walk.dice.pick(['reboot', 'unlock']);
    const made = await walk.ask('POST /staff/v1/maintenance', walk.staff(), { body: { ...wish, action } });
    await walk.untilField(
      'GET /staff/v1/maintenance/{command_id}',
      walk.staff(),
      { path: { command_id: textOf(made, 'command_id') } },
      'status',
      'done',
    );
    const path = { site_id: stage.site.siteId };
    const bundle = await walk.ask('POST /staff/v1/sites/{site_id}/diagnostics', walk.staff(), { path, body: WHO });
    const ofBundle = { path: { bundle_id: textOf(bundle, 'bundle_id') } };
    await walk.untilField('GET /staff/v1/diagnostics/{bundle_id}', walk.staff(), ofBundle, 'status', 'complete');
    await walk.ask('GET /staff/v1/diagnostics/{bundle_id}/content', walk.staff(), ofBundle);
    const lives = await walk.ask('GET /staff/v1/sites/{site_id}/lives', walk.staff(), { path });
    await walk.ask('POST /staff/v1/sites/{site_id}/lives/{life_id}/choose', walk.staff(), {
      path: { ...path, life_id: textOf(lives, 'lives', 0, 'life_id') },
      body: { chosen_by: 'z' },
    });
    await stage.site.tellNonsense();
    const letters = await walk.ask('GET /staff/v1/dead-letters', walk.staff());
    const last = fieldOf(letters, 'dead_letters', 0, 'dead_letter_id');
    await walk.ask('POST /staff/v1/dead-letters/{dead_letter_id}/retry', walk.staff(), {
      path: { dead_letter_id: Number(last) },
      body: { retried_by: 'z' },
    });
  });

/** A fault on purpose at a simulated pile, and its end. */
export const sandboxFault = (walk: Walk): Promise<void> =>
  walk.parts.stage.withConnector(async (connectorId) => {
    const partner = walk.partner();
    const path = { connector_id: connectorId };
    const made = await walk.ask('POST /v1/sandbox/connectors/{connector_id}/faults', partner, {
      path,
      body: { kind: walk.dice.pick(['vehicle-plugged', 'ground-fault', 'emergency-stop']), duration_s: 2 },
    });
    await walk.ask('GET /v1/sandbox/connectors/{connector_id}/faults', partner, { path });
    const ofFault = { path: { fault_id: textOf(made, 'fault_id') } };
    await walk.look('DELETE /v1/sandbox/faults/{fault_id}', partner, ofFault);
  });

/** A further key to sign documents with; the one before leaves. */
export async function documentKeys(walk: Walk): Promise<void> {
  const made = await walk.look('POST /staff/v1/document-keys', walk.staff(), { body: WHO });
  const inUse = [fieldOf(made, 'keys')].flat().filter((key) => fieldOf(key, 'left_at') === null);
  await walk.confirmed('POST /staff/v1/document-keys/{key_id}/leave', {
    path: { key_id: textOf(inUse[0], 'key_id') },
    body: WHO,
  });
}
