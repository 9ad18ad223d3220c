/**
 * When to say hello and when to send records: a pure machine around one batch in flight. It trusts nothing but the
 * cloud's own words, welcome and ack; what MQTT says of a delivery does not count.
 */
export interface PumpState {
  readonly link: 'down' | 'greeting' | 'open';
  /** When the last hello or batch went out. */
  readonly sentMonoMs: number;
  readonly inFlightThroughSeq: number | null;
  /** Consecutive sends without an answer. */
  readonly unanswered: number;
}

export type PumpEvent =
  | { readonly kind: 'connected' }
  | { readonly kind: 'disconnected' }
  | { readonly kind: 'welcomed' }
  | { readonly kind: 'acked'; readonly ackedSeq: number }
  /** New records, or just time passing. */
  | { readonly kind: 'tick' };

export type PumpAction = 'hello' | 'batch' | null;

const FIRST_RETRY_MS = 2000;
const LAST_RETRY_MS = 60_000;

export const pumpAtRest: PumpState = { link: 'down', sentMonoMs: 0, inFlightThroughSeq: null, unanswered: 0 };

/** 2 s, 4 s, 8 s … 60 s. */
export const retryAfterMs = (unanswered: number): number =>
  Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.max(0, unanswered - 1));

/**
 * @param backlogThroughSeq reads the next batch and tells its last record; null when there is none. Asked only for a batch that
 *   goes out at once: what waits behind one in flight, or for a connection, is not read four times a second
 */
export function pump(
  state: PumpState,
  event: PumpEvent,
  nowMonoMs: number,
  backlogThroughSeq: () => number | null,
): { state: PumpState; action: PumpAction } {
  switch (event.kind) {
    case 'disconnected':
      return { state: pumpAtRest, action: null };
    case 'connected':
      return {
        state: { link: 'greeting', sentMonoMs: nowMonoMs, inFlightThroughSeq: null, unanswered: 1 },
        action: 'hello',
      };
    case 'welcomed':
      // Also the answer to a hello that only asked for the time: what is in flight then is left alone.
      if (state.link !== 'greeting') return onTick(state, nowMonoMs, backlogThroughSeq);
      return sendNext(
        { ...state, link: 'open', inFlightThroughSeq: null, unanswered: 0 },
        nowMonoMs,
        backlogThroughSeq,
      );
    case 'acked': {
      const isAnswer = state.inFlightThroughSeq !== null && event.ackedSeq >= state.inFlightThroughSeq;
      if (state.link !== 'open' || !isAnswer) return { state, action: null };
      return sendNext({ ...state, inFlightThroughSeq: null, unanswered: 0 }, nowMonoMs, backlogThroughSeq);
    }
    case 'tick':
      return onTick(state, nowMonoMs, backlogThroughSeq);
  }
}

function onTick(
  state: PumpState,
  nowMonoMs: number,
  backlogThroughSeq: () => number | null,
): { state: PumpState; action: PumpAction } {
  if (state.link === 'down') return { state, action: null };
  const isOverdue = nowMonoMs - state.sentMonoMs >= retryAfterMs(state.unanswered);
  if (state.link === 'greeting') {
    if (!isOverdue) return { state, action: null };
    return { state: { ...state, sentMonoMs: nowMonoMs, unanswered: state.unanswered + 1 }, action: 'hello' };
  }
  if (state.inFlightThroughSeq === null) return sendNext(state, nowMonoMs, backlogThroughSeq);
  return isOverdue ? sendNext(state, nowMonoMs, backlogThroughSeq) : { state, action: null };
}

function sendNext(
  state: PumpState,
  nowMonoMs: number,
  backlogThroughSeq: () => number | null,
): { state: PumpState; action: PumpAction } {
  const throughSeq = backlogThroughSeq();
  if (throughSeq === null) return { state: { ...state, inFlightThroughSeq: null, unanswered: 0 }, action: null };
  return {
    state: { ...state, sentMonoMs: nowMonoMs, inFlightThroughSeq: throughSeq, unanswered: state.unanswered + 1 },
    action: 'batch',
  };
}
