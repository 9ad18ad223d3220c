import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import type { Command, ConnectorView, StartCommand } from '#shared/wire/messages.ts';
import type { RecordBody } from '#shared/wire/records.ts';
import { GRACE_MS } from '../../cloud/operations/sweeper.ts';
import { exampleTariff, type Stage, setTheStage } from '../../cloud/testing/fixtures.ts';
import { ended, reported, started } from '../../cloud/testing/records.ts';
import { createTestClock } from '../../cloud/testing/test-clock.ts';
import { startTestCloud, type TestCloud } from '../../cloud/testing/test-cloud.ts';
import type { Ledger } from '../../edge/ledger/ledger.ts';
import { at, openLedger, sessionOn } from '../../edge/ledger/testing.ts';
import { findMosquitto, isLeftOut, startMosquitto } from '../e2e/engines.ts';
import { FaultProxy } from './fault-proxy.ts';
import { type Box, openBox, pluggedView } from './site-box.ts';

/** Goal: whatever edge and cloud came to believe of each other while the wire was away, after it they say the same, without a person. */

const FRESH_MS = 15_000;
const DAY_MS = 86_400_000;
const clock = createTestClock();
const poll = (read: () => unknown) => expect.poll(read, { timeout: 15_000, interval: 20 });
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const stamps = { stamp: (wallMs = clock.wallMs()) => ({ ...at, wallMs }) };

let cloud: TestCloud;
beforeAll(async () => {
  cloud = await startTestCloud({ clock });
});
afterAll(() => cloud?.stop());

/** A site with a car plugged in, whose box reaches the cloud over a way that can be made bad. */
async function openSite(name: string, own = cloud) {
  const stage = await setTheStage(own, { name });
  const way = await FaultProxy.before(own.brokerUrl);
  const { ledger } = openLedger();
  const box = openBox(stage, way.mqttUrl, ledger);
  const site = { stage, way, ledger, box, ...partnerOf(stage, own), ...fieldOf(stage, ledger, box) };
  const beats = setInterval(site.show, 100);
  onTestFinished(async () => {
    clearInterval(beats);
    await box.link.close();
    await way.close();
  });
  await poll(() => site.status()).toBe('plugged');
  // From here on the next process of this box is known as such.
  const link = () =>
    own.context.db.selectFrom('site_links').select('is_life_confirmed').where('site_id', '=', stage.siteId);
  await poll(async () => (await link().executeTakeFirst())?.is_life_confirmed).toBe(true);
  return site;
}

/** What a partner asks and sees, and what is in the books. */
function partnerOf({ partner, siteId, connectorIds: [connectorId = ''] }: Stage, { context: { db } }: TestCloud) {
  const get = async (path: string) => (await partner.call('GET', path)).body;
  const post = (kind: string, body: object) =>
    partner.call('POST', `/v1/operations/${kind}`, { request_id: crypto.randomUUID(), ...body });
  return {
    start: () => post('start', { connector_id: connectorId }),
    stop: async (orderId: string): Promise<string> => (await post('stop', { order_id: orderId })).body.operation_id,
    outcome: async (operationId: string) => (await get(`/v1/operations/${operationId}`)).status,
    order: (orderId: string) => get(`/v1/orders/${orderId}`),
    status: async (): Promise<string> => (await get(`/v1/connectors/${connectorId}`)).status,
    isOnline: async (): Promise<boolean> => (await get(`/v1/stations/${siteId}`)).online,
    orders: () => db.selectFrom('orders').selectAll().where('site_id', '=', siteId).execute(),
    cdrs: () => db.selectFrom('cdrs').select('session_id').where('site_id', '=', siteId).execute(),
    events: async (orderId: string) =>
      (
        await db
          .selectFrom('webhook_events')
          .select('type')
          .where('order_id', '=', orderId)
          .orderBy('created_at_ms')
          .execute()
      ).map(({ type }) => type),
    /** Each record is there once, and none was refused. */
    async expectAllOnce(ledger: Ledger) {
      await poll(() => ledger.backlog()).toBe(0);
      const rows = await db
        .selectFrom('site_records')
        .select(['seq', 'refused_code'])
        .where('site_id', '=', siteId)
        .orderBy('seq')
        .execute();
      expect(rows).toEqual(Array.from({ length: rows.length }, (_, i) => ({ seq: i + 1, refused_code: null })));
      expect(ledger.ackedSeq()).toBe(rows.length);
    },
  };
}

