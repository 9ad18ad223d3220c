import { describe, vi } from 'vitest';
import type { SiteShape } from './fault-site.ts';
import { type Row, SEEN_WITHIN_MS, trips } from './interlock-row.ts';
import type { FaultInput } from './station.ts';

/**
 * Goal: for everything that must stop a charge, the contacts are open by its deadline, it is named, and the bill is what flowed.
 * Method: each way to trip an interlock on a real line; the contacts and the energy of the simulator are the judges, and a
 * second pile on the same line charges on.
 */
vi.setConfig({ maxConcurrency: 40, testTimeout: 120_000 });

const serial = {
  lineId: 'rtu1',
  transport: 'serial',
  baud: 19_200,
  parity: 'none',
  stopBits: 1,
  turnaroundMs: 8,
} as const;
const tcp = { lineId: 'tcp1', transport: 'tcp', host: '127.0.0.1', port: 0, turnaroundMs: 3 } as const;

/** A DC pile beside a wall box. */
const dcPile: SiteShape = {
  lines: [serial],
  piles: [
    { pileId: 'A', model: 'generic-dc', lineId: 'rtu1', unit: 1, initialRegisterWh: 1_234_567.9 },
    { pileId: 'B', model: 'heidelberg-energy-control', lineId: 'rtu1', unit: 2, initialRegisterWh: 407_118.2 },
  ],
};

/** An AC controller beside a wall box of another make, behind one network port. */
const controller = (model: 'phoenix-em-cp-pp-eth' | 'bender-cc612'): SiteShape => ({
  lines: [tcp],
  piles: [
    { pileId: 'A', model, lineId: 'tcp1', unit: 1, initialRegisterWh: 1_234_560 },
    { pileId: 'B', model: 'bender-cc612', lineId: 'tcp1', unit: 2, initialRegisterWh: 407_118.2 },
  ],
});
const phoenix = controller('phoenix-em-cp-pp-eth');
const bender = controller('bender-cc612');
/** A protection opens the contacts under load; the slices of the simulator are 50 ms. */
const PROTECTION_MS = 200;
/** The vehicle ramps down first; one that falls silent is missed after 1 s without BCL (GB/T 27930-2015). */
const RAMP_MS = 1000;
const SILENCE_MS = 2000;
/** A value is missing 5 s after it was told last, which may have been some time before. */
const UNTOLD_FOR_MS = 5000 - SEEN_WITHIN_MS;
/** 0.01 kWh. */
const PHOENIX_STEP_WH = 10;

/** The table of the DC pile: it says that it is at fault, and delivers on. */
const dcSays = (fault: number): readonly FaultInput[] => [
  { kind: 'register-shows', address: 0, words: [7] },
  { kind: 'register-shows', address: 16, words: [fault] },
];
/** Bender: not available, in the 32-bit registers from `address` on. */
const untold = (address: number, registers: number): readonly FaultInput[] => [
  { kind: 'register-shows', address, words: Array.from({ length: 2 * registers }, () => 0xffff) },
];

