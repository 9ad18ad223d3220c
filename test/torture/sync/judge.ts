import { judgeAccounts } from '../judge-round.ts';
import type { BookedOrder, Books } from './books.ts';
import { SITES } from './plan.ts';
import type { Visit } from './visits.ts';

/** What a KEBA counts in whole watt-hours, the edge bills in them. */
const RESOLUTION_WH = 1;

/** What no trouble of machines and wires can be the cause of. */
const UNCAUSED_ALARMS = [
  'energy-without-session',
  'stop-not-proven',
  'store-damaged',
  'store-copied',
  'controller-cloned',
];

/** The answer to what could not be stored at the moment; it came again. */
const PASSING_LETTER = /^edge-nack store\.unavailable/;

/** Compares the books of edges, cloud and partner with each other and with what truly flowed. Empty: all is as it must be. */
export function judgeBooks(books: Books, visits: readonly Visit[]): string[] {
  return [
    ...judgeStores(books),
    ...judgeBills(books),
    ...judgeOrder(books),
    ...judgeOrders(books),
    ...judgeOperations(books, visits),
    ...visits.flatMap((visit) => judgeEnergy(books, visit)),
    ...judgeAccounts(visits.map((visit) => [accountOf(books, visit)])),
    ...books.deadLetters.filter((letter) => !PASSING_LETTER.test(letter)).map((letter) => `refused: ${letter}`),
    ...judgeExceptions(books),
    ...books.alarms.filter((alarm) => UNCAUSED_ALARMS.some((code) => alarm.startsWith(code))),
    ...books.closedContactors.map((pileId) => `the contactor of ${pileId} is closed at the end`),
  ];
}

/** The stores are whole, and every record of theirs is in the cloud once: numbers from 1 on without a hole, none refused. */
function judgeStores({ edges, records }: Books): string[] {
  const complaints = SITES.flatMap((site) => {
    const { quickCheck, backlog } = edges[site];
    return [
      ...(quickCheck === 'ok' ? [] : [`the store of ${site} is damaged: ${quickCheck}`]),
      ...(backlog === 0 ? [] : [`${backlog} records of ${site} were not told`]),
    ];
  });
  for (const [stream, told] of Map.groupBy(records, ({ site, storeEpoch }) => `${site} ${storeEpoch}`))
    for (const [i, { seq, kind, refusedCode }] of told.entries()) {
      if (seq !== i + 1) return [...complaints, `record ${i + 1} of ${stream} is missing before ${seq}`];
      if (refusedCode !== null) complaints.push(`record ${seq} of ${stream}, ${kind}, was refused: ${refusedCode}`);
    }
  return complaints;
}

/** The set of sessions that were begun is the set of those billed: each once, by the same record, in one order. */
function judgeBills({ edges, cdrs, orders }: Books): string[] {
  const complaints: string[] = [];
  const billed = Map.groupBy(cdrs, ({ sessionId }) => sessionId);
  const ordered = Map.groupBy(orders, ({ sessionId }) => sessionId);
  const produced = new Map(SITES.flatMap((site) => [...edges[site].sessions]));
  const kept = Map.groupBy(
    SITES.flatMap((site) => edges[site].cdrs),
    ({ sessionId }) => sessionId,
  );
  for (const [sessionId, { isOpen, connectorId }] of produced) {
    const [bills = [], own = [], of = []] = [billed.get(sessionId), kept.get(sessionId), ordered.get(sessionId)];
    const name = `session ${sessionId} of ${connectorId}`;
    if (isOpen) complaints.push(`${name} is still open`);
    if (bills.length !== 1 || own.length !== 1 || of.length !== 1)
      complaints.push(
        `${name} has ${bills.length} CDRs and ${of.length} orders in the cloud, ${own.length} CDRs on site`,
      );
    else if (JSON.stringify(bills[0]) !== JSON.stringify(own[0]))
      complaints.push(`the CDR of ${name} is not the same in cloud and ledger`);
  }
  for (const sessionId of billed.keys())
    if (!produced.has(sessionId)) complaints.push(`session ${sessionId} is billed, and no site has begun it`);
  return complaints;
}