/** What happens at the pile, written down as the control machine does it. */
function fieldOf({ siteId, connectorIds: [connectorId = ''] }: Stage, ledger: Ledger, box: Box) {
  let view: Partial<ConnectorView> = {};
  const commit = (sessionId: string, open: boolean, ...records: RecordBody[]) => {
    const session = { ...sessionOn(1, connectorId), sessionId };
    ledger.commit({ session: { session, open }, records }, stamps.stamp());
    box.link.poke();
  };
  const show = () => box.link.showView([pluggedView(connectorId, clock.wallMs(), view)]);
  const end = (of: { readonly sessionId: string; readonly orderId: string | null }, ...others: RecordBody[]) => {
    view = {};
    commit(of.sessionId, false, ...others, ended(stamps, { siteId }, { ...of, connectorId, startMs: clock.wallMs() }));
  };
  return {
    show,
    end,
    async take<Kind extends Command['kind']>(kind: Kind): Promise<Extract<Command, { kind: Kind }>> {
      await poll(() => box.commands.some((command) => command.kind === kind)).toBe(true);
      return box.commands.find(
        (command): command is Extract<Command, { kind: Kind }> => command.kind === kind,
      ) as never;
    },
    begin(command: StartCommand) {
      const session = started(stamps, command);
      view = { status: 'charging', sessionId: session.sessionId, energyWh: 100 };
      commit(session.sessionId, true, reported(command.commandId, 'done', { sessionId: session.sessionId }), session);
      return session;
    },
    /** A charge that a card began. */
    beginByCard(sessionId: string) {
      const startedBy = { kind: 'card', reference: 'card-7' } as const;
      const tariff = { tariffId: exampleTariff.tariffId, version: exampleTariff.version };
      const start = { connectorId, orderId: '', commandId: '' } as StartCommand;
      view = { status: 'charging', sessionId, energyWh: 100 };
      commit(sessionId, true, {
        ...started(stamps, start, sessionId),
        orderId: null,
        commandId: null,
        startedBy,
        tariff,
      });
    },
  };
}
type Site = Awaited<ReturnType<typeof openSite>>;

/** A charge that runs, and both sides know it. */
async function charge(site: Site) {
  const { order_id: orderId } = (await site.start()).body;
  const session = site.begin(await site.take('start'));
  await poll(async () => (await site.order(orderId)).state).toBe('charging');
  await poll(() => site.status()).toBe('charging');
  return { orderId, sessionId: session.sessionId };
}

/** The process has ended, nobody heard its farewell, and the next one on the same store is heard when the former has fallen silent. */
async function nextProcess({ stage, ledger }: Site, brokerUrl: string): Promise<Box> {
  const next = openBox(stage, brokerUrl, ledger);
  onTestFinished(() => next.link.close());
  // What was on its way when the time went on counts as heard then, and it is silent for as long once more.
  const isOpen = () => next.link.state === 'open';
  for (let tries = 0; tries < 3 && !isOpen(); tries += 1) {
    clock.advance(FRESH_MS + 1000);
    for (let i = 0; i < 60 && !isOpen(); i += 1) await pause(25);
  }
  expect(isOpen()).toBe(true);
  return next;
}

const told = ['charge.started', 'charge.ended'];

test('SY-05 the cloud believes that a charge runs, and it has ended while the site was away: its order ends, once', async () => {
  const site = await openSite('ended-away');
  const { orderId, sessionId } = await charge(site);
  await site.way.set({ isCut: true });
  site.end({ sessionId, orderId });
  await poll(() => site.isOnline()).toBe(false);
  expect((await site.order(orderId)).state).toBe('charging');
  await site.way.set({});
  await poll(async () => (await site.order(orderId)).state).toBe('completed');
  await poll(() => site.status()).toBe('plugged');
  await site.expectAllOnce(site.ledger);
  expect([await site.events(orderId), (await site.cdrs()).length]).toEqual([told, 1]);
  expect((await site.start()).status).toBe(202);
});

