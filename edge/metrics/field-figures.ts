import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { ConnectorStatus, ConnectorView } from '#shared/wire/messages.ts';
import type { Rung } from '../control/stop-ladder.ts';
import type { LineView } from '../runtime/site-lines.ts';

/** How late an event loop was since it was asked last, in seconds. */
export interface LoopDelay {
  readonly p50S: number;
  readonly p99S: number;
  readonly maxS: number;
}

/** What the field thread tells of itself every two seconds. Nothing of it is asked for by a scrape. */
export interface FieldFigures {
  readonly lines: readonly Pick<LineView, 'lineId' | 'isOpen' | 'counters'>[];
  readonly connectors: Readonly<Partial<Record<ConnectorStatus, number>>>;
  /** Watchdogs that were due and not fed, because nothing had just been decided. */
  readonly permitsDenied: number;
  /** Stops that were proven since the last figures. */
  readonly stops: readonly ProvenStop[];
  readonly delay: LoopDelay;
}

export interface ProvenStop {
  readonly rung: Rung;
  readonly tookMs: number;
}

/** How often the event loop is looked at. More often would keep a small box awake for nothing. */
const LOOK_MS = 20;
const NS_PER_S = 1e9;
/** Of a site whose every connector stops at once, again and again, no more is kept until the next figures. */
const MOST_STOPS = 1000;

/** Watches how late this thread's event loop is. */
export function watchDelay(): { take: () => LoopDelay; close: () => void } {
  const delay = monitorEventLoopDelay({ resolution: LOOK_MS });
  delay.enable();
  const beyond = (ns: number): number => Math.max(0, ns / NS_PER_S - LOOK_MS / 1000);
  return {
    take() {
      const isEmpty = delay.count === 0;
      const [p50S, p99S, maxS] = [delay.percentile(50), delay.percentile(99), delay.max].map(beyond);
      delay.reset();
      return isEmpty ? { p50S: 0, p99S: 0, maxS: 0 } : { p50S: p50S ?? 0, p99S: p99S ?? 0, maxS: maxS ?? 0 };
    },
    close: () => delay.disable(),
  };
}

/** Gathers on the field thread what it tells of itself. */
export class FieldFigureKeeper {
  #stops: ProvenStop[] = [];
  readonly #delay = watchDelay();

  stopped(stop: ProvenStop): void {
    if (this.#stops.length < MOST_STOPS) this.#stops.push(stop);
  }

  take(field: {
    lines: () => readonly LineView[];
    view: () => readonly ConnectorView[];
    permitsDenied: () => number;
  }): FieldFigures {
    const stops = this.#stops;
    this.#stops = [];
    const connectors: Partial<Record<ConnectorStatus, number>> = {};
    for (const { status } of field.view()) connectors[status] = (connectors[status] ?? 0) + 1;
    const lines = field.lines().map(({ lineId, isOpen, counters }) => ({ lineId, isOpen, counters }));
    return { lines, connectors, permitsDenied: field.permitsDenied(), stops, delay: this.#delay.take() };
  }
}
