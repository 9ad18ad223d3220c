import { expect, test } from 'vitest';
import { createPileRig } from './pile-rig.ts';

test('HS-03 registers show other words until the fault is removed, and the pile goes on', () => {
  const rig = createPileRig('heidelberg-energy-control', {
    startsPermitted: true,
    vehicle: { plugged: true, maxCurrentA: 16, phases: 3 },
  });
  rig.write(257, 0);
  rig.passMs(8000);
  const [layout = 0] = rig.read(4, 4, 1);
  expect(rig.read(4, 4, 6)).toEqual([layout, 7, 160, 160, 160, expect.any(Number)]);
  const faultId = rig.fault({ kind: 'register-shows', address: 5, words: [42, 0xffff] });
  rig.fault({ kind: 'register-shows', address: 8, words: [1] });
  rig.passMs(1000);
  expect(rig.read(4, 4, 6)).toEqual([layout, 42, 0xffff, 160, 1, expect.any(Number)]);
  expect(rig.pile.truth()).toMatchObject({ contactorClosed: true, currentA: [16, 16, 16] });
  rig.clearFault(faultId);
  rig.passMs(1000);
  expect(rig.read(4, 5, 4)).toEqual([7, 160, 160, 1]);
});

test('HS-03 of two faults on one register the later one shows, in holding registers as well', () => {
  const rig = createPileRig('generic-dc');
  rig.fault({ kind: 'register-shows', address: 16, words: [1, 1] });
  rig.fault({ kind: 'register-shows', address: 16, words: [2] });
  rig.passMs(1000);
  expect(rig.read(3, 15, 3).slice(1)).toEqual([2, 1]);
});
