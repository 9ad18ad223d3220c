import { expect, test } from 'vitest';
import { createPileRig, type PileRig } from './pile-rig.ts';
import { askHex, text, u32Low, u64Low } from './rig-values.ts';

function charging(): PileRig {
  const rig = createPileRig('phoenix-ev-eth', { initialRegisterWh: 5_000_000.7, vehicle: { plugged: true } });
  askHex(rig, '05 0190 ff00');
  rig.passMs(600_000);
  expect(rig.pile.truth().currentA).toEqual([16, 16, 16]);
  return rig;
}

test('HS-01 the wider set of the older box is there: firmware, limit, card coil, card number', () => {
  const rig = createPileRig('phoenix-ev-eth');
  expect([text(rig, 4, 105, 2), text(rig, 4, 149, 6)]).toEqual(['1.14', '1.14.2']);
  expect(rig.write(528, 16)).toEqual([6, 2, 0x10, 0, 16]);
  expect(rig.read(3, 528, 1)).toEqual([16]);
  expect(askHex(rig, '05 01a3 ff00')).toBe('0501a3ff00');
  expect(askHex(rig, '01 01a3 0001')).toBe('010101');
  expect(rig.read(3, 606, 8)).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
});

test.each([
  ['the limit of the newer box', '06 012c 0010', '8602'],
  ['its error register', '04 006b 0001', '8402'],
  ['a current below 6 A', '06 0210 0005', '8603'],
  ['FC16', '10 0210 0001 02 0010', '9001'],
])('HS-01 %s is refused', (_name, request, reply) => {
  expect(askHex(createPileRig('phoenix-ev-eth'), request)).toBe(reply);
});

test('HS-01 voltage, current and power are whole V, A and W with the low word first', () => {
  const rig = charging();
  expect(rig.read(4, 108, 2)).toEqual([230, 0]);
  expect(rig.read(4, 114, 6)).toEqual([16, 0, 16, 0, 16, 0]);
  expect(rig.read(4, 120, 2)).toEqual([11_040, 0]);
});

test('HS-02 total and session energy are the truth in Wh and in steps of 10 Wh', () => {
  const rig = charging();
  const wh = rig.pile.truth().energyTruthWh;
  const totalWh = Math.floor(5_000_000.7 + wh);
  expect([u32Low(rig, 3, 904), u64Low(rig, 3, 2980), u32Low(rig, 4, 128)]).toEqual([
    totalWh,
    totalWh,
    Math.floor(totalWh / 10),
  ]);
  expect([u64Low(rig, 3, 3376), u32Low(rig, 4, 132)]).toEqual([Math.floor(wh), Math.floor(wh / 10)]);
  expect(rig.pile.truth().reportedRegisterWh).toBe(totalWh);
});

test('HS-02 only the coil stops; silence does not', () => {
  const rig = charging();
  rig.passMs(3_000_000);
  expect(rig.pile.truth()).toMatchObject({ contactorClosed: true, watchdog: { enabled: false } });
  askHex(rig, '05 0190 0000');
  rig.passMs(3000);
  expect(rig.pile.truth()).toMatchObject({ contactorClosed: false, currentA: [0, 0, 0] });
});
