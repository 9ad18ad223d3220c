import { bmsFaults } from './faults/bms.ts';
import { controllerFaults } from './faults/controller.ts';
import { electricalFaults } from './faults/electrical.ts';
import type { FaultEntry } from './faults/entry.ts';
import { meteringFaults } from './faults/metering.ts';
import { pileFaults } from './faults/pile.ts';
import { siteFaults } from './faults/site.ts';
import { vehicleFaults } from './faults/vehicle.ts';

/**
 * The fault catalogue: what can go wrong at a pile, how soon it must be off, whether a technician has to reset it, and
 * what is said about it. Deadlines run from detection to "current below 1 A, proven by reading back".
 */
export const faultCatalogue = {
  ...electricalFaults,
  ...vehicleFaults,
  ...bmsFaults,
  ...pileFaults,
  ...meteringFaults,
  ...siteFaults,
  ...controllerFaults,
} as const satisfies Record<string, FaultEntry>;

export type FaultCode = keyof typeof faultCatalogue;
export const faultCodes = Object.keys(faultCatalogue) as FaultCode[];
