import { afterEach, describe, expect, test } from 'vitest';
import type { ChargingSite } from '../testing/charging-site.ts';
import { setTheStage, staffPost } from '../testing/fixtures.ts';
import { onChargingSites } from '../testing/on-charging-sites.ts';
import { openStreamClient, type StreamClient } from '../testing/stream-client.ts';
import { createTestClock } from '../testing/test-clock.ts';
import type { TestCloud } from '../testing/test-cloud.ts';

const clock = createTestClock();
let cloud: TestCloud;
let site: ChargingSite;
const open: StreamClient[] = [];

onChargingSites('sp', clock, (onCloud, onSite) => {
  cloud = onCloud;
  site = onSite;
});
afterEach(async () => {
  for (const one of open.splice(0)) {
    one.close();
    await one.closed();
  }
});

/** As long as a stream is told nothing new of a charge. */
const ROUND_MS = 10_000;
/** In which a stream that was due has been told. */
const LOOKED_MS = 1_500;

const connect = async (key = site.stage.key, query = ''): Promise<StreamClient> => {
  const client = await openStreamClient(cloud.httpUrl, clock, key, query);
  open.push(client);
  await expect.poll(() => client.messages.length).toBeGreaterThan(0);
  return client;
};
const newKey = (scopes: readonly string[]) =>
  staffPost(cloud.app, cloud.staffToken, `/staff/v1/partners/${site.stage.partnerId}/keys`, {
    environment: 'sandbox',
    scopes,
  });
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function charging(index = 0) {
  const connectorId = site.connectorId(index);
  if (index > 0) await site.plugIn(connectorId);
  const { body } = await site.start(`r-${index}`, connectorId);
  const { sessionId } = await site.begin(await site.takeStart());
  const orderId: string = body.order_id;
  const tell = async (energyWh: number, change = {}) => {
    const live = { status: 'charging' as const, sessionId, energyWh, powerW: 7_000, ...change };
    await site.edge.state(connectorId, live);
    await expect.poll(async () => (await site.order(orderId)).progress?.energy_wh).toBe(energyWh);
  };
  return { connectorId, sessionId, orderId, tell };
}

describe('OP-18 the stream tells how charges get on', { timeout: 60_000 }, () => {
  test('with energy, power, state of charge and cost so far, as the order shows them', async () => {
    const charge = await charging();
    clock.advance(2_000);
    await charge.tell(2_500, { socPercent: 63 });
    clock.advance(3_000);
    const client = await connect();
    await expect.poll(() => client.progress()).toHaveLength(1);
    expect(client.messages.at(-1)).toEqual({
      type: 'progress',
      at: new Date(clock.wallMs()).toISOString(),
      charges: [
        {
          order_id: charge.orderId,
          connector_id: charge.connectorId,
          energy_wh: 2_500,
          power_w: 7_000,
          soc_percent: 63,
          cost_so_far: { minor: 400, decimal: '4.00', currency: 'CNY' },
          observed_at: new Date(clock.wallMs() - 3_000).toISOString(),
          freshness_s: 3,
        },
      ],
    });
    const { order_id: _order, connector_id: _connector, ...told } = client.progress()[0]?.[0] ?? {};
    expect((await site.order(charge.orderId)).progress).toEqual(told);
  });

  test('every 10 s and not sooner, only those that were observed anew, and none once they have ended', async () => {
    const [one, other] = [await charging(0), await charging(1)];
    await one.tell(100);
    await other.tell(100);
    const client = await connect();
    const told = () =>
      client.progress().map((charges) => charges.map((each) => `${each.connector_id}:${each.energy_wh}`).sort());
    const rounds = [[`${one.connectorId}:100`, `${other.connectorId}:100`]];
    await expect.poll(told).toEqual(rounds);

    clock.advance(ROUND_MS - 1);
    await one.tell(200);
    await pause(LOOKED_MS);
    expect(told()).toEqual(rounds);
    clock.advance(1);
    rounds.push([`${one.connectorId}:200`]);
    await expect.poll(told).toEqual(rounds);

    await one.tell(300);
    await other.tell(300);
    await site.edge.record(site.ended(one.sessionId, one.orderId));
    clock.advance(ROUND_MS);
    rounds.push([`${other.connectorId}:300`]);
    await expect.poll(told).toEqual(rounds);
    await pause(LOOKED_MS);
    expect(told()).toEqual(rounds);

    const later = await connect(site.stage.key, `?after=${client.position()}`);
    await expect.poll(() => later.progress().map((charges) => charges.map((each) => each.energy_wh))).toEqual([[300]]);
    expect(later.messages[0]?.type).toBe('heartbeat');
  });

  test('to whom they belong, with a key with which orders may be read, of the station that is asked for', async () => {
    const stranger = await setTheStage(cloud, { name: `${site.stage.siteId}-stranger` });
    const charge = await charging();
    await charge.tell(100, { socPercent: 50 });
    const own = await connect(await newKey(['read', 'orders']));
    const controlling = await connect(await newKey(['read', 'control']));
    const silent = [
      await connect(await newKey(['read', 'settlement', 'keys'])),
      await connect(stranger.key),
      await connect(site.stage.key, `?site_id=${stranger.siteId}`),
    ];
    await expect.poll(() => own.progress()).toHaveLength(1);
    await expect.poll(() => controlling.progress()).toHaveLength(1);
    // All of them are due in one round.
    clock.advance(1_000);
    await charge.tell(200);
    clock.advance(ROUND_MS);
    await expect.poll(() => own.progress()).toHaveLength(2);
    await expect.poll(() => controlling.progress()).toHaveLength(2);
    await pause(LOOKED_MS);
    expect(silent.map((client) => client.progress())).toEqual([[], [], []]);
    // They live, and have heard of the change of status.
    expect(silent.map((client) => client.messages[0]?.type)).toEqual(['snapshot', 'snapshot', 'snapshot']);
  });

  test('OP-27 also at a station that its partner may not use any more: what runs there can be followed', async () => {
    const charge = await charging();
    await charge.tell(100);
    await staffPost(cloud.app, cloud.staffToken, `/staff/v1/partners/${site.stage.partnerId}/access`, {
      environment: 'sandbox',
      stations: 'listed',
      site_ids: [],
      reason: 'the contract is over',
    });
    const client = await connect();
    await expect.poll(() => client.progress().map((charges) => charges.map((each) => each.energy_wh))).toEqual([[100]]);
    expect(client.messages[0]).toMatchObject({ type: 'snapshot', statuses: [] });
  });
});
