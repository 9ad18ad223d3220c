/**
 * One stream's batches in flight: a pure machine that goes back to the first unacknowledged record whenever it is in doubt.
 * Nothing but the cloud's own acknowledgement of a batch that was sent on this connection counts.
 */

/** A batch as this machine sees it: everything behind the record it was asked for, up to `throughSeq`. */
export interface BatchHead {
  readonly throughSeq: number;
  /** On the wire. */
  readonly bytes: number;
  /** The stream has records behind these. */
  readonly hasMore: boolean;
}

/** A batch that went out. */
interface Send {
  readonly sendNo: number;
  readonly afterSeq: number;
  readonly throughSeq: number;
  readonly bytes: number;
}

export interface LaneState {
  /** Everything up to here was sent on this connection and has been acknowledged. */
  readonly ackedSeq: number;
  /** What is on its way, in order. */
  readonly flight: readonly Send[];
  /** What was given up and sent again; a slow acknowledgement of it is as good as any. */
  readonly overtaken: readonly Send[];
  /** When the wait for the next acknowledgement began, and how long it may last. */
  readonly waitsSinceMonoMs: number;
  readonly patienceMs: number;
  /** How often in a row the stream went back without having come forward in between. */
  readonly unanswered: number;
  /** Nothing is sent before: the begin of a backlog, or the pace of the stream. */
  readonly restsUntilMonoMs: number;
}

const FIRST_RETRY_MS = 2000;
const LAST_RETRY_MS = 60_000;
/** Within so long sites that come back together begin with what does not fit in one batch. */
export const BACKLOG_SPREAD_MS = 10_000;
const MOST_OVERTAKEN = 32;

export const laneAtRest: LaneState = {
  ackedSeq: 0,
  flight: [],
  overtaken: [],
  waitsSinceMonoMs: 0,
  patienceMs: FIRST_RETRY_MS,
  unanswered: 0,
  restsUntilMonoMs: 0,
};

/**
 * 2 s, 4 s, 8 s … 60 s, a quarter more or less: sites that lost their cloud together do not ask together.
 *
 * @param fraction a random number from 0 inclusive to 1 exclusive
 */
export const retryAfterMs = (unanswered: number, fraction: number): number =>
  Math.round(Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** unanswered) * (0.75 + fraction / 2));

/** After a doubt one batch at a time, until an answer comes: a cloud that is slow is not asked for the same many times over. */
export const windowOf = (lane: LaneState, batchesInFlight: number): number =>
  lane.unanswered > 0 ? 1 : batchesInFlight;

/** The record behind which the next batch begins. */
export const sentThroughSeq = (lane: LaneState): number => lane.flight.at(-1)?.throughSeq ?? lane.ackedSeq;

export const bytesInFlight = (lane: LaneState): number => lane.flight.reduce((sum, { bytes }) => sum + bytes, 0);

/**
 * A batch went out.
 *
 * @param bytesPerS the pace of the stream; null when it has none
 */
export function sent(
  lane: LaneState,
  head: BatchHead,
  sendNo: number,
  bytesPerS: number | null,
  nowMonoMs: number,
  fraction: number,
): LaneState {
  const isFirst = lane.ackedSeq === 0 && lane.flight.length === 0 && lane.overtaken.length === 0;
  const spreadMs = isFirst && head.hasMore ? BACKLOG_SPREAD_MS * fraction : 0;
  const paceMs = bytesPerS === null ? 0 : (head.bytes * 1000) / bytesPerS;
  const send = { sendNo, afterSeq: sentThroughSeq(lane), throughSeq: head.throughSeq, bytes: head.bytes };
  const wait =
    lane.flight.length > 0 ? {} : { waitsSinceMonoMs: nowMonoMs, patienceMs: retryAfterMs(lane.unanswered, fraction) };
  return {
    ...lane,
    ...wait,
    flight: [...lane.flight, send],
    restsUntilMonoMs: Math.max(lane.restsUntilMonoMs, nowMonoMs + Math.max(spreadMs, paceMs)),
  };
}

/**
 * The cloud has answered the batch `sendNo`: it has compared or applied what that held up to `ackedSeq`. An older cloud does not
 * say which batch it answers, and is sent one at a time.
 *
 * An answer to a batch behind one without an answer tells that a batch or an acknowledgement was lost: the stream goes back.
 * What a cloud has of records that were not sent here does not count, so that a copy of a store is compared record by record.
 */
export function acked(
  lane: LaneState,
  answer: { readonly sendNo: number | null; readonly ackedSeq: number },
  nowMonoMs: number,
  fraction: number,
): LaneState {
  const meant =
    answer.sendNo === null
      ? lane.flight
      : [...lane.overtaken, ...lane.flight].filter(({ sendNo }) => sendNo === answer.sendNo);
  const counting = meant.find(({ afterSeq, throughSeq }) => afterSeq <= lane.ackedSeq && throughSeq > lane.ackedSeq);
  const ackedSeq =
    counting === undefined ? lane.ackedSeq : Math.max(lane.ackedSeq, Math.min(answer.ackedSeq, counting.throughSeq));
  if (counting !== undefined && ackedSeq === counting.throughSeq) {
    const isOpen = ({ throughSeq }: Send) => throughSeq > ackedSeq;
    return {
      ...lane,
      ackedSeq,
      flight: lane.flight.filter(isOpen),
      overtaken: lane.overtaken.filter(isOpen),
      waitsSinceMonoMs: nowMonoMs,
      patienceMs: retryAfterMs(0, fraction),
      unanswered: 0,
    };
  }
  const isBehindUnanswered = lane.flight.some(({ sendNo }, index) => index > 0 && sendNo === answer.sendNo);
  return isBehindUnanswered ? wentBack({ ...lane, ackedSeq }) : { ...lane, ackedSeq };
}

export const isOverdue = (lane: LaneState, nowMonoMs: number): boolean =>
  lane.flight.length > 0 && nowMonoMs - lane.waitsSinceMonoMs >= lane.patienceMs;

/** Begins again behind what has been acknowledged. */
export function wentBack(lane: LaneState): LaneState {
  return {
    ...lane,
    flight: [],
    overtaken: [...lane.overtaken, ...lane.flight].slice(-MOST_OVERTAKEN),
    unanswered: lane.unanswered + 1,
  };
}

/** There is nothing more to send: what had been given up is gone from the store as well. */
export const drained = (lane: LaneState): LaneState =>
  lane.flight.length > 0 ? lane : { ...lane, unanswered: 0, restsUntilMonoMs: 0 };
