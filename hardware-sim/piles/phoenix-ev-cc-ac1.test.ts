import { expect, test } from 'vitest';
import { createPileRig, type PileRig } from './pile-rig.ts';
import { askHex } from './rig-values.ts';

function charging(): PileRig {
  const rig = createPileRig('phoenix-ev-cc-ac1', { vehicle: { plugged: true } });
  expect(askHex(rig, '06 55f0 0010')).toBe('0655f00010');
  expect(askHex(rig, '05 4e20 ff00')).toBe('054e20ff00');
  rig.passMs(6000);
  expect(rig.pile.truth().currentA).toEqual([16, 16, 16]);
  return rig;
}

test('HS-01 the state letter is in the high byte', () => {
  const rig = createPileRig('phoenix-ev-cc-ac1');
  expect(askHex(rig, '04 5dc0 0001')).toBe('04024100');
  expect(askHex(charging(), '04 5dc0 0001')).toBe('04024300');
});

test.each([
  ['a current below 6 A', '06 55f0 0005', '8603'],
  ['an energy register', '04 0080 0002', '8402'],
  ['another coil', '05 0190 ff00', '8502'],
  ['FC16', '10 55f0 0001 02 0010', '9001'],
])('HS-01 %s is refused', (_name, request, reply) => {
  expect(askHex(createPileRig('phoenix-ev-cc-ac1'), request)).toBe(reply);
});

test('HS-02 it has no meter: what it has delivered is in the truth alone', () => {
  const rig = charging();
  rig.passMs(600_000);
  expect(rig.pile.truth().energyTruthWh).toBeGreaterThan(1800);
  expect(rig.pile.truth().reportedRegisterWh).toBeNull();
});

test('HS-02 only the coil stops; silence does not', () => {
  const rig = charging();
  rig.passMs(3_000_000);
  expect(rig.pile.truth()).toMatchObject({ contactorClosed: true, watchdog: { enabled: false } });
  askHex(rig, '05 4e20 0000');
  rig.passMs(3000);
  expect(rig.pile.truth()).toMatchObject({ contactorClosed: false, currentA: [0, 0, 0] });
});
