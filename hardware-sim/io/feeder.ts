import type { ContactorEvent } from '../world/contactor.ts';
import type { IoOutputSettings } from './io-settings.ts';

/** A coil needs this long to open or close what it acts on. */
const SWITCHING_MS = 30;
const KEPT_EVENTS = 50;

/** A breaker or contactor in the supply of piles, and the relay that acts on it. */
export interface Feeder {
  readonly settings: IoOutputSettings;
  closed(): boolean;
  /** Newest last, at most 50. */
  events(): readonly ContactorEvent[];
  /** Brings it to `nowMs`. A jammed one does not open. */
  step(relayOn: boolean, jammed: boolean, nowMs: number): void;
  /** A hand closes a breaker. */
  close(nowMs: number): void;
}

/** A feeder as its relay leaves it at the start: a breaker is closed, a contactor only if it is held. */
export function createFeeder(settings: IoOutputSettings): Feeder {
  let closed = settings.energised === 'trips' || settings.startsOn;
  let wanted: boolean | undefined;
  let wantedSinceMs = 0;
  const events: ContactorEvent[] = [];

  const become = (next: boolean, monoMs: number): void => {
    if (next === closed) return;
    closed = next;
    events.push({ monoMs, closed });
    if (events.length > KEPT_EVENTS) events.shift();
  };
  /** What its coil asks of it; `undefined` when it may stay as it is. */
  const demand = (relayOn: boolean): boolean | undefined => {
    if (settings.energised === 'holds') return relayOn;
    return relayOn ? false : undefined;
  };
  return {
    settings,
    closed: () => closed,
    events: () => [...events],
    step: (relayOn, jammed, nowMs) => {
      const next = demand(relayOn);
      if (next !== wanted) {
        wanted = next;
        wantedSinceMs = nowMs;
      }
      if (wanted === undefined || nowMs - wantedSinceMs < SWITCHING_MS) return;
      if (wanted || !jammed) become(wanted, nowMs);
    },
    close: (nowMs) => become(true, nowMs),
  };
}
