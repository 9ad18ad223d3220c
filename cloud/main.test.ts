import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { connectFakeEdge } from './testing/fake-edge.ts';
import { machineClock } from './testing/test-clock.ts';

const mainFile = join(import.meta.dirname, 'main.ts');
let dataDir: string;
let running: ChildProcess | null = null;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'pilegate-cloud-'));
});
afterEach(async () => {
  if (running !== null && running.exitCode === null && running.signalCode === null) {
    running.kill('SIGKILL');
    await once(running, 'exit');
  }
});
afterAll(() => rm(dataDir, { recursive: true, force: true }));

const environment = () => ({
  PATH: process.env.PATH ?? '',
  PILEGATE_DATA_DIR: dataDir,
  PILEGATE_HTTP_PORT: '0',
  PILEGATE_MQTT_PORT: '0',
  PILEGATE_LOG_LEVEL: 'error',
});

interface Ready {
  readonly httpUrl: string;
  readonly brokerUrl: string;
  readonly lines: string[];
}

async function start(): Promise<Ready> {
  const child = spawn(process.execPath, [mainFile], { env: environment(), stdio: ['ignore', 'pipe', 'inherit'] });
  running = child;
  const lines: string[] = [];
  const output = createInterface({ input: child.stdout });
  output.on('line', (line) => lines.push(line));
  await once(output, 'line');
  return { ...JSON.parse(lines[0] ?? ''), lines };
}

async function end(signal: NodeJS.Signals): Promise<number | null> {
  if (running === null) throw new Error('not running');
  const exited = once(running, 'exit');
  running.kill(signal);
  const [code] = await exited;
  return code;
}

async function createSite(ready: Ready, body: object): Promise<{ shard: number; broker_password: string }> {
  const token = await readFile(join(dataDir, 'keys', 'staff.token'), 'utf8');
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const response = await fetch(`${ready.httpUrl}/staff/v1/sites`, {
    method: 'POST',
    headers,
    body: JSON.stringify(body),
  });
  expect(response.status).toBe(201);
  return (await response.json()) as { shard: number; broker_password: string };
}

const alarm = (n: number) => ({
  kind: 'alarm.raised',
  alarmId: `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`,
  code: 'over-temperature',
  severity: 'warning',
  pileId: 'p',
  connectorId: 'kill-c',
  sessionId: null,
  detail: `alarm ${n}`,
});

test('SY-01 SIGKILL loses nothing that was acknowledged; SIGTERM ends cleanly within 5 s', async () => {
  const ready = await start();
  const modes = await Promise.all(['master.key', 'staff.token'].map((name) => stat(join(dataDir, 'keys', name))));
  expect(modes.map((file) => file.mode & 0o777)).toEqual([0o600, 0o600]);
  const site = await createSite(ready, {
    site_id: 'kill',
    name: 'x',
    environment: 'live',
    timezone: 'Asia/Shanghai',
    login: 'password',
    connectors: [{ connector_id: 'kill-c', pile_id: 'p', model: 'm', max_power_w: 1 }],
  });
  const login = { siteId: 'kill', shard: site.shard, brokerPassword: site.broker_password };
  const edge = await connectFakeEdge(ready.brokerUrl, login, machineClock);
  let ackedSeq = 0;
  for (let n = 1; n <= 30; n += 1) ackedSeq = (await edge.record(alarm(n))).ackedSeq;
  // One more is under way while the process dies.
  edge.record(alarm(31)).catch(() => {});
  await end('SIGKILL');
  await edge.close();
  expect(ackedSeq).toBe(30);

  const again = await start();
  expect(again.lines).toHaveLength(1);
  const after = await connectFakeEdge(again.brokerUrl, login, machineClock, { storeEpoch: edge.storeEpoch });
  const kept = (await after.hello()).cursors[0]?.ackedSeq ?? 0;
  expect(kept).toBeGreaterThanOrEqual(30);
  await after.close();
  const began = machineClock.monoMs();
  expect(await end('SIGTERM')).toBe(0);
  expect(machineClock.monoMs() - began).toBeLessThan(5_000);
}, 60_000);

test('a bad setting ends the start and names the variable', async () => {
  const child = spawn(process.execPath, [mainFile], {
    env: { ...environment(), PILEGATE_HTTP_PORT: 'no' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running = child;
  let text = '';
  child.stderr.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  const [code] = await once(child, 'close');
  expect(code).toBe(1);
  expect(text).toContain('PILEGATE_HTTP_PORT');
});
