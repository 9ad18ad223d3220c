import { expect, test } from 'vitest';
import { Rig, stopCommand } from '../../../edge/control/testing.ts';
import type { BookedRecord, Books } from './books.ts';
import { judgeBooks } from './judge.ts';
import { planTroubles, targetOf } from './plan.ts';
import type { Visit } from './visits.ts';

/** What the judge of `npm run torture -- sync` finds: books that agree, and each way in which they do not. */

const session = (n: number) => `00000000-0000-4000-8000-00000000000${n}`;
const rig = new Rig().toCharging();
rig.command(stopCommand(rig.session.sessionId));
rig.proveOff();
const cdrOf = (n: number, energyWh: number) => ({ ...rig.cdr, sessionId: session(n), energyWh });

/** A charge of a partner at one site, and one by card at the other. */
function goodBooks(): Books {
  const cdrs = [cdrOf(1, 50), cdrOf(2, 30)] as const;
  const record = (site: BookedRecord['site'], seq: number, kind: string, sessionId: string | null): BookedRecord => ({
    site,
    storeEpoch: site,
    seq,
    kind,
    sessionId,
    refusedCode: null,
  });
  const stored = (n: number, cdr: (typeof cdrs)[number]) => ({
    sessions: new Map([[session(n), { connectorId: `c-${n}`, isOpen: false }]]),
    cdrs: [cdr],
    backlog: 0,
    quickCheck: 'ok',
  });
  return {
    edges: { 'site-1': stored(1, cdrs[0]), 'site-2': stored(2, cdrs[1]) },
    records: [
      record('site-1', 1, 'command.reported', null),
      record('site-1', 2, 'session.started', session(1)),
      record('site-1', 3, 'session.ended', session(1)),
      record('site-2', 1, 'session.started', session(2)),
      record('site-2', 2, 'session.ended', session(2)),
    ],
    cdrs,
    orders: [
      {
        orderId: 'o-1',
        origin: 'remote',
        state: 'completed',
        sessionId: session(1),
        isBegunLate: false,
        told: ['charge.started', 'charge.ended'],
      },
      { orderId: 'o-2', origin: 'local', state: 'completed', sessionId: session(2), isBegunLate: false, told: [] },
    ],
    operations: [{ operationId: 'op-1', requestId: 'start-1', outcome: 'succeeded' }],
    deadLetters: ['edge-nack store.unavailable x'],
    exceptions: [],
    alarms: ['site-offline site-1 x'],
    closedContactors: [],
  };
}

const visits: readonly Visit[] = [
  {
    site: 'site-1',
    pileId: 'A1',
    begunBy: 'partner',
    asked: [
      {
        requestId: 'start-1',
        kind: 'start',
        operationId: 'op-1',
        orderId: 'o-1',
        reservationId: null,
        outcome: 'succeeded',
      },
    ],
    refused: [],
    sessionIds: [session(1)],
    flowedWh: 50.4,
  },
  { site: 'site-2', pileId: 'B1', begunBy: 'card', asked: [], refused: [], sessionIds: [session(2)], flowedWh: 29.7 },
];

test('books that agree give no complaint', () => {
  expect(judgeBooks(goodBooks(), visits)).toEqual([]);
});

const [first, second] = goodBooks().cdrs;
const { records, orders, operations } = goodBooks();
const [order, localOrder] = orders;