test('SY-05 a charge runs that the cloud does not know, begun by a card while the site was away: it becomes an order, and ends as one', async () => {
  const site = await openSite('begun-away');
  const sessionId = crypto.randomUUID();
  await site.way.set({ isCut: true });
  site.beginByCard(sessionId);
  await pause(100);
  expect(await site.orders()).toEqual([]);
  await site.way.set({});
  await poll(async () => (await site.orders()).map(({ state, origin }) => `${origin} ${state}`)).toEqual([
    'local charging',
  ]);
  await poll(() => site.status()).toBe('charging');
  expect((await site.start()).body.code).toBe('connector.occupied');
  site.end({ sessionId, orderId: null });
  await poll(async () => (await site.orders()).map(({ state }) => state)).toEqual(['completed']);
  await site.expectAllOnce(site.ledger);
  expect((await site.cdrs()).length).toBe(1);
});

test.each(['up', 'down'] as const)(
  'SY-05 a command was done on site, and its report (its acknowledgement: %s) was lost: it is not done again, and has one outcome',
  async (swallow) => {
    const site = await openSite(`done-${swallow}`);
    const { order_id: orderId, operation_id: operationId } = (await site.start()).body;
    const command = await site.take('start');
    await site.expectAllOnce(site.ledger);
    await site.way.set({ swallow });
    const { sessionId } = site.begin(command);
    if (swallow === 'down') await poll(async () => (await site.order(orderId)).state).toBe('charging');
    else await pause(200);
    expect([site.ledger.backlog() > 0, await site.outcome(operationId)]).toEqual([
      true,
      swallow === 'down' ? 'succeeded' : 'accepted',
    ]);
    // The process ends here, and the next one has what the first had on disk.
    await site.box.link.close();
    await site.way.set({});
    const next = await nextProcess(site, site.way.mqttUrl);
    await site.expectAllOnce(site.ledger);
    expect([await site.outcome(operationId), (await site.order(orderId)).state]).toEqual(['succeeded', 'charging']);
    // Once more, as if the cloud had not known: the site answers and does nothing.
    await cloud.context.db
      .updateTable('commands')
      .set({ status: 'open', next_send_at_ms: clock.wallMs() })
      .where('command_id', '=', command.commandId)
      .execute();
    cloud.context.wake.commands();
    const again = () =>
      cloud.context.db.selectFrom('commands').select('status').where('command_id', '=', command.commandId);
    await poll(async () => (await again().executeTakeFirst())?.status).toBe('done');
    expect([next.commands, site.box.commands.length]).toEqual([[], 1]);
    expect([await site.events(orderId), (await site.orders())[0]?.session_id]).toEqual([['charge.started'], sessionId]);
  },
);

test('SY-04 SY-05 a cancel crosses the word that the start is done: the charge is ended, billed once, and both operations have their outcome', async () => {
  const site = await openSite('crossed');
  const { order_id: orderId, operation_id: startId } = (await site.start()).body;
  const command = await site.take('start');
  await site.expectAllOnce(site.ledger);
  // Longer than a busy machine takes for the next two calls.
  await site.way.set({ latencyMs: 2000 });
  const { sessionId } = site.begin(command);
  const stopId = await site.stop(orderId);
  expect((await site.order(orderId)).state).toBe('starting');
  await poll(() => site.box.cancels).toContain(command.commandId);
  site.end({ sessionId, orderId });
  await site.way.set({});
  await poll(async () => (await site.order(orderId)).state).toBe('completed');
  await site.expectAllOnce(site.ledger);
  expect([await site.outcome(startId), await site.outcome(stopId)]).toEqual(['succeeded', 'succeeded']);
  expect([await site.events(orderId), (await site.cdrs()).length]).toEqual([told, 1]);
});

test('SY-04 SY-05 a stop while the site is away waits for it, for a day if need be, and ends the very charge that it was for', async () => {
  const site = await openSite('stop-away');
  const { orderId, sessionId } = await charge(site);
  await site.way.set({ isCut: true });
  const stopId = await site.stop(orderId);
  clock.advance(DAY_MS);
  await pause(200);
  expect([site.box.commands.length, await site.outcome(stopId)]).toEqual([1, 'accepted']);
  await site.way.set({});
  const stop = await site.take('stop');
  expect(stop.sessionId).toBe(sessionId);
  site.end({ sessionId, orderId }, reported(stop.commandId, 'done', { sessionId }));
  await poll(async () => (await site.order(orderId)).state).toBe('completed');
  await site.expectAllOnce(site.ledger);
  expect([await site.outcome(stopId), await site.events(orderId)]).toEqual(['succeeded', told]);
});

