import { type FaultCode, faultCatalogue } from '#shared/faults.ts';

/** What is wrong, and in words what exactly. */
export interface Objection {
  readonly fault: FaultCode;
  readonly detail: string;
}

/** A fault in the catalogue's own words. */
export const objectionOf = (fault: FaultCode): Objection => ({ fault, detail: faultCatalogue[fault].en });

/** Who may have a say in a connector, beside its own pile. */
export type InfluenceSource = 'parking' | 'inputs' | 'rules' | 'health' | 'firmware' | 'power';

/**
 * What stands around a connector and has a say in it: site inputs, site rules, the parking lock of its bay, the health
 * of the controller. It can only tighten: nothing here makes a pile deliver.
 */
export interface Influence {
  /** Refuses a new charge and leaves a running one alone. */
  readonly refuse: readonly Objection[];
  /** Stops what runs at once, and refuses a new charge as well. */
  readonly stop: Objection | null;
  /** The most that may be offered, in mA; 0 pauses a charge, null has nothing to say. */
  readonly ceilingMa: number | null;
  /** Its share of the supply, in mA; 0: none, and a start waits for one. Null: the supply is not shared here. */
  readonly grantMa: number | null;
}

export const noInfluence: Influence = { refuse: [], stop: null, ceilingMa: null, grantMa: null };

/** All of them together: every objection counts, the first demand to stop is named, the lowest ceiling holds. */
export function mergeInfluences(influences: Iterable<Influence>): Influence {
  let merged = noInfluence;
  for (const { refuse, stop, ceilingMa, grantMa } of influences) {
    merged = {
      refuse: [...merged.refuse, ...refuse],
      stop: merged.stop ?? stop,
      ceilingMa: lowest(merged.ceilingMa, ceilingMa),
      grantMa: lowest(merged.grantMa, grantMa),
    };
  }
  return merged;
}

const lowest = (a: number | null, b: number | null): number | null =>
  a === null ? b : b === null ? a : Math.min(a, b);

/** Everything that keeps a new charge from beginning. */
export const objectionsOf = ({ refuse, stop }: Influence): readonly Objection[] =>
  stop === null ? refuse : [stop, ...refuse];
