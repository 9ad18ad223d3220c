import { errorCatalogue } from '#shared/errors.ts';
import type { Cdr } from '#shared/wire/cdr.ts';
import type { Sent } from './hands.ts';
import { type BookedReservation, judgeReservations } from './judge-reservations.ts';
import type { Attempt } from './moody-receiver.ts';

export interface BookedRequest {
  readonly partnerId: string;
  readonly requestId: string;
  readonly operationId: string;
  readonly kind: string;
  readonly orderId: string | null;
  readonly reservationId: string | null;
  /** The reservation that a start presents. */
  readonly presents: string | null;
  readonly outcome: string;
}

export interface BookedDelivery {
  readonly eventId: string;
  /** What it is in order with: an order, a reservation. */
  readonly lane: string;
  readonly status: string;
  readonly payloadSha256: string;
}

/** What the partner was told of the end of an order, as far as it must be what the record says. */
export interface ToldEnd {
  readonly sessionId: string;
  readonly energyWh: number;
  /** Null: no amount was told. */
  readonly amountMinor: number | null;
}

/** What was asked and answered, and what was told. */
export interface ApiBooks {
  readonly sent: readonly Sent[];
  /** Requests, `partner request`, of which at least one sending got no answer. */
  readonly unanswered: ReadonlySet<string>;
  readonly requests: readonly BookedRequest[];
  /** In the order in which they were written. */
  readonly deliveries: readonly BookedDelivery[];
  readonly attempts: readonly Attempt[];
  readonly cdrs: readonly Cdr[];
  readonly ends: readonly ToldEnd[];
  readonly reservations: readonly BookedReservation[];
  /** What was final, and has been changed all the same. */
  readonly changed: readonly string[];
  /** Outcomes of starts, and what their orders were told as. */
  readonly starts: readonly { readonly orderId: string; readonly outcome: string; readonly told: readonly string[] }[];
}

/** Compares what partners were answered and told with what stands in the database. Empty: all is as it must be. */
export function judgeApi(books: ApiBooks): string[] {
  return [
    ...judgeAnswers(books),
    ...judgeRequests(books),
    ...judgeDeliveries(books),
    ...judgeOrderOfEvents(books),
    ...judgeConnectors(books),
    ...judgeEnds(books),
    ...judgeReservations(books),
    ...books.changed.map((story) => `final, and changed: ${story}`),
    ...books.starts.flatMap(judgeStart),
  ];
}

const nameOf = ({ partnerId, requestId }: { readonly partnerId: string; readonly requestId: string }): string =>
  `${partnerId} ${requestId}`;

/** One request has one answer as soon as it has been accepted; a failure is one that says when to come again. */
function judgeAnswers({ sent }: ApiBooks): string[] {
  const faults = sent.flatMap(({ status, code, retryAfter, body }) => {
    if (status === 202 || (status < 500 && code !== null && Object.hasOwn(errorCatalogue, code))) return [];
    return status === 503 && retryAfter !== null ? [] : [`answered with ${status}, Retry-After ${retryAfter}: ${body}`];
  });
  const changed = [...Map.groupBy(sent, nameOf)].flatMap(([name, answers]) => {
    const accepted = answers.filter(({ status }) => status === 202);
    const firstAs = Math.min(...accepted.map(({ answeredAs }) => answeredAs));
    const later = answers.filter(({ sentAs, status }) => sentAs > firstAs && status < 500);
    if (new Set([...accepted, ...later].map(({ body }) => body)).size <= 1) return [];
    return [`${name} was answered in more than one way: ${[...accepted, ...later].map(({ body }) => body).join(' ')}`];
  });
  return [...faults, ...changed];
}

/** Whatever was accepted is there once; what was refused, and nothing else came of it, has left nothing. */
function judgeRequests({ sent, unanswered, requests }: ApiBooks): string[] {
  const booked = Map.groupBy(requests, (one) => `${one.kind} ${nameOf(one)}`);
  const asked = Map.groupBy(sent, (one) => `${one.kind} ${nameOf(one)}`);
  const doubled = [...booked].flatMap(([name, all]) =>
    all.length === 1 ? [] : [`${name} is ${all.length} operations`],
  );
  const missing = [...asked].flatMap(([name, answers]) => {
    const accepted = answers.find(({ status }) => status === 202);
    const [found] = booked.get(name) ?? [];
    if (accepted !== undefined)
      return JSON.parse(accepted.body).operation_id === found?.operationId
        ? []
        : [`${name} was accepted, and is not there`];
    const isKnown = answers.every(({ status }) => status < 500) && !unanswered.has(name.slice(name.indexOf(' ') + 1));
    return isKnown && found !== undefined ? [`${name} was refused, and is operation ${found.operationId}`] : [];
  });
  const unasked = requests.filter((one) => !asked.has(`${one.kind} ${nameOf(one)}`) && !unanswered.has(nameOf(one)));
  return [...doubled, ...missing, ...unasked.map((one) => `nobody has asked for ${nameOf(one)}`)];
}

