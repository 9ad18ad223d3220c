import type { Fault } from '../errors/entry.ts';
import { bmsFaults } from './bms.ts';
import { controllerFaults } from './controller.ts';
import { electricalFaults } from './electrical.ts';
import { meteringFaults } from './metering.ts';
import { pileFaults } from './pile.ts';
import { siteFaults } from './site.ts';
import { vehicleFaults } from './vehicle.ts';

const groups: readonly (readonly [Fault, Readonly<Record<string, unknown>>])[] = [
  ['pile', electricalFaults],
  ['vehicle', vehicleFaults],
  ['vehicle', bmsFaults],
  ['pile', pileFaults],
  ['pile', meteringFaults],
  ['site', siteFaults],
  ['site', controllerFaults],
];

/** Where the group says too little. */
const others = new Map<string, Fault>([
  ['over-current', 'vehicle'],
  ['over-voltage', 'site'],
  ['under-voltage', 'site'],
  ['voltage-fault', 'site'],
  ['emergency-stop', 'site'],
  ['trip-failed', 'site'],
  ['plug-lock-failed', 'pile'],
  ['over-temperature', 'pile'],
  ['bms-connector-over-temperature', 'pile'],
  ['bms-over-current', 'pile'],
  ['bms-voltage-fault', 'pile'],
  ['charger-no-output', 'pile'],
  ['max-duration', 'site'],
  ['max-energy', 'site'],
  ['records-missing', 'platform'],
]);

/** Whose responsibility a fault of the catalogue is, in the words of errors. */
export const whoseFault = (code: string): Fault =>
  others.get(code) ?? groups.find(([, entries]) => Object.hasOwn(entries, code))?.[0] ?? 'pile';
