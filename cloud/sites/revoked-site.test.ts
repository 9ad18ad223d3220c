import { expect, test } from 'vitest';
import { transaction } from '../db/transaction.ts';
import { sendDueDocuments } from '../documents/document-sender.ts';
import { sendDueCommands } from '../operations/command-sender.ts';
import { insertCommand } from '../operations/commands.ts';
import { systemRandom } from '../random.ts';
import type { ChargingSite } from '../testing/charging-site.ts';
import { staffPost } from '../testing/fixtures.ts';
import { onChargingSites } from '../testing/on-charging-sites.ts';
import { silentDown } from '../testing/silent-down.ts';
import { createTestClock } from '../testing/test-clock.ts';
import type { TestCloud } from '../testing/test-cloud.ts';

const clock = createTestClock();
let cloud: TestCloud;
let site: ChargingSite;
onChargingSites('revoked', clock, (onCloud, onSite) => {
  cloud = onCloud;
  site = onSite;
});

const staff = (path: string, body: object) =>
  staffPost(cloud.app, cloud.staffToken, `/staff/v1/sites/${site.stage.siteId}${path}`, body);
/** What the cloud does not send by itself yet. */
const later = { ...clock, wallMs: () => clock.wallMs() + 70_000 };

/** What is due is sent, to nobody. */
async function sendAll(): Promise<string[]> {
  const sent: string[] = [];
  const say = (what: string) => Promise.resolve(void sent.push(what));
  const down = silentDown({ command: (_site, { kind }) => say(kind), document: () => say('document') });
  await sendDueCommands({ ...cloud.context, clock: later, down });
  await sendDueDocuments({ ...cloud.context, clock: later, down });
  return sent;
}

async function askToReboot(): Promise<void> {
  const { siteId, shard } = site.stage;
  const issuedAtMs = clock.wallMs() + 60_000;
  const terms = { expiresAtMs: issuedAtMs + 600_000, ttlMs: 600_000 };
  const head = { v: 1, commandId: systemRandom.uuid(), connectorId: site.connectorId(), issuedAtMs } as const;
  const reboot = { ...head, ...terms, kind: 'maintain', requestId: 'r', action: 'reboot', stopRunning: false } as const;
  await transaction(cloud.context.db, (trx) =>
    insertCommand(trx, { operationId: null, siteId, shard }, { ...reboot, by: 'wang' }),
  );
}

async function putDocument(): Promise<void> {
  await cloud.context.db
    .insertInto('site_documents')
    .values({
      site_id: site.stage.siteId,
      kind: 'access',
      version: 1,
      digest: 'a'.repeat(64),
      text: '{}',
      requested_by: 'wang',
      created_at_ms: clock.wallMs(),
      next_send_at_ms: clock.wallMs() + 60_000,
      sent_count: 0,
      status: 'open',
      source: 'cloud',
      detail: null,
      complaints: null,
      reported_at_ms: null,
    })
    .execute();
}

test('SY-06 under the name of a revoked site nothing is told but to stop, until a new claim is redeemed', async () => {
  const { body } = await site.start();
  await site.begin(await site.takeStart());
  await staff('/credentials/revoke', { requested_by: 'wang', reason: 'stolen' });
  await askToReboot();
  await putDocument();
  expect((await site.stop(body.order_id)).status).toBe(202);
  // The cloud sends it by itself at the same time, and has it locked meanwhile.
  await expect.poll(sendAll).toEqual(['stop']);

  const { claim_code: claimCode } = await staff('/claims', { requested_by: 'wang' });
  const wish = { kind: 'password', passwordSha256: 'b'.repeat(64) };
  const claim = { siteId: site.stage.siteId, claimCode, wish };
  const redeemed = await cloud.app.inject({ method: 'POST', url: '/site/v1/claims', payload: claim });
  expect(redeemed.statusCode).toBe(200);
  expect((await sendAll()).sort()).toEqual(['document', 'maintain']);
});
