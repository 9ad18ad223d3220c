import { describe, expect, test } from 'vitest';
import { REGISTER_END_WH } from '../../hardware-sim/meters/meter-core.ts';
import { MODEL_NAMES } from '../../hardware-sim/piles/models.ts';
import { differencesOf } from './compare-profile.ts';
import { type Difference, knownDifferences, profilesWithDifferences, sorted } from './difference.ts';
import { METER_MODELS } from './metered-site.ts';
import { acProfiles, everyCase, pileProfiles, profiles } from './pile-cases.ts';

/**
 * Goal: profiles and simulator were written apart from each other, so each proves the other; where they differ, somebody
 * has decided why.
 * Method: every point of every profile is read by itself from the simulated device and compared with the truth. The
 * differences must be those of known-differences.json, no more and no less.
 */

describe('ED-02 HS-01 a profile and the simulated device differ in nothing but what is known', () => {
  test.each(acProfiles.map(({ profileId }) => profileId))('%s', async (profileId) => {
    const found: Difference[] = [];
    for (const one of everyCase.filter(({ profile }) => profile.profileId === profileId))
      found.push(...(await differencesOf(one)));
    expect(sorted(found)).toEqual(knownDifferences(profileId));
  });

  test.each(METER_MODELS)('%s', (profileId) => {
    const profile = profiles.get(profileId);
    if (profile?.kind !== 'modbus-meter' && profile?.kind !== 'dlt645-meter') throw new Error(`no meter ${profileId}`);
    const { rollsOverAtWh } = profile.measures.energy;
    const ends = {
      profile: profileId,
      what: 'measures.energy.rollsOverAtWh',
      profileSays: String(rollsOverAtWh),
      simulatorSays: String(REGISTER_END_WH),
    };
    expect(rollsOverAtWh === REGISTER_END_WH ? [] : [ends]).toEqual(knownDifferences(profileId));
  });

  test('every profile has its model, every model its profile, and the list names profiles', () => {
    const ids = pileProfiles.map(({ profileId }) => profileId).sort();
    expect(ids).toEqual([...MODEL_NAMES].sort());
    expect([...ids, ...METER_MODELS]).toEqual(expect.arrayContaining([...profilesWithDifferences()]));
  });
});
