import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { connectFakeEdge, type FakeEdge } from '../testing/fake-edge.ts';
import { setTheStage, staffPost } from '../testing/fixtures.ts';
import { type Answer, createPartnerClient, type PartnerClient } from '../testing/partner-client.ts';
import { reported } from '../testing/records.ts';
import { createTestClock } from '../testing/test-clock.ts';
import { startTwoProcesses, type TwoProcesses } from '../testing/two-processes.ts';

/** Goal: who wants one connector at the same moment, to charge or to reserve, at whichever process: one has it, nothing of the others is left. */

const PARTNERS = 4;
const EACH = 10;
const HOLD_MINOR = 500;

const clock = createTestClock();
let processes: TwoProcesses;
let edge: FakeEdge;
let raced: string;
/** By partner, then by process. */
let clients: PartnerClient[][];
let requests = 0;

beforeAll(async () => {
  processes = await startTwoProcesses(inject('postgresqlUrl'), clock);
  const { cloud, second } = processes;
  const stage = await setTheStage(cloud, { name: 'race' });
  raced = stage.connectorIds[0] ?? '';
  edge = await connectFakeEdge(cloud.brokerUrl, stage, clock);
  await edge.hello();
  // A pile that does not tell whether it is plugged in may be reserved, and started.
  await edge.state(raced, { status: 'available', plugged: null });
  clients = [];
  for (let n = 1; n <= PARTNERS; n += 1) {
    const partnerId = `racer-${n}`;
    const staff = (path: string, body: object) => staffPost(cloud.app, cloud.staffToken, `/staff/v1/${path}`, body);
    await staff('partners', { partner_id: partnerId, name: partnerId });
    await staff(`partners/${partnerId}/credit/terms`, {
      environment: 'sandbox',
      currency: 'CNY',
      kind: 'limit',
      limit_minor: 1_000_000,
      hold_per_start_minor: HOLD_MINOR,
      low_marks_minor: [],
      reason: 'contract',
    });
    const key = await staff(`partners/${partnerId}/keys`, { environment: 'sandbox', scopes: ['read', 'control'] });
    clients.push([cloud.app, second].map((app) => createPartnerClient(app, clock, key)));
  }
}, 60_000);
afterAll(async () => {
  await edge?.close();
  await processes?.stop();
});

function ask(partner: number, turn: number, kind: 'start' | 'reserve', more: object = {}): Promise<Answer> {
  requests += 1;
  const body = { request_id: `race-${requests}`, connector_id: raced, ...more };
  const until = new Date(clock.wallMs() + 1_800_000).toISOString();
  const client = clients[partner]?.[turn % 2];
  if (client === undefined) throw new Error('no such partner');
  return client.call('POST', `/v1/operations/${kind}`, kind === 'reserve' ? { ...body, until } : body);
}

/** Everybody at once, in turns of partners and processes. */
const rush = (work: (partner: number, turn: number) => Promise<Answer>[]): Promise<Answer[]> =>
  Promise.all(Array.from({ length: PARTNERS * EACH }, (_, n) => work(n % PARTNERS, Math.floor(n / PARTNERS))).flat());

const codesOf = (answers: readonly Answer[]): string[] =>
  [...new Set(answers.map(({ status, body }) => `${status} ${body.code}`))].sort();

/** What there is now. */
async function rows() {
  const { db } = processes.cloud.context;
  const held = await db.selectFrom('credit_accounts').select('pending_minor').where('pending_minor', '>', 0).execute();
  const count = async (table: 'operations' | 'commands' | 'orders' | 'reservations') =>
    (await db.selectFrom(table).select('created_at_ms').execute()).length;
  return {
    operations: await count('operations'),
    commands: await count('commands'),
    orders: await count('orders'),
    reservations: await count('reservations'),
    held: held.map(({ pending_minor: minor }) => minor),
  };
}

/** The site refuses what was taken, and the connector is free again. */
async function refuse(winner: Answer): Promise<void> {
  const command = await edge.take('command', ({ kind }) => kind === 'start' || kind === 'reserve');
  await edge.record(reported(command.commandId, 'failed', { code: 'connector.faulted' }));
  const { db } = processes.cloud.context;
  const id = winner.body.operation_id;
  await expect
    .poll(() => db.selectFrom('operations').select('status').where('operation_id', '=', id).execute())
    .toEqual([{ status: 'failed' }]);
}

test('OP-14 OP-22 OP-24 of reserves and starts of four partners through two processes at once one is taken, and the others leave nothing behind', async () => {
  for (let round = 0; round < 6; round += 1) {
    const before = await rows();
    const kinds = round % 2 === 0 ? (['reserve', 'start'] as const) : (['start', 'reserve'] as const);
    const answers = await rush((partner, turn) => kinds.map((kind) => ask(partner, turn, kind)));
    const [winner, ...more] = answers.filter(({ status }) => status === 202);
    if (winner === undefined) throw new Error(codesOf(answers).join(', '));
    expect(more).toEqual([]);
    const isStart = winner.body.order_id !== undefined && winner.body.order_id !== null;
    const refused = answers.filter(({ status }) => status !== 202);
    expect(codesOf(refused)).toEqual([isStart ? '409 connector.occupied' : '409 connector.reserved']);
    expect(await rows()).toEqual({
      operations: before.operations + 1,
      commands: before.commands + 1,
      orders: before.orders + (isStart ? 1 : 0),
      reservations: before.reservations + (isStart ? 0 : 1),
      held: isStart ? [HOLD_MINOR] : [],
    });
    await refuse(winner);
    expect((await rows()).held).toEqual([]);
  }
});

test('OP-14 OP-24 of starts with and without the reservation that holds one of its holder is taken', async () => {
  const reserved = await ask(0, 0, 'reserve');
  expect(reserved.status).toBe(202);
  const { reservation_id: id } = reserved.body;
  const command = await edge.take('command', ({ kind }) => kind === 'reserve');
  if (command.kind !== 'reserve') throw new Error('not a reserve');
  const { reservationId, commandId, connectorId, untilMs } = command;
  const pileId = `${connectorId}-pile`;
  await edge.record({ kind: 'reservation.active', reservationId, commandId, pileId, connectorId, untilMs });
  await edge.record(reported(commandId, 'done'));
  const before = await rows();
  const answers = await rush((partner, turn) => [
    ask(partner, turn, 'start', turn % 2 === 0 ? { reservation_id: id } : {}),
    ask(partner, turn, 'reserve'),
  ]);
  const taken = answers.filter(({ status }) => status === 202);
  expect(taken).toHaveLength(1);
  const order = await clients[0]?.[1]?.call('GET', `/v1/orders/${taken[0]?.body.order_id}`);
  expect(order?.body, 'of the holder').toMatchObject({ state: 'starting' });
  const refused = answers.filter(({ status }) => status !== 202);
  expect(
    codesOf(refused).filter((code) => !['409 connector.occupied', '409 connector.reserved'].includes(code)),
  ).toEqual(['404 reservation.unknown']);
  expect(await rows()).toEqual({
    operations: before.operations + 1,
    commands: before.commands + 1,
    orders: before.orders + 1,
    reservations: before.reservations,
    held: [HOLD_MINOR],
  });
});