test.each<[string, Partial<Books>, RegExp]>([
  ['a CDR is missing', { cdrs: goodBooks().cdrs.slice(1) }, /has 0 CDRs and 1 orders/],
  ['a session is billed twice', { cdrs: [...goodBooks().cdrs, ...goodBooks().cdrs.slice(0, 1)] }, /has 2 CDRs/],
  ['a session has two orders', { orders: [...orders, { ...orders[1], orderId: 'o-3' } as never] }, /and 2 orders/],
  ['a bill is of another energy', { cdrs: [{ ...first, energyWh: 51 }, second] as never }, /not the same/],
  ['a bill of no session', { cdrs: [...goodBooks().cdrs, cdrOf(3, 0)] }, /no site has begun it/],
  ['a record is missing', { records: records.filter((_, i) => i !== 0) }, /record 1 of site-1 .* is missing/],
  ['a record was refused', { records: records.map((one) => ({ ...one, refusedCode: 'x' })) }, /was refused: x/],
  [
    'an end before its begin',
    {
      records: records.map((one, i) => ({
        ...one,
        sessionId: [null, session(2), session(1), session(1), session(2)][i] ?? null,
      })),
    },
    /was told as \[session.ended, session.started\]/,
  ],
  ['an order is open', { orders: [{ ...order, state: 'charging' }, localOrder] as never }, /is charging/],
  [
    'a partner was told twice',
    { orders: [{ ...order, told: ['charge.started', 'charge.ended', 'charge.ended'] }, localOrder] as never },
    /was told as/,
  ],
  [
    'a partner was told the end first',
    { orders: [{ ...order, told: ['charge.ended', 'charge.started'] }, localOrder] as never },
    /was told as/,
  ],
  [
    'a partner was not told the begin',
    { orders: [{ ...order, told: ['charge.ended'] }, localOrder] as never },
    /was told as/,
  ],
  ['an accepted operation is gone', { operations: [] }, /is not there/],
  [
    'an operation has no outcome',
    { operations: operations.map((one) => ({ ...one, outcome: 'accepted' })) },
    /has no outcome/,
  ],
  [
    'an outcome has changed',
    { operations: operations.map((one) => ({ ...one, outcome: 'failed x' })) },
    /was seen as succeeded/,
  ],
  ['something was refused', { deadLetters: ['record wire.conflict x'] }, /refused: record wire.conflict/],
  ['a person has to look', { exceptions: ['x'] }, /a person has to look/],
  ['a box was taken for a copy', { alarms: ['controller-cloned site-1 x'] }, /controller-cloned/],
  ['a contactor is closed', { closedContactors: ['A1'] }, /contactor of A1/],
])('%s', (_, change, complaint) => {
  const complaints = judgeBooks({ ...goodBooks(), ...change }, visits);
  expect(complaints.join('\n')).toMatch(complaint);
});

test('a charge whose start the cloud had given up is put before a person, and told as both', () => {
  const late = { ...order, state: 'abnormal', told: ['charge.start_failed', 'charge.ended'] } as never;
  const books = { ...goodBooks(), orders: [late, ...orders.slice(1)] };
  const exceptions = ['order.charged_after_failure o-1 x'];
  expect(judgeBooks({ ...books, exceptions }, visits)).toEqual([]);
  expect(judgeBooks(books, visits).join()).toMatch(/1 orders are abnormal, and 0 are put before a person/);
});

test('energy that no session bills is found, at once and as it adds up', () => {
  const [one] = visits;
  if (one === undefined) throw new Error('no visit');
  expect(judgeBooks(goodBooks(), [{ ...one, flowedWh: 51.2 }]).join()).toMatch(/51.20 Wh flowed at A1/);
  const none = { ...one, asked: [], sessionIds: [], flowedWh: 0.6 };
  expect(judgeBooks(goodBooks(), [one, none, none]).join()).toMatch(/Wh of A1 are on no record/);
});

test('a seed names its plan, and troubles of every kind come', () => {
  expect(planTroubles(7, 600_000)).toEqual(planTroubles(7, 600_000));
  const all = Array.from({ length: 20 }, (_, seed) => planTroubles(seed, 300_000)).flat();
  const targets = new Set(all.map(({ trouble }) => targetOf(trouble)));
  expect([...targets].sort()).toEqual([
    'broker',
    'database',
    'front',
    'front to broker',
    'front to database',
    'ingest',
    'ingest to broker',
    'ingest to database',
    'site-1',
    'site-1 to broker',
    'site-2',
    'site-2 to broker',
  ]);
  const toxics = new Set(all.flatMap(({ trouble }) => (trouble.kind === 'way' ? Object.keys(trouble.toxics) : [])));
  expect([...toxics].sort()).toEqual(['bytesPerS', 'isCut', 'latencyMs', 'swallow', 'truncateAfterBytes']);
});

test('SY-04 of a begin that is heard after the time of its start only the end is told', () => {
  const late = { ...order, isBegunLate: true, told: ['charge.ended'] };
  expect(judgeBooks({ ...goodBooks(), orders: [late, localOrder] as never }, visits)).toEqual([]);
  const both = { ...late, told: ['charge.started', 'charge.ended'] };
  expect(judgeBooks({ ...goodBooks(), orders: [both, localOrder] as never }, visits).join()).toMatch(/was told as/);
});
