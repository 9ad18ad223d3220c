import { expect, test } from 'vitest';
import { HEALTHY, type StateEffects } from '../faults/state-effects.ts';
import { encodeRtu } from '../line/rtu.ts';
import { createMeter } from './meter.ts';
import type { MeterSettings } from './meter-settings.ts';

const SUPPLY = { energyWh: 0, powerW: 0, currentsA: [16, 8, 0] as const, voltageV: 230.5 };
const PLACE = {
  meterId: 'M',
  lineId: 'L',
  measures: 'P',
  unit: 1,
  initialExportWh: 1500,
  initialRegisterWh: 123_456_789,
};
const EASTRON: MeterSettings = { model: 'eastron-sdm630', serialNumber: 0x01020304, ...PLACE };
const CHINT: MeterSettings = { model: 'chint-dtsu666', ...PLACE };

/** A meter over a supply that the test moves, driven by RTU requests without their checksum. */
function createRig(settings: MeterSettings) {
  let supply: { energyWh: number; powerW: number; currentsA: readonly [number, number, number]; voltageV: number } =
    SUPPLY;
  let effects: StateEffects = HEALTHY;
  const meter = createMeter(
    settings,
    () => supply,
    () => effects,
  );
  const ask = (hex: string): string => {
    const request = Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex')).subarray(1);
    const reply = meter.modbus?.device.execute(request, { exceptionCode: undefined, ignoreWrites: false }).reply;
    if (reply === undefined) throw new Error('no Modbus meter');
    return Buffer.from(encodeRtu(1, reply))
      .toString('hex')
      .replace(/(..)(?!$)/g, '$1 ');
  };
  const float = (hex: string): number => Buffer.from(ask(hex).replaceAll(' ', ''), 'hex').readFloatBE(3);
  return {
    meter,
    ask,
    float,
    flow: (wh: number) => {
      supply = { ...supply, energyWh: supply.energyWh + wh };
      meter.advance();
    },
    set: (change: Partial<typeof supply>) => {
      supply = { ...supply, ...change };
    },
    suffer: (change: Partial<StateEffects>) => {
      meter.advance();
      effects = { ...HEALTHY, ...change };
      meter.advance();
    },
  };
}

const IMPORT = '01 04 00 48 00 02';

test('HS-01 an Eastron meter tells 230.5 V byte by byte, and 0x48, 0x4A and 0x156 are import, export and their sum', () => {
  const { ask, float } = createRig(EASTRON);
  expect(ask('01 04 00 00 00 02')).toBe('01 04 04 43 66 80 00 6f df');
  expect(float(IMPORT)).toBeCloseTo(123_456.78, 1);
  expect(float('01 04 00 4a 00 02')).toBeCloseTo(1.5, 6);
  expect(float('01 04 01 56 00 02')).toBeCloseTo(123_458.28, 1);
  expect(ask('01 03 fc 00 00 02').slice(9, 20)).toBe('01 02 03 04');
});

test('HS-01 an Eastron meter tells phases, total power and frequency', () => {
  const { float, set } = createRig(EASTRON);
  set({ powerW: 5532 });
  expect(float('01 04 00 06 00 02')).toBe(16);
  expect(float('01 04 00 08 00 02')).toBe(8);
  expect(float('01 04 00 0e 00 02')).toBe(1844);
  expect(float('01 04 00 34 00 02')).toBe(5532);
  expect(float('01 04 00 46 00 02')).toBe(50);
});

test.each([
  ['an odd address', '01 04 00 01 00 02', '84 02'],
  ['half a value', '01 04 00 00 00 01', '84 03'],
  ['more than 80 registers', '01 04 00 00 00 52', '84 03'],
  ['an address behind its table', '01 04 01 58 00 02', '84 02'],
  ['a holding register that it lacks', '01 03 00 00 00 02', '83 02'],
  ['a write', '01 06 00 00 00 01', '86 01'],
])('HS-01 an Eastron meter refuses %s', (_name, request, expected) => {
  expect(createRig(EASTRON).ask(request).slice(3, 8)).toBe(expected);
});

