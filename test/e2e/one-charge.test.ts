import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { scrape } from '../../cloud/testing/scrape.ts';
import { SITE_ID } from '../../scripts/start/station.ts';
import { registerWebhook, waitForConnector } from '../../scripts/start/walk.ts';
import {
  endOf,
  eventually,
  expectOneOutcome,
  expectTheBillToEqualThePhysics,
  pause,
  startCharge,
  startPluggedIn,
  stopCharge,
} from './charge.ts';
import { type Engine, findMosquitto, freePort, isLeftOut, startMosquitto, startPostgres } from './engines.ts';
import { forgeWebhooks, runPartnerProgram } from './partner-program.ts';
import { type Rig, startRig } from './rig.ts';
import { expectWholeStory, traced } from './story.ts';

/**
 * Goal: one charge through every room of the house, with real processes, a real pseudo-terminal and real MQTT.
 * Method: a partner starts and stops it through the API; the simulator's truth judges the bill.
 */

const mosquitto = findMosquitto();
const EXTERNAL = 'with Mosquitto and PostgreSQL';
const withoutMosquitto = isLeftOut(
  mosquitto,
  `test/e2e/one-charge.test.ts, "${EXTERNAL}"`,
  'To run them: apt-get install mosquitto',
);

/** @returns the id of its order */
async function oneCharge(rig: Rig, pileId: string): Promise<string> {
  const charge = await startCharge(rig, pileId);
  await pause(4000);
  const running = await rig.client.get(`/v1/orders/${charge.orderId}`);
  expect(running.body).toMatchObject({ state: 'charging', progress: { energy_wh: expect.any(Number) } });
  await stopCharge(rig, charge);
  const figures = await endOf(rig, charge);
  expectTheBillToEqualThePhysics(figures);
  expectOneOutcome(rig, charge.orderId);
  expect(figures.order.cdr).toMatchObject({ stop_reason: 'partner', marks: [], void_reason: null });
  return charge.orderId;
}