/** Every event has reached the partner, under one name and with the same bytes each time; nothing else has. */
function judgeDeliveries({ deliveries, attempts }: ApiBooks): string[] {
  const came = Map.groupBy(attempts, ({ webhookId }) => webhookId);
  const known = new Set(deliveries.map(({ eventId }) => eventId));
  return [
    ...deliveries.flatMap(({ eventId, status, payloadSha256 }) => {
      const all = came.get(eventId) ?? [];
      return [
        ...(status === 'delivered' ? [] : [`event ${eventId} is ${status}`]),
        ...(all.some(({ acceptedAs }) => acceptedAs !== null) ? [] : [`event ${eventId} was never accepted`]),
        ...(all.every(({ bodySha256 }) => bodySha256 === payloadSha256)
          ? []
          : [`event ${eventId} came with other bytes`]),
      ];
    }),
    ...[...came.keys()].filter((eventId) => !known.has(eventId)).map((eventId) => `${eventId} is no event`),
    ...attempts.filter(({ isSigned }) => !isSigned).map(({ webhookId }) => `${webhookId} was not signed`),
  ];
}

/** Of one lane nothing comes before what was told earlier has been accepted, and nothing earlier after it. */
function judgeOrderOfEvents({ deliveries, attempts }: ApiBooks): string[] {
  const came = Map.groupBy(attempts, ({ webhookId }) => webhookId);
  return [...Map.groupBy(deliveries, ({ lane }) => lane)].flatMap(([lane, events]) =>
    events.slice(1).flatMap(({ eventId }, i) => {
      const earlier = came.get(events[i]?.eventId ?? '') ?? [];
      const acceptedAs = Math.min(...earlier.flatMap(({ acceptedAs: as }) => (as === null ? [] : [as])));
      const cameAs = Math.min(...(came.get(eventId) ?? []).map((one) => one.cameAs));
      const lastAs = Math.max(...earlier.map((one) => one.cameAs));
      if (cameAs > acceptedAs && lastAs < cameAs) return [];
      return [`event ${eventId} of ${lane} came out of its order`];
    }),
  );
}

/** At one connector one charge is over before the next one begins. */
function judgeConnectors({ cdrs }: ApiBooks): string[] {
  return [...Map.groupBy(cdrs, ({ connectorId }) => connectorId)].flatMap(([connectorId, charges]) => {
    const inOrder = charges.toSorted((a, b) => a.startedAt.wallMs - b.startedAt.wallMs);
    return inOrder.slice(1).flatMap((next, i) => {
      const before = inOrder[i];
      if (before === undefined || before.endedAt.wallMs <= next.startedAt.wallMs) return [];
      return [`sessions ${before.sessionId} and ${next.sessionId} charged at ${connectorId} at the same time`];
    });
  });
}

/** The end that a partner was told is the one that the record and its bill say. */
function judgeEnds({ cdrs, ends }: ApiBooks): string[] {
  const records = new Map(cdrs.map((cdr) => [cdr.sessionId, cdr]));
  return ends.flatMap(({ sessionId, energyWh, amountMinor }) => {
    const cdr = records.get(sessionId);
    // What nobody has confirmed is nobody's to pay.
    const dueMinor = cdr?.voidReason === null ? cdr.rating?.totalMinor : null;
    if (cdr?.energyWh === energyWh && dueMinor === amountMinor) return [];
    return [`session ${sessionId} was told as ${energyWh} Wh for ${amountMinor}, and its record says otherwise`];
  });
}

/** What a partner finds when he asks is what he was told. While a site that lives can be asked, no start is given up without its word. */
function judgeStart({ orderId, outcome, told }: ApiBooks['starts'][number]): string[] {
  const hasFailed = told.includes('charge.start_failed');
  if (hasFailed && told.length > 1) return [`the start of order ${orderId} was given up, and it has charged`];
  const isRight = outcome === 'succeeded' ? !hasFailed && told.length > 0 : outcome.startsWith('failed') && hasFailed;
  return isRight ? [] : [`the start of order ${orderId} is ${outcome}, and was told as [${told.join(', ')}]`];
}
