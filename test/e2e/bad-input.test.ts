import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectAsync } from 'mqtt';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PartnerClient } from '../../scripts/start/partner-client.ts';
import {
  endOf,
  eventually,
  expectOneOutcome,
  expectTheBillToEqualThePhysics,
  startCharge,
  stopCharge,
} from './charge.ts';
import { type Rig, startRig } from './rig.ts';

/** Goal: bad input gets an answer that names what and where; nothing is lost and nothing crashes. */

let rig: Rig;
const folder = mkdtempSync(join(tmpdir(), 'pilegate-bad-'));
beforeAll(async () => {
  rig = await startRig();
});
afterAll(async () => {
  await rig.stop();
  rmSync(folder, { recursive: true, force: true });
});

const ROOT = join(import.meta.dirname, '..', '..');

function runEdge(...args: string[]): { status: number | null; stderr: string } {
  const { status, stderr } = spawnSync(process.execPath, ['edge/main.ts', ...args], {
    cwd: ROOT,
    encoding: 'utf8',
    timeout: 20_000,
  });
  return { status, stderr };
}

function siteWith(change: (site: { [key: string]: unknown; piles: Record<string, unknown>[] }) => void): string {
  const site = JSON.parse(readFileSync(rig.station.siteFile, 'utf8'));
  change(site);
  const file = join(folder, `${randomUUID()}.json`);
  writeFileSync(file, JSON.stringify(site));
  return file;
}

describe('files that a technician wrote', () => {
  test('XC-08 ED-02 a profile with a typo is refused with file, path and reason', () => {
    const profiles = join(folder, 'profiles');
    cpSync(join(ROOT, 'edge/devices/profiles'), profiles, { recursive: true });
    const file = join(profiles, 'heidelberg-energy-control.json');
    writeFileSync(file, readFileSync(file, 'utf8').replace('"maxCurrentMa"', '"maxCurentMa"'));
    const { status, stderr } = runEdge('--site', rig.station.siteFile, '--profiles', profiles);
    expect(status).toBe(2);
    expect(stderr).toContain(file);
    expect(stderr).toContain('limits.maxCurentMa: unknown key');
  });

  test('XC-08 ED-15 a site file with an unknown key is refused by name', () => {
    const file = siteWith((site) => {
      site.fallbackPrice = 1;
    });
    const { status, stderr } = runEdge('--site', file);
    expect(status).toBe(2);
    expect(stderr).toContain(`${file}:1:`);
    expect(stderr).toContain(': fallbackPrice: unknown key');
  });

  test('XC-08 ED-15 two piles on one unit are refused, and both are named', () => {
    const file = siteWith((site) => {
      const [first, second] = site.piles;
      if (first !== undefined && second !== undefined) second.unit = first.unit;
    });
    const { status, stderr } = runEdge('--site', file);
    expect(status).toBe(2);
    expect(stderr).toContain('piles.1.unit: unit 1 on rtu1 is piles.0 already');
  });
});

test('ED-15 XC-08 a second edge on the same data folder is refused, and the first goes on', () => {
  const { status, stderr } = runEdge('--site', rig.station.siteFile);
  expect(status).toBe(2);
  expect(stderr).toMatch(/another process works with .*edge\/data: end that one first/);
});

