import { expect, test } from 'vitest';
import type { ModelName } from './models.ts';
import { createPileRig } from './pile-rig.ts';

const CARD = '04A1B2C3D4E5F6';
const words = (text: string): number[] => [...text].map((character) => character.charCodeAt(0));
const pairs = (text: string): number[] =>
  (text.match(/../g) ?? []).map((pair) => (pair.charCodeAt(0) << 8) | pair.charCodeAt(1));

test.each<[ModelName, 3 | 4, number, number, number[]]>([
  ['keba-p30', 3, 1500, 2, [0x04a1, 0xb2c3]],
  ['keba-p40', 3, 1500, 2, [0x04a1, 0xb2c3]],
  ['vestel-evc04', 4, 1516, 15, [...words(CARD), 0]],
  ['phoenix-ev-eth', 3, 606, 8, [...pairs(CARD), 0]],
  ['phoenix-charx-sec', 3, 1275, 8, [...pairs(CARD), 0]],
])('HS-01 %s shows the card that its own reader has seen', (model, functionCode, address, count, shown) => {
  const rig = createPileRig(model);
  const none = new Array<number>(count).fill(0);
  expect(rig.read(functionCode, address, count)).toEqual(none);
  rig.pile.showCard(CARD);
  expect(rig.read(functionCode, address, count)).toEqual(shown);
  rig.pile.showCard(null);
  expect(rig.read(functionCode, address, count)).toEqual(none);
});

test('HS-02 a KEBA shows the card of a charge until its vehicle is unplugged', () => {
  const rig = createPileRig('keba-p30');
  rig.pile.setVehicle({ plugged: true });
  rig.pile.showCard(CARD);
  rig.passMs(60_000);
  expect(rig.read(3, 1500, 2)).toEqual([0x04a1, 0xb2c3]);
  rig.pile.setVehicle({ plugged: false });
  expect(rig.read(3, 1500, 2)).toEqual([0, 0]);
});
