import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { Command, ConnectorView } from '#shared/wire/messages.ts';
import { type Stage, setTheStage } from '../../cloud/testing/fixtures.ts';
import { ended, reported, started } from '../../cloud/testing/records.ts';
import { machineClock } from '../../cloud/testing/test-clock.ts';
import { startTestCloud } from '../../cloud/testing/test-cloud.ts';
import { at, openLedger, sessionOn, tempFolder } from '../../edge/ledger/testing.ts';
import { Link } from '../../edge/link/link.ts';
import { quietLink } from '../../edge/link/testing.ts';
import { samplesOf } from '../../edge/samples/samples-source.ts';
import { recorderRig } from '../../edge/samples/testing.ts';
import { seededRandom } from '../../hardware-sim/faults/random.ts';
import { countedLine } from './counted-line.ts';

/** Goal: what a site of twenty piles sends and receives in a day is what the documentation says, counted on its socket. */

vi.setConfig({ testTimeout: 120_000 });

const PILES = 20;
const CHARGES_PER_PILE_DAY = 10;
const STATES_PER_DAY = 86_400 / 2;
const MB = 1_000_000;
const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
const patient = { timeout: 20_000, interval: 10 };

/** Rows of the table in docs/telemetry.md: name, MB up, MB down. */
function statedBudget(): Map<string, { up: number; down: number }> {
  const text = readFileSync(join(import.meta.dirname, '../../docs/telemetry.md'), 'utf8');
  const rows = [...text.matchAll(/^\| `([a-z-]+)` \|.*\| ([\d.]+) \| ([\d.]+) \|$/gm)];
  return new Map(rows.map(([, name = '', up, down]) => [name, { up: Number(up), down: Number(down) }]));
}

async function openSite(name: string, bytesPerS: number) {
  const cloud = await startTestCloud();
  onTestFinished(() => cloud.stop());
  const stage = await setTheStage(cloud, { name, connectors: PILES });
  const line = await countedLine(cloud.brokerUrl);
  onTestFinished(() => line.close());
  const folder = tempFolder();
  const { ledger } = openLedger(join(folder, 'ledger.db'));
  const samples = recorderRig({ folder });
  const commands: Command[] = [];
  const now = () => ({ ...at, wallMs: machineClock.wallMs() });
  const link = new Link({
    ...quietLink(ledger),
    site: { siteId: stage.siteId, shard: stage.shard, brokerUrl: line.url, password: stage.brokerPassword },
    stamp: now,
    otherStreams: [samplesOf(samples.recorder, bytesPerS)],
    onCommand: (command) => commands.push(command),
  });
  onTestFinished(() => link.close());
  await expect.poll(() => link.state, patient).toBe('open');
  /** What goes over the line while something is done, all of it acknowledged. */
  const counted = async (work: () => Promise<void>) => {
    await pause(300);
    const from = line.count();
    await work();
    await expect.poll(() => ledger.backlog(), patient).toBe(0);
    await pause(300);
    const to = line.count();
    return { upBytes: to.upBytes - from.upBytes, downBytes: to.downBytes - from.downBytes };
  };
  return { stage, link, line, ledger, samples, commands, counted, now };
}
type Site = Awaited<ReturnType<typeof openSite>>;

/** Half of the piles charge, and no two of them tell the same numbers twice. */
function viewsOf({ connectorIds }: Stage, random: () => number): ConnectorView[] {
  return connectorIds.map((connectorId, i) => ({
    pileId: `${connectorId}-pile`,
    connectorId,
    status: i % 2 === 0 ? 'charging' : 'plugged',
    observedAtMs: machineClock.wallMs() - Math.floor(random() * 1000),
    plugged: true,
    sessionId: i % 2 === 0 ? `9a4c7e12-6b0d-4f3a-8e21-7c5d9b1a3f${10 + i}` : null,
    energyWh: i % 2 === 0 ? Math.floor(random() * 40_000) : null,
    powerW: i % 2 === 0 ? 10_800 + Math.floor(random() * 400) : 0,
    currentMa: i % 2 === 0 ? 15_800 + Math.floor(random() * 400) : 0,
    temperatureC: 25 + Math.floor(random() * 100) / 10,
    faults: [],
  }));
}

/** A charge from the partner's start to the acknowledged record of it. */
async function charge({ stage, ledger, commands, link, now }: Site, connectorId: string): Promise<void> {
  const next = async () => {
    await expect.poll(() => commands.length, patient).toBeGreaterThan(0);
    const [command] = commands.splice(0);
    if (command === undefined) throw new Error('no command');
    return command;
  };
  const teller = { stamp: (wallMs = machineClock.wallMs()) => ({ ...at, wallMs }) } as Parameters<typeof started>[0];
  const tell = async (sessionId: string, ...records: Parameters<typeof ledger.commit>[0]['records']) => {
    ledger.commit({ session: { session: { ...sessionOn(1, connectorId), sessionId }, open: false }, records }, now());
    link.poke();
    await expect.poll(() => ledger.backlog(), patient).toBe(0);
  };
  const order = { request_id: crypto.randomUUID(), connector_id: connectorId };
  const accepted = await stage.partner.call('POST', '/v1/operations/start', order);
  expect(accepted.status).toBe(202);
  const start = await next();
  if (start.kind !== 'start') throw new Error('not a start');
  const session = started(teller, start);
  await tell(session.sessionId, session, reported(start.commandId, 'done', { sessionId: session.sessionId }));
  const { orderId } = start;
  await stage.partner.call('POST', '/v1/operations/stop', { request_id: crypto.randomUUID(), order_id: orderId });
  const stop = await next();
  const { sessionId } = session;
  const end = {
    sessionId,
    orderId,
    commandId: start.commandId,
    connectorId,
    startMs: machineClock.wallMs() - 3_600_000,
  };
  await tell(sessionId, ended(teller, stage, end), reported(stop.commandId, 'done', { sessionId }));
}