const rows: readonly Row[] = [
  {
    what: 'ED-05.a an emergency stop that has opened the contacts is named and ends the charge',
    on: dcPile,
    faults: [{ kind: 'emergency-stop' }],
    code: 'emergency-stop',
    rung: 'hardStop',
    endsItselfWithinMs: PROTECTION_MS,
  },
  {
    what: 'ED-05.a an emergency stop that the pile shows and delivers on is carried out',
    on: dcPile,
    faults: dcSays(1),
    code: 'emergency-stop',
    rung: 'hardStop',
  },
  {
    what: 'ED-05.b a board above its limit is too hot, long before the pile stops itself',
    faults: [{ kind: 'over-temperature', temperatureC: 81 }],
    code: 'over-temperature',
    rung: 'softStop',
  },
  {
    what: 'ED-05.b a gun above its limit is too hot',
    on: dcPile,
    faults: [{ kind: 'over-temperature', temperatureC: 86, where: 'gun' }],
    code: 'over-temperature',
    rung: 'softStop',
  },
  {
    what: 'ED-05.b heat that the pile shows as its fault and delivers on ends the charge',
    on: dcPile,
    faults: dcSays(3),
    code: 'over-temperature',
    rung: 'softStop',
  },
  {
    what: 'ED-05.c mains too high for 3 s',
    faults: [{ kind: 'over-voltage', voltageV: 262 }],
    code: 'over-voltage',
    rung: 'hardStop',
    debounceMs: 3000,
  },
  {
    what: 'ED-05.c one phase too high for 3 s',
    faults: [{ kind: 'over-voltage', voltageV: 255, phase: 2 }],
    code: 'over-voltage',
    rung: 'hardStop',
    debounceMs: 3000,
  },
  {
    what: 'ED-05.d mains too low for 3 s',
    faults: [{ kind: 'under-voltage', voltageV: 195 }],
    code: 'under-voltage',
    rung: 'softStop',
    debounceMs: 3000,
  },
  {
    what: 'ED-05.d one phase too low for 3 s',
    faults: [{ kind: 'under-voltage', voltageV: 205, phase: 3 }],
    code: 'under-voltage',
    rung: 'softStop',
    debounceMs: 3000,
  },
  {
    what: 'ED-05.c ED-05.d a voltage that is not told any more is as bad as one outside its limits',
    on: bender,
    faults: untold(224, 1),
    code: 'measurement-missing',
    rung: 'softStop',
    debounceMs: UNTOLD_FOR_MS,
  },
  {
    what: 'ED-05.e a vehicle that draws half as much again as it is offered, for 2 s',
    faults: [{ kind: 'over-current', factor: 1.5 }],
    code: 'over-current',
    rung: 'hardStop',
    debounceMs: 2000,
    latches: true,
  },
  {
    what: 'ED-05.e a current that is not told any more is as bad as one that is too high',
    on: bender,
    faults: untold(212, 3),
    code: 'measurement-missing',
    rung: 'softStop',
    debounceMs: UNTOLD_FOR_MS,
    hidesProof: true,
  },
  {
    what: 'ED-05.e ED-05.j a vehicle that says it gets more than it asked for',
    on: dcPile,
    faults: [{ kind: 'bms-abort', reason: 'over-current' }],
    code: 'bms-over-current',
    rung: 'hardStop',
    endsItselfWithinMs: RAMP_MS,
    latches: true,
  },
  {
    what: 'ED-05.f an overload that the pile has cut off',
    on: phoenix,
    faults: [{ kind: 'overload' }],
    code: 'overload',
    rung: 'hardStop',
    endsItselfWithinMs: PROTECTION_MS,
    stepWh: PHOENIX_STEP_WH,
  },
  {
    what: 'ED-05.f an overload that the pile shows and delivers on',
    on: phoenix,
    faults: [{ kind: 'vendor-fault', code: 9 }],
    code: 'overload',
    rung: 'hardStop',
    stepWh: PHOENIX_STEP_WH,
  },
  {
    what: 'ED-05.g an insulation fault that the pile has cut off',
    on: dcPile,
    faults: [{ kind: 'insulation-fault' }],
    code: 'insulation-fault',
    rung: 'hardStop',
    endsItselfWithinMs: PROTECTION_MS,
    latches: true,
  },
  {
    what: 'ED-05.g an insulation fault that the pile shows and delivers on',
    on: dcPile,
    faults: dcSays(2),
    code: 'insulation-fault',
    rung: 'hardStop',
    latches: true,
  },
  {
    what: 'ED-05.g an insulation fault that the vehicle has found',
    on: dcPile,
    faults: [{ kind: 'bms-abort', reason: 'insulation' }],
    code: 'bms-insulation',
    rung: 'hardStop',
    endsItselfWithinMs: RAMP_MS,
  },
  {
    what: 'ED-05.h a residual current that the pile has cut off',
    on: bender,
    faults: [{ kind: 'residual-current' }],
    code: 'residual-current',
    rung: 'hardStop',
    endsItselfWithinMs: PROTECTION_MS,
    latches: true,
  },
  {
    what: 'ED-05.h a residual current that the pile shows and delivers on',
    on: phoenix,
    faults: [{ kind: 'vendor-fault', code: 15 }],
    code: 'residual-current',
    rung: 'hardStop',
    latches: true,
    stepWh: PHOENIX_STEP_WH,
  },
  {
    what: 'ED-05.i a gun that is pulled out of a wall box',
    faults: [{ kind: 'gun-pulled' }],
    code: 'gun-removed',
    reason: 'gun-removed',
    rung: 'softStop',
    endsItselfWithinMs: PROTECTION_MS,
  },
  {
    what: 'ED-05.i a gun that is pulled out of a vehicle at a DC pile',
    on: dcPile,
    faults: [{ kind: 'gun-pulled' }],
    code: 'gun-removed',
    reason: 'gun-removed',
    rung: 'softStop',
    endsItselfWithinMs: PROTECTION_MS,
  },
  {
    what: 'ED-05.i a gun that the pile shows as pulled while it delivers on',
    faults: [{ kind: 'register-shows', address: 5, words: [2] }],
    code: 'gun-removed',
    reason: 'gun-removed',
    rung: 'softStop',
  },
  {
    what: 'ED-05.j a fault of the battery management',
    on: dcPile,
    faults: [{ kind: 'bms-abort', reason: 'other' }],
    code: 'bms-fault',
    rung: 'softStop',
    endsItselfWithinMs: RAMP_MS,
  },
  {
    what: 'ED-05.j a battery that is too hot',
    on: dcPile,
    faults: [{ kind: 'bms-abort', reason: 'pack-over-temperature' }],
    code: 'bms-battery-over-temperature',
    rung: 'softStop',
    endsItselfWithinMs: RAMP_MS,
  },
  {
    what: 'ED-05.j a battery management that falls silent',
    on: dcPile,
    faults: [{ kind: 'bms-abort', reason: 'silent' }],
    code: 'bms-silent',
    rung: 'hardStop',
    endsItselfWithinMs: SILENCE_MS,
  },
  {
    what: 'ED-05.j an AC vehicle that the pile refuses and delivers to',
    on: phoenix,
    faults: [{ kind: 'vendor-fault', code: 11 }],
    code: 'vehicle-fault',
    rung: 'softStop',
    stepWh: PHOENIX_STEP_WH,
  },
  {
    what: 'ED-05.o an error number that no table knows',
    on: phoenix,
    faults: [{ kind: 'vendor-fault', code: 77 }],
    code: 'unknown-fault',
    rung: 'hardStop',
    stepWh: PHOENIX_STEP_WH,
  },
  {
    what: 'ED-05.o an error bit that no table knows',
    on: bender,
    faults: [{ kind: 'vendor-fault', code: 1 << 20 }],
    code: 'unknown-fault',
    rung: 'hardStop',
  },
  {
    what: 'ED-05.o a fault of a DC pile that no table knows',
    on: dcPile,
    faults: [{ kind: 'vendor-fault', code: 99 }],
    code: 'unknown-fault',
    rung: 'hardStop',
  },
  {
    what: 'ED-05.o a state that no table knows',
    faults: [{ kind: 'register-shows', address: 5, words: [42] }],
    code: 'unknown-state',
    rung: 'hardStop',
  },
];

describe('on a real line: ED-05.a ED-05.b ED-05.c ED-05.d ED-05.e ED-05.f ED-05.g ED-05.h ED-05.i ED-05.j ED-05.k ED-05.o', () => {
  for (const row of rows) trips(row);
});
