import {
  acked,
  type BatchHead,
  bytesInFlight,
  drained,
  isOverdue,
  type LaneState,
  laneAtRest,
  retryAfterMs,
  sent,
  sentThroughSeq,
  wentBack,
  windowOf,
} from './lane.ts';

/**
 * When to say hello, and when to send batches of which stream: a pure machine. It trusts nothing but the cloud's own words,
 * welcome and ack; what MQTT says of a delivery does not count.
 */
export interface PumpState {
  readonly link: 'down' | 'greeting' | 'open';
  readonly helloMonoMs: number;
  readonly helloPatienceMs: number;
  /** Consecutive hellos without an answer. */
  readonly greetings: number;
  /**
   * The number of the last batch. It goes on from connection to connection, so that an answer of a former one is none, and begins
   * anywhere, so that one to a former process is none either.
   */
  readonly sendNo: number;
  /** How many batches of a stream the cloud lets be on their way. */
  readonly batchesInFlight: number;
  /** One for each stream, in order of priority. */
  readonly lanes: readonly Lane[];
}

export interface Lane extends LaneState {
  /** The cloud takes this stream. */
  readonly isTaken: boolean;
  readonly bytesPerS: number | null;
}

export type PumpEvent =
  | { readonly kind: 'connected' }
  | { readonly kind: 'disconnected' }
  | { readonly kind: 'welcomed'; readonly batchesInFlight: number; readonly isTaken: readonly boolean[] }
  | { readonly kind: 'acked'; readonly lane: number; readonly sendNo: number | null; readonly ackedSeq: number }
  /** New records, or just time passing. */
  | { readonly kind: 'tick' };

export type PumpAction<Head> =
  | { readonly kind: 'hello' }
  | { readonly kind: 'batch'; readonly lane: number; readonly sendNo: number; readonly head: Head };

/** What a step is taken with. */
export interface PumpMoment<Head extends BatchHead> {
  readonly nowMonoMs: number;
  /** Random, from 0 inclusive to 1 exclusive. */
  readonly fraction: number;
  /**
   * Reads the next batch of a lane behind a record; null when there is none. Asked only for a batch that goes out at once: what
   * waits behind those in flight, or for a connection, is not read four times a second.
   */
  next(lane: number, afterSeq: number, sendNo: number): Head | null;
}

interface Step<Head> {
  readonly state: PumpState;
  readonly actions: readonly PumpAction<Head>[];
}

/** What is on its way delays what is live: behind so many bytes no further batch is sent. */
export const MAX_BYTES_IN_FLIGHT = 131_072;
const SEND_NUMBERS = 2 ** 40;

/**
 * The pump of a process that begins.
 *
 * @param paces bytes a second for each stream, in order of priority; null: as fast as the cloud takes them
 * @param fraction random, from 0 inclusive to 1 exclusive: two processes on one store do not begin at the same number
 */
export const pumpAtRest = (paces: readonly (number | null)[], fraction: number): PumpState => ({
  ...unconnected(paces),
  sendNo: Math.floor(fraction * SEND_NUMBERS),
});

const unconnected = (paces: readonly (number | null)[]): Omit<PumpState, 'sendNo'> => ({
  link: 'down',
  helloMonoMs: 0,
  helloPatienceMs: 0,
  greetings: 0,
  batchesInFlight: 1,
  lanes: paces.map((bytesPerS) => ({ ...laneAtRest, isTaken: false, bytesPerS })),
});

export function pump<Head extends BatchHead>(state: PumpState, event: PumpEvent, moment: PumpMoment<Head>): Step<Head> {
  const { nowMonoMs, fraction } = moment;
  switch (event.kind) {
    case 'disconnected':
      return { state: atRest(state), actions: [] };
    case 'connected':
      return greet(atRest(state), moment);
    case 'welcomed': {
      if (state.link === 'down') return { state, actions: [] };
      // Also the answer to a hello that only asked for the time: what is in flight then is left alone.
      const lanes = state.lanes.map((lane, index) => ({ ...lane, isTaken: event.isTaken[index] === true }));
      return fill({ ...state, link: 'open', batchesInFlight: event.batchesInFlight, lanes }, moment);
    }
    case 'acked':
      // What may go now goes with the next tick: first it has to be stored how far the cloud is.
      if (state.link !== 'open') return { state, actions: [] };
      return { state: withLane(state, event.lane, (lane) => acked(lane, event, nowMonoMs, fraction)), actions: [] };
    case 'tick': {
      if (state.link === 'down') return { state, actions: [] };
      if (state.link === 'greeting')
        return nowMonoMs - state.helloMonoMs < state.helloPatienceMs ? { state, actions: [] } : greet(state, moment);
      const lanes = state.lanes.map((lane) => (isOverdue(lane, nowMonoMs) ? { ...lane, ...wentBack(lane) } : lane));
      return fill({ ...state, lanes }, moment);
    }
  }
}

const atRest = ({ lanes, sendNo }: PumpState): PumpState => ({
  ...unconnected(lanes.map(({ bytesPerS }) => bytesPerS)),
  sendNo,
});

function greet<Head extends BatchHead>(state: PumpState, { nowMonoMs, fraction }: PumpMoment<Head>): Step<Head> {
  const greeting: PumpState = {
    ...state,
    link: 'greeting',
    helloMonoMs: nowMonoMs,
    helloPatienceMs: retryAfterMs(state.greetings, fraction),
    greetings: state.greetings + 1,
  };
  return { state: greeting, actions: [{ kind: 'hello' }] };
}

const withLane = (state: PumpState, at: number, change: (lane: LaneState) => LaneState): PumpState => ({
  ...state,
  lanes: state.lanes.map((lane, index) => (index === at ? { ...lane, ...change(lane) } : lane)),
});

/** Sends what may go, the first stream first. While that has something to send, those behind it wait. */
function fill<Head extends BatchHead>(before: PumpState, moment: PumpMoment<Head>): Step<Head> {
  const actions: PumpAction<Head>[] = [];
  let state = before;
  for (const index of before.lanes.keys()) {
    for (;;) {
      const lane = state.lanes[index];
      if (lane === undefined || !lane.isTaken) break;
      if (!mayGo(state, lane, moment.nowMonoMs)) return { state, actions };
      const sendNo = state.sendNo + 1;
      const head = moment.next(index, sentThroughSeq(lane), sendNo);
      if (head === null) {
        state = withLane(state, index, drained);
        break;
      }
      actions.push({ kind: 'batch', lane: index, sendNo, head });
      state = withLane({ ...state, sendNo }, index, (one) =>
        sent(one, head, sendNo, lane.bytesPerS, moment.nowMonoMs, moment.fraction),
      );
    }
  }
  return { state, actions };
}

function mayGo({ lanes, batchesInFlight }: PumpState, lane: Lane, nowMonoMs: number): boolean {
  if (nowMonoMs < lane.restsUntilMonoMs || lane.flight.length >= windowOf(lane, batchesInFlight)) return false;
  if (lane.flight.length === 0 && lane === lanes[0]) return true;
  return lanes.reduce((sum, one) => sum + bytesInFlight(one), 0) < MAX_BYTES_IN_FLIGHT;
}