test('HS-01 an Eastron meter takes the longest read, 80 registers', () => {
  expect(createRig(EASTRON).ask('01 04 00 00 00 50').slice(0, 8)).toBe('01 04 a0');
});

test('HS-01 a Chint meter scales its floats: 230.5 V travel as 2305.0', () => {
  const { ask, float, set } = createRig(CHINT);
  set({ powerW: 5532 });
  expect(ask('01 03 20 06 00 02')).toBe('01 03 04 45 10 10 00 e3 3a');
  expect(float('01 03 20 12 00 02')).toBe(55_320);
  expect(float('01 03 20 0e 00 02')).toBe(8000);
  expect(float('01 03 20 44 00 02')).toBe(5000);
  expect(float('01 03 10 1e 00 02')).toBeCloseTo(123_456.78, 1);
  expect(float('01 03 10 28 00 02')).toBeCloseTo(1.5, 6);
  expect(ask('01 03 10 20 00 02').slice(3, 8)).toBe('83 02');
  expect(ask('01 04 20 06 00 02').slice(3, 8)).toBe('84 01');
});

const SMALL: MeterSettings = { ...EASTRON, initialRegisterWh: 1004 };
const kwh = (rig: ReturnType<typeof createRig>): number => Math.round(rig.float(IMPORT) * 1000) / 1000;

test('HS-05 a meter counts what flows in steps of 10 Wh and keeps the rest', () => {
  const rig = createRig(SMALL);
  expect(kwh(rig)).toBe(1);
  rig.flow(5.9);
  expect(kwh(rig)).toBe(1);
  rig.flow(0.1);
  expect(kwh(rig)).toBe(1.01);
  expect(rig.meter.truth()).toMatchObject({ energyTruthWh: 6, registerWhTruth: 1010, reportedRegisterWh: 1010 });
});

test('HS-03 a meter that counts backward loses twice what flows, and does not find it again', () => {
  const rig = createRig(SMALL);
  rig.suffer({ meterBackward: true });
  rig.flow(500);
  expect(kwh(rig)).toBe(0.5);
  rig.suffer({});
  rig.flow(100);
  expect(kwh(rig)).toBe(0.6);
  expect(rig.meter.truth().registerWhTruth).toBe(1604);
});

test('HS-03 a meter that is stuck shows later what it had missed', () => {
  const rig = createRig(SMALL);
  rig.suffer({ meterStuck: true });
  rig.flow(500);
  expect(kwh(rig)).toBe(1);
  rig.suffer({});
  expect(kwh(rig)).toBe(1.5);
});

test('HS-03 a meter rolls over at 999999.99 kWh', () => {
  const rig = createRig(SMALL);
  rig.suffer({ meterStrikes: [{ kind: 'meter-rollover', belowEndWh: 100 }] });
  expect(rig.meter.truth().reportedRegisterWh).toBe(999_999_900);
  rig.flow(90);
  expect(rig.meter.truth().reportedRegisterWh).toBe(999_999_990);
  rig.flow(30);
  expect(kwh(rig)).toBe(0.02);
});

test('HS-03 a jump and a reset strike once and stay', () => {
  const rig = createRig(SMALL);
  rig.suffer({ meterStrikes: [{ kind: 'meter-jump', stepWh: 50_000 }] });
  rig.flow(6);
  expect(kwh(rig)).toBe(51.01);
  rig.suffer({});
  expect(kwh(rig)).toBe(51.01);
  rig.suffer({ meterStrikes: [{ kind: 'meter-reset' }] });
  expect(kwh(rig)).toBe(0);
  rig.flow(40);
  rig.flow(40);
  expect(kwh(rig)).toBe(0.08);
});

test('HS-03 a missing count is NaN or an error, and nothing else goes missing', () => {
  const rig = createRig(SMALL);
  rig.suffer({ meterMissing: 'marker' });
  expect(rig.float(IMPORT)).toBeNaN();
  expect(rig.float('01 04 00 00 00 02')).toBeCloseTo(230.5, 4);
  rig.suffer({ meterMissing: 'error' });
  expect(rig.ask(IMPORT).slice(3, 8)).toBe('84 04');
  expect(rig.float('01 04 00 34 00 02')).toBe(0);
});