/** Minutes of samples as they come while the link is up: half of the piles charge. */
async function sample({ samples, stage, link }: Site, minutes: number, random: () => number): Promise<void> {
  const { recorder } = samples;
  let registerWh = 5_000_000;
  for (let tens = 1; tens <= minutes * 6; tens += 1) {
    registerWh += 30;
    const taken = stage.connectorIds.map((connectorId, i) => {
      const temperatureDc = 250 + Math.floor(random() * 5);
      if (i % 2 === 1)
        return samples.sample({
          connectorId,
          status: 'plugged',
          sessionId: null,
          currentMa: 0,
          powerW: 0,
          temperatureDc,
        });
      const currentMa = 15_800 + Math.floor(random() * 400);
      const sessionId = `9a4c7e12-6b0d-4f3a-8e21-7c5d9b1a3f${10 + i}`;
      const powerW = Math.floor(currentMa * 0.69);
      return samples.sample({
        connectorId,
        registerWh: registerWh + i * 999,
        currentMa,
        powerW,
        temperatureDc,
        sessionId,
      });
    });
    recorder.take(taken, 'ample');
    samples.pass(10_000);
    recorder.tick('ample');
    if (tens % 6 !== 0) continue;
    const { headSeq } = recorder.stream() ?? {};
    link.poke();
    await expect.poll(() => recorder.stream()?.ackedSeq, patient).toBe(headSeq);
  }
}

test('SY-08 a day of twenty piles costs what the documentation says, counted on the socket', async () => {
  const site = await openSite('budget', 10 * MB);
  const { stage, link, counted } = site;
  const random = seededRandom(8);
  const idle = await counted(() => pause(10_500));
  // After ten seconds in which the cloud had nothing to say the live view asks it for a word.
  const beat = await counted(async () => link.showView(viewsOf(stage, random)));
  expect(beat.downBytes).toBeGreaterThan(0);
  const STATES = 50;
  const states = await counted(async () => {
    for (let n = 0; n < STATES; n += 1) {
      link.showView(viewsOf(stage, random));
      await pause(10);
    }
  });
  const plugged = viewsOf(stage, random).map((view) => ({ ...view, status: 'plugged' as const, sessionId: null }));
  link.showView(plugged);
  const CHARGES = 5;
  const charges = await counted(async () => {
    for (const connectorId of stage.connectorIds.slice(0, CHARGES)) await charge(site, connectorId);
  });
  const MINUTES = 40;
  const sampled = await counted(() => sample(site, MINUTES, random));

  const perDay = ({ upBytes, downBytes }: typeof idle, times: number) => ({
    up: (upBytes * times) / MB,
    down: (downBytes * times) / MB,
  });
  const measured = new Map([
    ['state', perDay(states, STATES_PER_DAY / STATES)],
    ['events', perDay(charges, (PILES * CHARGES_PER_PILE_DAY) / CHARGES)],
    ['samples', perDay(sampled, (24 * 60) / MINUTES)],
    ['keep-alive', perDay({ ...idle, downBytes: idle.downBytes + beat.downBytes }, 86_400 / 10)],
  ]);
  const stated = statedBudget();
  expect([...stated.keys()].sort()).toEqual([...measured.keys(), 'sum'].sort());
  let [sumUp, sumDown] = [0, 0];
  for (const [name, { up, down }] of measured) {
    const budget = stated.get(name) ?? { up: 0, down: 0 };
    sumUp += budget.up;
    sumDown += budget.down;
    expect(up, `${name} up`).toBeLessThanOrEqual(budget.up);
    expect(down, `${name} down`).toBeLessThanOrEqual(budget.down);
    // A budget that is far from what is used tells nobody anything.
    expect(up, `${name} up`).toBeGreaterThanOrEqual(budget.up / 2 - 0.05);
  }
  expect(stated.get('sum')?.up).toBeCloseTo(sumUp, 5);
  expect(stated.get('sum')?.down).toBeCloseTo(sumDown, 5);
});

test('SY-08 a backlog of samples takes no more of the link than it may', async () => {
  const bytesPerS = 4000;
  const { samples, stage, line } = await openSite('pace', bytesPerS);
  const { recorder } = samples;
  const random = seededRandom(9);
  for (let tens = 0; tens < 3000; tens += 1) {
    const currentMa = 15_000 + Math.floor(random() * 1000);
    recorder.take(
      stage.connectorIds.map((connectorId) => samples.sample({ connectorId, currentMa })),
      'ample',
    );
    samples.pass(10_000);
  }
  recorder.tick('ample');
  const isSending = () => recorder.stream()?.ackedSeq ?? 0;
  await expect.poll(isSending, patient).toBeGreaterThan(0);
  const first = line.count().upBytes;
  const fromMs = performance.now();
  await pause(8000);
  const sentBytes = line.count().upBytes - first;
  expect(sentBytes).toBeLessThan(((performance.now() - fromMs) / 1000) * bytesPerS + bytesPerS);
  expect(sentBytes).toBeGreaterThan(bytesPerS * 4);
  const { headSeq = 0, ackedSeq = 0 } = recorder.stream() ?? {};
  expect(ackedSeq).toBeLessThan(headSeq);
});
