import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { cdrSchema } from '#shared/wire/cdr.ts';
import { exampleTariff, staffPost } from '../../cloud/testing/fixtures.ts';
import { startTestCloud, type TestCloud } from '../../cloud/testing/test-cloud.ts';
import { SAME_CARD_WITHIN_MS } from '../../edge/access/card-sightings.ts';
import { cardDocuments, cardList, DRIVER, referenceOf, stationWithReader } from '../stand/card-site.ts';
import { EdgeProcess } from '../stand/edge-process.ts';
import { SimulatedStation } from '../stand/simulated-station.ts';
import { connectorOf, SITE_ID, siteOf } from '../stand/small-site.ts';
import { pass, until } from '../stand/stand.ts';
import { CutLine } from './cut-line.ts';

/** Goal: what a card begins while the cloud is away is one order there when it is back, to the cent, and nobody's at a partner. */

async function openSite(cloud: TestCloud) {
  const folder = mkdtempSync(join(tmpdir(), 'pilegate-local-'));
  const line = await CutLine.to(cloud.brokerUrl);
  const station = await SimulatedStation.open(folder, stationWithReader);
  const { shard, broker_password: password } = await staffPost(cloud.app, cloud.staffToken, '/staff/v1/sites', {
    site_id: SITE_ID,
    name: 'A site with a card reader',
    environment: 'sandbox',
    timezone: exampleTariff.timezone,
    login: 'password',
    connectors: stationWithReader.piles.map(({ pileId, model }) => ({
      connector_id: connectorOf(pileId),
      pile_id: pileId,
      model,
      max_power_w: 11_000,
    })),
  });
  await staffPost(cloud.app, cloud.staffToken, '/staff/v1/tariffs', { site_ids: [SITE_ID], tariff: exampleTariff });
  writeFileSync(join(folder, 'password'), password);
  const site = {
    ...siteOf(stationWithReader, station.lines, line.url),
    ...cardDocuments(folder, exampleTariff, 'refuse'),
    cloud: { brokerUrl: line.url, shard, passwordFile: 'password' },
  };
  writeFileSync(join(folder, 'site.json'), JSON.stringify(site));
  const edge = new EdgeProcess({ siteFile: join(folder, 'site.json'), logFile: join(folder, 'edge.log') });
  onTestFinished(async () => {
    await edge.stop();
    await station.close();
    await line.close();
    rmSync(folder, { recursive: true, force: true });
  });
  await edge.ready;
  return { line, station, edge };
}

test('ED-10 OP-17 OP-19 a card charges with the cloud away, and the cloud has one order with the same cents', {
  timeout: 120_000,
}, async () => {
  const cloud = await startTestCloud();
  onTestFinished(() => cloud.stop());
  const { db } = cloud.context;
  const { line, station, edge } = await openSite(cloud);
  const changes = (to: string) =>
    until(
      `A1 is ${to}`,
      20_000,
      () => edge.log.findLast((one) => one.pileId === 'A1' && one.msg === 'connector changes')?.to === to,
    );
  const statusOf = async () =>
    (await db.selectFrom('connector_states').select('status').where('connector_id', '=', 'A1-1').executeTakeFirst())
      ?.status;

  const before = await station.vehicle('A1', { plugged: true });
  await until('the cloud sees the car', 30_000, async () => (await statusOf()) === 'plugged');
  line.cut();
  await station.presentCard('R1', DRIVER);
  await changes('charging');
  await pass(5000);
  await station.presentCard('R1', DRIVER);
  await changes('idle');
  const after = await station.pile('A1');
  expect(await db.selectFrom('orders').selectAll().execute()).toEqual([]);

  line.mend();
  const ended = () => db.selectFrom('orders').selectAll().where('state', '!=', 'charging').execute();
  const [order] = await until('the order', 40_000, async () => ((await ended()).length > 0 ? await ended() : null));
  expect(await db.selectFrom('orders').selectAll().execute()).toHaveLength(1);
  expect(order).toMatchObject({
    origin: 'local',
    partner_id: null,
    state: 'completed',
    connector_id: 'A1-1',
    started_by_kind: 'card',
    started_by_reference: referenceOf(DRIVER),
    stop_reason: 'driver',
  });
  expect(Math.abs((order?.energy_wh ?? 0) - (after.energyTruthWh - before.energyTruthWh))).toBeLessThanOrEqual(1);
  const [stored] = await db.selectFrom('cdrs').selectAll().execute();
  const cdr = cdrSchema.parse(JSON.parse(stored?.document ?? ''));
  expect(cdr.rating?.totalMinor).toBeGreaterThan(0);
  expect(JSON.parse(stored?.rerated ?? '').totalMinor).toBe(cdr.rating?.totalMinor);
  expect(await db.selectFrom('webhook_events').selectAll().execute()).toEqual([]);
  expect(await db.selectFrom('exceptions').selectAll().execute()).toEqual([]);
});

test('ED-10 SY-07 while the cloud is there, a charge that a card began is seen as it runs, and a card that is blocked there begins no other', {
  timeout: 120_000,
}, async () => {
  const cloud = await startTestCloud();
  onTestFinished(() => cloud.stop());
  const { db } = cloud.context;
  const { station, edge } = await openSite(cloud);
  await station.vehicle('A1', { plugged: true });
  const state = () =>
    db.selectFrom('connector_states').selectAll().where('connector_id', '=', 'A1-1').executeTakeFirst();
  await until('the cloud sees the car', 30_000, async () => (await state())?.status === 'plugged');
  await station.presentCard('R1', DRIVER);
  const order = await until('an order that charges', 30_000, () =>
    db.selectFrom('orders').selectAll().where('state', '=', 'charging').executeTakeFirst(),
  );
  expect(order).toMatchObject({ origin: 'local', tariff_id: exampleTariff.tariffId, tariff_version: 1 });
  await until('energy in the live view', 20_000, async () => {
    const live = await state();
    return live?.session_id === order.session_id && (live?.energy_wh ?? 0) > 0;
  });

  const text = cardList(2, DRIVER);
  const document = { document_kind: 'access', text, requested_by: 'Li Na' };
  await staffPost(cloud.app, cloud.staffToken, `/staff/v1/sites/${SITE_ID}/documents`, document);
  await until('the site has the list', 20_000, async () => {
    const sent = await db.selectFrom('site_documents').selectAll().where('version', '=', 2).executeTakeFirst();
    return sent?.status === 'active';
  });
  // Sooner it would still be the presentation that has begun it.
  await pass(SAME_CARD_WITHIN_MS);
  await station.presentCard('R1', DRIVER);
  await until('its own charge is over', 30_000, async () => {
    const [row] = await db.selectFrom('orders').selectAll().execute();
    return row?.state === 'completed' && row.stop_reason === 'driver';
  });
  await pass(SAME_CARD_WITHIN_MS);
  await station.presentCard('R1', DRIVER);
  const refusal = await until('it is refused', 5000, () => edge.log.find(({ msg }) => msg === 'card is refused'));
  expect(refusal.code).toBe('access.card_blocked');
});
