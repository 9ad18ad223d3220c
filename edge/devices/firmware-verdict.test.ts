import { expect, test } from 'vitest';
import { noInfluence } from '../control/influence.ts';
import { firmwareInOrder, influenceOf, judgeFirmware } from './firmware-verdict.ts';
import { loadProfiles, packagedProfiles } from './load-profiles.ts';
import type { PointValue } from './profile/condition.ts';
import { firmwareSchema } from './profile/firmware.ts';

const firmware = firmwareSchema.parse({
  refused: [{ when: [{ point: 'firmware', below: 10_000 }], reason: 'starts by itself after a power cut' }],
  restricted: [
    { when: [{ point: 'firmware', below: 10_200 }], limitMa: 10_000, reason: 'its plug overheats above 10 A' },
    { when: [{ point: 'firmware', below: 10_300 }], limitMa: 16_000, reason: 'its plug overheats above 16 A' },
  ],
});
const judged = (version: PointValue) => judgeFirmware({ firmware }, () => version);

test('ED-24 firmware that is known to be bad starts no charge', () => {
  const verdict = judged(9999);
  expect(verdict.refused).toEqual({ fault: 'firmware-refused', detail: 'starts by itself after a power cut' });
  expect(influenceOf(verdict)).toEqual({ ...noInfluence, refuse: [verdict.refused], ceilingMa: 10_000 });
});

test('ED-24 firmware with a restriction is offered no more than it says, by the first entry that holds', () => {
  expect(judged(10_000)).toEqual({
    refused: null,
    restricted: { fault: 'firmware-restricted', detail: 'its plug overheats above 10 A', limitMa: 10_000 },
  });
  expect(influenceOf(judged(10_250))).toEqual({ ...noInfluence, ceilingMa: 16_000 });
});

test('ED-24 firmware that nothing is known of, or that is not told, has its way', () => {
  expect(judged(10_300)).toEqual(firmwareInOrder);
  expect(judged(null)).toEqual(firmwareInOrder);
  expect(influenceOf(firmwareInOrder)).toEqual(noInfluence);
});

test('ED-24 an ABB Terra AC older than its register table is refused', () => {
  const profile = loadProfiles(packagedProfiles).get('abb-terra-ac');
  if (profile?.kind !== 'pile') throw new Error('no ABB');
  const of = (version: number) => judgeFirmware(profile, (name) => (name === 'firmware' ? version : null));
  expect(of(0x0106_0400).refused?.fault).toBe('firmware-refused');
  expect(of(0x0106_0500)).toEqual(firmwareInOrder);
});
