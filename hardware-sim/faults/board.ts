import { type ExchangeFault, type Fault, isExchangeFault } from './fault.ts';
import type { Random } from './random.ts';
import type { StateFault } from './state-faults.ts';

/** What a fault is set on: a kind of thing and its id. */
export type FaultTarget = `${'pile' | 'line' | 'meter' | 'lock' | 'io' | 'device'}:${string}`;

/** A fault that is switched on. `strikes` counts exchanges it has hit. */
export interface ActiveFault {
  readonly faultId: string;
  readonly target: FaultTarget;
  readonly fault: Fault;
  readonly strikes: number;
}

/** All faults of a station that are switched on. */
export interface FaultBoard {
  /** What everything random about faults is drawn from. */
  readonly random: Random;
  add(target: FaultTarget, fault: Fault): string;
  /** False when there is no such fault. */
  remove(faultId: string): boolean;
  list(): readonly ActiveFault[];
  /** Faults of one device that hold until removed. */
  stateFaults(target: FaultTarget): readonly StateFault[];
  /** Exchange faults of any of `targets` that strike now; counts them and drops those that are used up. */
  strike(targets: readonly FaultTarget[], applies: (fault: ExchangeFault) => boolean): readonly ExchangeFault[];
  /** Calls `listener` after each fault that comes or goes; returns the function that ends it. */
  watch(listener: () => void): () => void;
}

/** An empty board. `random` decides faults with a probability. */
export function createFaultBoard(random: Random): FaultBoard {
  const active = new Map<string, ActiveFault>();
  const listeners = new Set<() => void>();
  let added = 0;
  const tell = (): void => {
    for (const listener of [...listeners]) listener();
  };

  const hits = (entry: ActiveFault): entry is ActiveFault & { fault: ExchangeFault } =>
    isExchangeFault(entry.fault) && (entry.fault.probability === undefined || random() < entry.fault.probability);

  const count = (entry: ActiveFault & { fault: ExchangeFault }): void => {
    const strikes = entry.strikes + 1;
    if (entry.fault.count !== undefined && strikes >= entry.fault.count) remove(entry.faultId);
    else active.set(entry.faultId, { ...entry, strikes });
  };

  const remove = (faultId: string): boolean => {
    const wasOn = active.delete(faultId);
    if (wasOn) tell();
    return wasOn;
  };

  return {
    random,
    add: (target, fault) => {
      added += 1;
      const faultId = `f${added}`;
      active.set(faultId, { faultId, target, fault, strikes: 0 });
      tell();
      return faultId;
    },
    remove,
    list: () => [...active.values()],
    stateFaults: (target) =>
      [...active.values()]
        .filter((entry) => entry.target === target)
        .map((entry) => entry.fault)
        .filter((fault): fault is StateFault => !isExchangeFault(fault) && fault.kind !== 'unplugged'),
    strike: (targets, applies) => {
      const struck: ExchangeFault[] = [];
      for (const entry of [...active.values()]) {
        if (!targets.includes(entry.target) || !isExchangeFault(entry.fault) || !applies(entry.fault)) continue;
        if (!hits(entry)) continue;
        count(entry);
        struck.push(entry.fault);
      }
      return struck;
    },
    watch: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
