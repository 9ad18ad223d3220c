import { type ExchangeFault, isExchangeFault, type PileFault, type StateFault } from './fault.ts';
import type { Random } from './random.ts';

/** What a fault is set on: `pile:<id>` or `line:<id>`. */
export type FaultTarget = `pile:${string}` | `line:${string}`;

/** A fault that is switched on. `strikes` counts exchanges it has hit. */
export interface ActiveFault {
  readonly faultId: string;
  readonly target: FaultTarget;
  readonly fault: PileFault;
  readonly strikes: number;
}

/** All faults of a station that are switched on. */
export interface FaultBoard {
  add(target: FaultTarget, fault: PileFault): string;
  /** False when there is no such fault. */
  remove(faultId: string): boolean;
  list(): readonly ActiveFault[];
  /** Faults of one pile that hold until removed. */
  stateFaults(target: FaultTarget): readonly StateFault[];
  /** Exchange faults of any of `targets` that strike now; counts them and drops those that are used up. */
  strike(targets: readonly FaultTarget[], applies: (fault: ExchangeFault) => boolean): readonly ExchangeFault[];
}

/** An empty board. `random` decides faults with a probability. */
export function createFaultBoard(random: Random): FaultBoard {
  const active = new Map<string, ActiveFault>();
  let added = 0;

  const hits = (entry: ActiveFault): entry is ActiveFault & { fault: ExchangeFault } =>
    isExchangeFault(entry.fault) && (entry.fault.probability === undefined || random() < entry.fault.probability);

  const count = (entry: ActiveFault & { fault: ExchangeFault }): void => {
    const strikes = entry.strikes + 1;
    if (entry.fault.count !== undefined && strikes >= entry.fault.count) active.delete(entry.faultId);
    else active.set(entry.faultId, { ...entry, strikes });
  };

  return {
    add: (target, fault) => {
      added += 1;
      const faultId = `f${added}`;
      active.set(faultId, { faultId, target, fault, strikes: 0 });
      return faultId;
    },
    remove: (faultId) => active.delete(faultId),
    list: () => [...active.values()],
    stateFaults: (target) =>
      [...active.values()]
        .filter((entry) => entry.target === target)
        .map((entry) => entry.fault)
        .filter((fault): fault is StateFault => !isExchangeFault(fault)),
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
  };
}