/** Of each session its begin was told before its end, each once. */
function judgeOrder({ records, edges }: Books): string[] {
  const told = Map.groupBy(
    records.filter(({ kind }) => kind === 'session.started' || kind === 'session.ended'),
    ({ sessionId }) => sessionId,
  );
  return SITES.flatMap((site) => [...edges[site].sessions.keys()]).flatMap((sessionId) => {
    const kinds = (told.get(sessionId) ?? []).map(({ kind }) => kind).join(', ');
    // One that never delivered has no begin.
    const isRight = kinds === 'session.started, session.ended' || kinds === 'session.ended';
    return isRight ? [] : [`session ${sessionId} was told as [${kinds}]`];
  });
}

/** No order is open, and a partner was told each outcome of his own once, the begin before the end. */
function judgeOrders({ orders, records }: Books): string[] {
  const begun = new Set(records.filter(({ kind }) => kind === 'session.started').map(({ sessionId }) => sessionId));
  return orders.flatMap((order) => {
    const told = order.told.join(', ');
    const isBegun = order.sessionId !== null && begun.has(order.sessionId) && !order.isBegunLate;
    const isRight = storiesOf(order, isBegun).includes(told);
    return isRight ? [] : [`order ${order.orderId}, ${order.origin}, is ${order.state} and was told as [${told}]`];
  });
}

function storiesOf({ origin, state }: BookedOrder, isBegun: boolean): string[] {
  if (origin === 'local') return ['completed', 'void'].includes(state) ? [''] : [];
  if (state === 'start_failed') return ['charge.start_failed'];
  // The cloud has given the start up before the site could tell that it had begun: told as both, and put before a person.
  if (state === 'abnormal') return ['charge.start_failed, charge.ended'];
  if (state !== 'completed' && state !== 'void') return [];
  return [isBegun ? 'charge.started, charge.ended' : 'charge.ended'];
}

/** A person has to look at nothing but at charges whose start had been given up. */
function judgeExceptions({ exceptions, orders }: Books): string[] {
  const abnormal = orders.filter(({ state }) => state === 'abnormal').map(({ orderId }) => orderId);
  const expected = abnormal.map((orderId) => `order.charged_after_failure ${orderId}`);
  const others = exceptions.filter((exception) => !expected.some((one) => exception.startsWith(one)));
  const isEachOnce = exceptions.length - others.length === abnormal.length;
  return [
    ...others.map((exception) => `a person has to look: ${exception}`),
    ...(isEachOnce ? [] : [`${abnormal.length} orders are abnormal, and ${exceptions.length} are put before a person`]),
  ];
}

/** Whatever a partner was answered is there, has one outcome, and that is the one that he has seen. */
function judgeOperations({ operations }: Books, visits: readonly Visit[]): string[] {
  const asked = visits.flatMap((visit) => visit.asked);
  const known = Map.groupBy(operations, ({ requestId }) => requestId);
  const open = operations.filter(({ outcome }) => outcome === 'accepted');
  return [
    ...open.map(({ operationId }) => `operation ${operationId} has no outcome`),
    ...asked.flatMap(({ requestId, operationId, outcome }) => {
      const [found, ...others] = known.get(requestId) ?? [];
      if (found === undefined) return [`${requestId} was accepted as operation ${operationId}, and is not there`];
      if (others.length > 0 || found.operationId !== operationId)
        return [`${requestId} was accepted as ${operationId}, and has ${1 + others.length} operations`];
      if (outcome !== null && outcome !== found.outcome)
        return [`operation ${operationId} was seen as ${outcome}, and is ${found.outcome}`];
      return [];
    }),
  ];
}

/** What a visit's sessions bill is what truly flowed, to within one step of the register for each. */
function judgeEnergy(books: Books, visit: Visit): string[] {
  const { flowedWh, recordedWh } = accountOf(books, visit);
  const mostWh = RESOLUTION_WH * Math.max(1, visit.sessionIds.length);
  if (Math.abs(recordedWh - flowedWh) < mostWh) return [];
  const ids = visit.sessionIds.join(', ');
  return [`${flowedWh.toFixed(2)} Wh flowed at ${visit.pileId}, and sessions [${ids}] bill ${recordedWh} Wh`];
}

function accountOf({ cdrs }: Books, { pileId, sessionIds, flowedWh }: Visit) {
  const recordedWh = cdrs
    .filter(({ sessionId }) => sessionIds.includes(sessionId))
    .reduce((sum, { energyWh }) => sum + energyWh, 0);
  return { pileId, flowedWh, recordedWh, resolutionWh: RESOLUTION_WH };
}