test('SY-04 SY-05 a start that is given up while the site is away is never begun there', async () => {
  const site = await openSite('start-away');
  await site.way.set({ swallow: 'down' });
  const { order_id: orderId } = (await site.start()).body;
  clock.advance(cloud.context.settings.startTimeoutMs + GRACE_MS);
  // It is told to cancel, again and again, and cannot hear it.
  await poll(async () => {
    clock.advance(5_000);
    return (await site.order(orderId)).state;
  }).toBe('start_failed');
  await site.way.set({});
  await poll(async () => {
    const [row] = await cloud.context.db.selectFrom('commands').selectAll().where('order_id', '=', orderId).execute();
    return row?.status;
  }).toBe('failed');
  expect(site.box.commands).toEqual([]);
  await site.expectAllOnce(site.ledger);
  expect(await site.events(orderId)).toEqual(['charge.start_failed']);
});

test('SY-05 the will of a box that died is published after the next one was welcomed: the site stays on line', async () => {
  const site = await openSite('old-will');
  // No end of the connection comes through: for the broker it lives on.
  await site.way.set({ swallow: 'both' });
  await site.box.link.close();
  await nextProcess(site, cloud.brokerUrl);
  await poll(() => site.isOnline()).toBe(true);
  expect(site.way.openConnections).toBe(1);
  site.way.dropConnections();
  // No live view comes that would put a wrong word right.
  for (let i = 0; i < 20; i += 1) {
    await pause(25);
    expect(await site.isOnline()).toBe(true);
  }
});

test('SY-05 a site from which nothing comes any more is off line after 15 s, though no will came, and on line with its first word', async () => {
  const site = await openSite('silent');
  await site.way.set({ swallow: 'up' });
  await pause(200);
  clock.advance(FRESH_MS);
  expect([await site.isOnline(), await site.status()]).toEqual([true, 'plugged']);
  clock.advance(1);
  expect([await site.isOnline(), await site.status()]).toEqual([false, 'unknown']);
  expect((await site.start()).body.code).toBe('site.offline');
  await site.way.set({});
  await poll(() => site.isOnline()).toBe(true);
  await poll(() => site.status()).toBe('plugged');
});

const mosquitto = findMosquitto();
const isWithout = isLeftOut(mosquitto, 'a broker that forgets', 'Install it: apt-get install mosquitto');

test.skipIf(isWithout)(
  'SY-01 SY-05 a broker that is killed and has forgotten everything: commands and records go on, each once',
  {
    timeout: 60_000,
  },
  async () => {
    const broker = await startMosquitto(mosquitto ?? '');
    const own = await startTestCloud({ clock, config: { brokerUrl: broker.url } });
    onTestFinished(async () => {
      await own.stop();
      await broker.stop();
    });
    const site = await openSite('forgetful', own);
    const { order_id: orderId } = (await site.start()).body;
    const command = await site.take('start');
    await site.expectAllOnce(site.ledger);
    await broker.kill('SIGKILL');
    const { sessionId } = site.begin(command);
    await pause(300);
    await broker.restart();
    await poll(async () => (await site.order(orderId)).state).toBe('charging');
    await broker.kill('SIGKILL');
    const stopId = await site.stop(orderId);
    await pause(300);
    await broker.restart();
    const stop = await site.take('stop');
    site.end({ sessionId, orderId }, reported(stop.commandId, 'done', { sessionId }));
    await poll(async () => (await site.order(orderId)).state).toBe('completed');
    await poll(() => site.isOnline()).toBe(true);
    await site.expectAllOnce(site.ledger);
    expect([await site.outcome(stopId), await site.events(orderId)]).toEqual(['succeeded', told]);
    expect(site.box.commands.map(({ kind }) => kind)).toEqual(['start', 'stop']);
  },
);