describe.concurrent('with the embedded broker and database', () => {
  let rig: Rig;
  let partnerPort: number;
  beforeAll(async () => {
    partnerPort = await freePort();
    rig = await startRig({}, { alsoWebhooksTo: [`127.0.0.1:${partnerPort}`] });
    await registerWebhook(rig.client, rig.receiver);
  });
  afterAll(() => rig.stop());

  test('ED-01 OP-15 OP-19 OP-25 a charge over Modbus RTU at 19200 baud is billed as it was', {
    timeout: 90_000,
  }, async () => {
    const orderId = await oneCharge(rig, 'A1');
    const started = rig.receiver.events.find(
      ({ type, data }) => type === 'charge.started' && data.order_id === orderId,
    );
    const requestId = started?.data.request_id;
    const trace = (name: 'edge' | 'cloud') => rig.log(name).filter((line) => line.requestId === requestId);
    expect(trace('cloud').length).toBeGreaterThan(0);
    expect(trace('edge').map((line) => line.msg)).toContain('pile is written');
    const isWhole = async () => (await traced(rig, requestId, 'disk')).missing.length === 0;
    await eventually('a story of which nothing is missing', 10_000, isWhole);
    for (const from of ['disk', 'site'] as const) {
      const { steps, missing, text } = await traced(rig, requestId, from);
      expectWholeStory(steps, /261 ← 160/);
      expect(missing).toEqual([]);
      expect(text).not.toContain(rig.station.key.secret);
    }
    const stopId = rig
      .log('cloud')
      .find(
        (line) => line.kind === 'stop' && line.orderId === orderId && line.msg === 'operation is accepted',
      )?.requestId;
    const ofStop = (name: 'edge' | 'cloud') =>
      rig.log(name).filter((line) => JSON.stringify(line).includes(String(stopId)));
    expect(ofStop('edge').map((line) => line.msg)).toEqual(
      expect.arrayContaining(['command arrives', 'pile is written', 'pile is seen to be off']),
    );
    expect(ofStop('cloud').map((line) => line.msg)).toEqual(
      expect.arrayContaining(['command sent', 'operation succeeds']),
    );
  });

  test('XC-03 the cloud and the edge of a station tell what they do, and the field is not asked for it', {
    timeout: 60_000,
  }, async ({ expect }) => {
    const { metricsUrl } = rig.station.cloud.ready;
    const told = () => scrape(metricsUrl);
    await expect.poll(async () => (await told()).value('pilegate_sites', { link: 'online' })).toBe(1);
    expect((await told()).value('pilegate_broker_link_up')).toBe(1);
    const url = String(rig.log('edge').find((line) => line.msg === 'metrics are told')?.url);
    await expect.poll(async () => (await scrape(url)).value('pilegate_edge_connectors')).toBeGreaterThan(1);
    await expect.poll(async () => (await scrape(url)).value('pilegate_edge_link_up')).toBe(1);
    await expect
      .poll(async () => (await scrape(url)).value('pilegate_edge_loop_turns_total', { loop: 'DEMO-A1' }))
      .toBeGreaterThan(1);
    const edge = await scrape(url);
    expect(edge.value('pilegate_edge_line_exchanges_total', { outcome: 'answered' })).toBeGreaterThan(10);
    expect(edge.value('pilegate_edge_may_charge')).toBe(1);
    expect(edge.value('pilegate_edge_ledger_commit_duration_seconds')).toBeGreaterThan(0);
    const readyz = await fetch(new URL('/readyz', url));
    expect([readyz.status, await readyz.json()]).toEqual([200, { ready: true, reasons: [], link: 'open' }]);
  });

  test('ED-01 OP-15 a charge over Modbus TCP, on a pile whose watchdog only writes can feed', {
    timeout: 90_000,
  }, async () => {
    await oneCharge(rig, 'B1');
  });

  test('OP-15 OP-20 OP-23 a partner who knows the documentation and a public library charges, and comes to the same bill', {
    timeout: 90_000,
  }, async ({ expect }) => {
    const { truth } = rig.station;
    await waitForConnector(rig.client, 'DEMO-B2', 'available', 30_000);
    const before = await truth.truth('B2');
    const forging = forgeWebhooks(partnerPort);
    const program = runPartnerProgram(rig, { connectorId: 'DEMO-B2', port: partnerPort });
    await truth.plug('B2');
    const told = await program;
    expect(told).toMatchObject({
      stations: [SITE_ID],
      forged: 'auth.bad_signature',
      events: ['charge.started', 'charge.ended'],
      state: 'completed',
      complaints: [],
    });
    expect(new Set(await forging.stop())).toEqual(new Set([401]));
    expect(told.total_minor).toBe(told.amount_due.minor);
    const flowedWh = (await truth.truth('B2')).energyTruthWh - before.energyTruthWh;
    expect(Math.abs(told.energy_wh - flowedWh)).toBeLessThanOrEqual(1);
    expect(told.energy_wh).toBeGreaterThan(0);
  });

  test('OP-24 a connector is held on site for whom has reserved it, and the charge of the holder is billed as it was', {
    timeout: 90_000,
  }, async ({ expect }) => {
    const connectorId = 'DEMO-A2';
    const post = (kind: string, body: object) =>
      rig.client.post(`/v1/operations/${kind}`, { request_id: randomUUID(), ...body });
    await waitForConnector(rig.client, connectorId, 'available', 30_000);
    const until = new Date(Date.now() + 600_000).toISOString();
    const asked = await post('reserve', { connector_id: connectorId, until });
    expect(asked.status, JSON.stringify(asked.body)).toBe(202);
    const reservationId: string = asked.body.reservation_id;
    const state = async () => (await rig.client.get(`/v1/reservations/${reservationId}`)).body.state;
    await expect.poll(state).toBe('active');
    await waitForConnector(rig.client, connectorId, 'reserved', 15_000);
    await rig.station.truth.plug('A2');
    const isPlugged = async () => (await rig.client.get(`/v1/connectors/${connectorId}`)).body.plugged;
    await expect.poll(isPlugged).toBe(true);
    const other = await post('start', { connector_id: connectorId });
    expect([other.status, other.body.code]).toEqual([409, 'connector.reserved']);
    const charge = await startPluggedIn(rig, 'A2', { reservation_id: reservationId });
    await expect.poll(state).toBe('used');
    await stopCharge(rig, charge);
    expectTheBillToEqualThePhysics(await endOf(rig, charge));
    expectOneOutcome(rig, charge.orderId, 'reservation.ended');
  });

  test('SY-09 a site that runs tells staff what it knows of itself, without a shell', { timeout: 60_000 }, async ({
    expect,
  }) => {
    const { folder, cloud, staff } = rig.station;
    const token = readFileSync(join(folder, 'cloud', 'keys', 'staff.token'), 'utf8').trim();
    const asked: { bundle_id: string } = await staff.call('POST', `/staff/v1/sites/${SITE_ID}/diagnostics`, {
      requested_by: 'Li Na',
    });
    const path = `/staff/v1/diagnostics/${asked.bundle_id}`;
    await expect
      .poll(async () => (await staff.call<{ status: string }>('GET', path)).status, { timeout: 30_000 })
      .toBe('complete');
    const headers = { authorization: `Bearer ${token}` };
    const file = Buffer.from(await (await fetch(`${cloud.ready.httpUrl}${path}/content`, { headers })).arrayBuffer());
    const facts = JSON.parse(gunzipSync(file).toString('utf8'));
    expect(facts).toMatchObject({
      software: expect.stringContaining('pilegate'),
      sync: { link: 'open' },
      site: { siteId: SITE_ID },
    });
    for (const part of ['connectors', 'lines', 'devices', 'frames', 'fieldLog', 'ledgerLog'])
      expect(facts[part].length, part).toBeGreaterThan(0);
  });
});

describe.skipIf(withoutMosquitto)(EXTERNAL, () => {
  const engines: Engine[] = [];
  let rig: Rig;
  beforeAll(async () => {
    const broker = await startMosquitto(mosquitto ?? '');
    const database = await startPostgres();
    engines.push(broker, database);
    rig = await startRig({ BROKER_URL: broker.url, DATABASE_URL: database.url });
  });
  afterAll(async () => {
    await rig?.stop();
    for (const engine of engines) await engine.stop();
  });

  test('SY-01 OP-15 XC-07 the same charge through existing engines is billed as it was', {
    timeout: 90_000,
  }, async () => {
    await oneCharge(rig, 'A1');
  });

  test('SY-01 SY-05 the cloud is killed in the middle of the sync, and the broker lives on: nobody notices a lost link', {
    timeout: 120_000,
  }, async () => {
    const charge = await startCharge(rig, 'B2');
    await pause(2000);
    await stopCharge(rig, charge);
    await pause(300);
    rig.station.cloud.kill('SIGKILL');
    await rig.station.cloud.ended;
    await eventually('the site has written the record', 20_000, async () =>
      rig
        .log('edge')
        .some((line) => line.record === 'session.ended' && line.sessionId !== undefined && line.pileId === 'B2'),
    );
    await rig.station.restartCloud();
    expectTheBillToEqualThePhysics(await endOf(rig, charge, 60_000));
    expectOneOutcome(rig, charge.orderId);
  });
});
