import { describe, expect, test } from 'vitest';
import type { PileFault } from '../faults/fault.ts';
import type { ModelName } from './models.ts';
import { createPileRig, type PileRig } from './pile-rig.ts';
import { f32, u32, u32Low } from './rig-values.ts';

/** A box that charges with 16 A on three phases without any controller. */
function chargingRig(model: ModelName): PileRig {
  const rig = createPileRig(model, {
    startsPermitted: true,
    options: { safeCurrentA: 32 },
    vehicle: { plugged: true, maxCurrentA: 16, phases: 3 },
  });
  if (model === 'heidelberg-energy-control') rig.write(257, 0);
  rig.passMs(8000);
  expect(rig.pile.truth().currentA).toEqual([16, 16, 16]);
  return rig;
}

const voltages: Partial<Record<ModelName, (rig: PileRig) => readonly number[]>> = {
  'heidelberg-energy-control': (rig) => rig.read(4, 10, 3),
  'abb-terra-ac': (rig) => [0x4016, 0x4018, 0x401a].map((address) => u32(rig, 3, address) / 10),
  'keba-p30': (rig) => [1040, 1042, 1044].map((address) => u32(rig, 3, address)),
  'phoenix-em-cp-pp-eth': (rig) => [108, 110, 112].map((address) => u32Low(rig, 4, address) / 100),
  'phoenix-ev-eth': (rig) => [108, 110, 112].map((address) => u32Low(rig, 4, address)),
  'phoenix-charx-sec': (rig) => [1232, 1234, 1236].map((address) => u32(rig, 3, address) / 1000),
  'alfen-ng9xx': (rig) => [306, 308, 310].map((address) => f32(rig, 3, address)),
  'bender-cc612': (rig) => [222, 224, 226].map((address) => u32(rig, 3, address)),
  'tinkerforge-warp': (rig) => [2100, 2102, 2104].map((address) => f32(rig, 4, address)),
  'vestel-evc04': (rig) => [1014, 1016, 1018].flatMap((address) => rig.read(4, address, 1)),
};

describe('HS-03 mains outside their limits show in the voltage registers', () => {
  test.each(Object.entries(voltages))('%s', (model, read) => {
    const rig = createPileRig(model as ModelName);
    rig.passMs(1000);
    expect(read(rig)).toEqual([230, 230, 230]);
    const all = rig.fault({ kind: 'under-voltage', voltageV: 190 });
    rig.fault({ kind: 'over-voltage', voltageV: 260, phase: 2 });
    rig.passMs(1000);
    expect(read(rig)).toEqual([190, 260, 190]);
    rig.clearFault(all);
    rig.passMs(1000);
    expect(read(rig)).toEqual([230, 260, 230]);
  });
});

describe('HS-03 a pile bears voltages that a site must not', () => {
  test('within its own limits it goes on, with the power of that voltage', () => {
    const rig = chargingRig('heidelberg-energy-control');
    rig.fault({ kind: 'over-voltage', voltageV: 270 });
    rig.passMs(60_000);
    expect(rig.pile.truth()).toMatchObject({ contactorClosed: true, powerW: 16 * 3 * 270 });
  });

  test.each([
    ['over-voltage', 277],
    ['under-voltage', 183],
  ] as const)('beyond them it opens after 3 s of %s, and comes back 5 s after the mains', (kind, voltageV) => {
    const rig = chargingRig('heidelberg-energy-control');
    const faultId = rig.fault({ kind, voltageV, phase: 3 });
    rig.passMs(2900);
    expect(rig.pile.truth().contactorClosed).toBe(true);
    rig.passMs(300);
    expect(rig.pile.truth()).toMatchObject({ contactorClosed: false, currentA: [0, 0, 0], pileState: 'F' });
    rig.clearFault(faultId);
    rig.passMs(4900);
    expect(rig.pile.truth().pileState).toBe('F');
    rig.passMs(200);
    expect(rig.pile.truth().pileState).not.toBe('F');
  });
});

describe('HS-03 a protection that acts opens the contacts and shows its own code', () => {
  test.each<[ModelName, PileFault['kind'] & ('residual-current' | 'overload' | 'ground-fault'), number, number]>([
    ['bender-cc612', 'residual-current', 111, 1 << 5],
    ['bender-cc612', 'overload', 111, 1 << 15],
    ['phoenix-em-cp-pp-eth', 'residual-current', 107, 15],
    ['phoenix-em-cp-pp-eth', 'overload', 107, 9],
    ['phoenix-em-cp-pp-eth', 'ground-fault', 107, 5],
    ['keba-p30', 'residual-current', 1006, 1],
    ['vestel-evc04', 'ground-fault', 1006, 8],
  ])('%s with %s', (model, kind, address, code) => {
    const rig = chargingRig(model);
    const shown = () =>
      address === 107 ? rig.read(4, 107, 1)[0] : u32(rig, model === 'vestel-evc04' ? 4 : 3, address);
    expect(shown()).toBe(0);
    const faultId = rig.fault({ kind });
    rig.passMs(200);
    expect(shown()).toBe(code);
    expect(rig.pile.truth()).toMatchObject({ contactorClosed: false, currentA: [0, 0, 0], pileState: 'F' });
    rig.clearFault(faultId);
    rig.passMs(200);
    expect(shown()).toBe(0);
  });
});

test('HS-03 a vendor code shows as it is, and the pile goes on as before', () => {
  const rig = chargingRig('keba-p40');
  const faultId = rig.fault({ kind: 'vendor-fault', code: 0xdead_beef });
  rig.passMs(5000);
  expect(u32(rig, 3, 1006)).toBe(0xdead_beef);
  expect(u32(rig, 3, 1000)).toBe(3);
  expect(rig.pile.truth().currentA).toEqual([16, 16, 16]);
  rig.clearFault(faultId);
  rig.passMs(200);
  expect(u32(rig, 3, 1006)).toBe(0);
});

describe('HS-02 a box that replaces another has its own plate', () => {
  test.each<[ModelName, { serialNumber?: string; firmware?: string }, (rig: PileRig) => unknown, unknown]>([
    ['keba-p30', { serialNumber: '4711' }, (rig) => u32(rig, 3, 1014), 4711],
    ['keba-p30', { firmware: '3.10.57' }, (rig) => u32(rig, 3, 1018), 31_057],
    ['keba-p40', { serialNumber: '4712' }, (rig) => u32(rig, 3, 1014), 4712],
    ['abb-terra-ac', { serialNumber: 'TAC2' }, (rig) => rig.read(3, 0x4000, 4), [0x5441, 0x4332, 0, 0]],
    ['abb-terra-ac', { firmware: '1.6.4' }, (rig) => u32(rig, 3, 0x4004), 0x0106_0400],
    ['tinkerforge-warp', { serialNumber: '99', firmware: '2.7.0' }, (rig) => u32(rig, 4, 10) + u32(rig, 4, 4), 106],
    ['vestel-evc04', { serialNumber: '73' }, (rig) => rig.read(4, 100, 1), [0x3733]],
    ['bender-cc612', { firmware: '5.34' }, (rig) => rig.read(3, 100, 2), [0x352e, 0x3334]],
    ['heidelberg-energy-control', { firmware: '1.9' }, (rig) => rig.read(4, 203, 1), [0x0109]],
  ])('%s with %j', (model, options, read, shown) => {
    expect(read(createPileRig(model, { options }))).toEqual(shown);
  });

  test('a serial number that does not fit into its register is refused', () => {
    expect(() => createPileRig('keba-p30', { options: { serialNumber: 'K-1' } })).toThrow('does not fit into 32 bits');
  });
});