describe('requests that a partner should not have sent', () => {
  const start = (connectorId: string) =>
    JSON.stringify({ request_id: `bad-${randomUUID()}`, connector_id: connectorId });
  const orders = async (): Promise<number> => (await rig.client.get('/v1/orders')).body.orders.length;

  test('OP-07 OP-22 a wrong signature, a stale time and a used nonce have codes of their own and leave no order', async () => {
    const before = await orders();
    const body = start('DEMO-A1');
    const wrong = await rig.client.send('POST', '/v1/operations/start', body, { signature: 'ab'.repeat(32) });
    expect(wrong).toMatchObject({ status: 401, body: { code: 'auth.bad_signature', fault: 'caller' } });
    const stale = await rig.client.send('POST', '/v1/operations/start', body, {
      timestampS: Math.floor(Date.now() / 1000) - 3600,
    });
    expect(stale).toMatchObject({ status: 401, body: { code: 'auth.stale_timestamp' } });
    const nonce = randomUUID();
    expect((await rig.client.send('GET', '/v1/stations', '', { nonce })).status).toBe(200);
    expect(await rig.client.send('GET', '/v1/stations', '', { nonce })).toMatchObject({
      status: 401,
      body: { code: 'auth.reused_nonce' },
    });
    const stranger = new PartnerClient(rig.station.cloud.ready.httpUrl, { keyId: 'nobody', secret: 'x' });
    expect(await stranger.get('/v1/stations')).toMatchObject({ status: 401, body: { code: 'auth.unknown_key' } });
    expect(await orders()).toBe(before);
  });

  test('OP-13 OP-22 an unknown pile, a missing field and a body of 2 MB are refused, each with its reason', async () => {
    const before = await orders();
    expect(await rig.client.send('POST', '/v1/operations/start', start('NO-SUCH-1'))).toMatchObject({
      status: 404,
      body: { code: 'connector.unknown', title_zh: expect.stringMatching(/\p{Script=Han}/u) },
    });
    const incomplete = await rig.client.post('/v1/operations/start', { request_id: 'x' });
    expect(incomplete).toMatchObject({ status: 400, body: { code: 'request.invalid' } });
    expect(JSON.stringify(incomplete.body.errors)).toContain('/connector_id');
    const huge = JSON.stringify({ request_id: 'x', connector_id: 'DEMO-A1', padding: 'x'.repeat(2_000_000) });
    expect(await rig.client.send('POST', '/v1/operations/start', huge)).toMatchObject({
      status: 413,
      body: { code: 'request.too_large' },
    });
    expect(await orders()).toBe(before);
  });
});

test('XC-05 XC-08 MQTT payloads that no schema knows are kept for a person, answered, and harm no charge', {
  timeout: 90_000,
}, async () => {
  const site = JSON.parse(readFileSync(rig.station.siteFile, 'utf8'));
  const identityFile = join(rig.station.siteFile, '..', 'data', 'identity', 'identity.json');
  const { current } = JSON.parse(readFileSync(identityFile, 'utf8'));
  const topic = (way: string) => `pilegate/v1/${String(site.cloud.shard).padStart(2, '0')}/${site.siteId}/${way}`;
  const charge = await startCharge(rig, 'A1');
  const intruder = await connectAsync(site.cloud.brokerUrl, {
    protocolVersion: 4,
    clientId: site.siteId,
    reconnectPeriod: 0,
    username: site.siteId,
    password: current.secret.password,
  });
  const answers: { code: string; detail: string }[] = [];
  intruder.on('message', (_, payload) => answers.push(JSON.parse(payload.toString())));
  await intruder.subscribeAsync(topic('down/nack'));
  await intruder.publishAsync(topic('up/batch'), 'not json at all');
  await intruder.publishAsync(topic('up/batch'), JSON.stringify({ v: 1, siteId: site.siteId, stream: 'events' }));
  await intruder.publishAsync(topic('up/state'), Buffer.from([0xff, 0xfe, 0x00]));
  await eventually('three answers', 10_000, async () => answers.length >= 3);
  await intruder.endAsync();
  // Live views overtake records.
  expect(answers.map((answer) => answer.code).sort()).toEqual(['wire.not_json', 'wire.not_json', 'wire.schema']);
  expect(answers.find(({ code }) => code === 'wire.schema')?.detail).toContain('storeEpoch');
  const kept = await rig.station.staff.call<object>('GET', '/staff/v1/dead-letters');
  expect(JSON.stringify(kept)).toContain('wire.schema');
  await stopCharge(rig, charge);
  expectTheBillToEqualThePhysics(await endOf(rig, charge));
  expectOneOutcome(rig, charge.orderId);
});
