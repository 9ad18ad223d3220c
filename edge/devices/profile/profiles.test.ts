import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { profileJsonSchema, profileJsonSchemaFile } from '../lint/profile-json-schema.ts';
import { loadProfiles, packagedProfiles } from '../load-profiles.ts';
import { meterProfileSchema } from './meter-profile.ts';
import { type PileProfile, pileProfileSchema } from './pile-profile.ts';

const profiles = loadProfiles(packagedProfiles);
const ofKind = <Kind extends string>(kind: Kind) => [...profiles.values()].filter((one) => one.kind === kind);
const piles = ofKind('pile').filter((one): one is PileProfile => one.kind === 'pile');
const page = (profileId: string) =>
  readFileSync(join(import.meta.dirname, '../../../docs/devices', `${profileId}.md`), 'utf8');

test('ED-02 every pile of the register maps has a profile, the DC pile of no vendor, and the meters as well', () => {
  expect(piles.map(({ profileId }) => profileId)).toEqual([
    'abb-terra-ac',
    'alfen-ng9xx',
    'bender-cc612',
    'generic-dc',
    'heidelberg-energy-control',
    'keba-p30',
    'keba-p40',
    'phoenix-charx-sec',
    'phoenix-em-cp-pp-eth',
    'phoenix-ev-cc-ac1',
    'phoenix-ev-eth',
    'schneider-evlink-pro-ac',
    'tinkerforge-warp',
    'vestel-evc04',
    'webasto-next',
  ]);
  expect(ofKind('modbus-meter').map(({ profileId }) => profileId)).toEqual(['chint-dtsu666', 'eastron-sdm630']);
});

test('ED-02 editors know every profile: it names the schema, and the schema is the one the edge checks by', () => {
  expect(JSON.parse(readFileSync(profileJsonSchemaFile, 'utf8'))).toEqual(
    JSON.parse(JSON.stringify(profileJsonSchema())),
  );
  const nameless = readdirSync(packagedProfiles).filter(
    (name) => JSON.parse(readFileSync(join(packagedProfiles, name), 'utf8')).$schema !== '../profile.schema.json',
  );
  expect(nameless).toEqual([]);
});

/** Every key that the JSON schema of a kind of profile knows. */
function keysOf(schema: unknown, keys = new Set<string>()): Set<string> {
  if (Array.isArray(schema)) for (const part of schema) keysOf(part, keys);
  else if (typeof schema === 'object' && schema !== null)
    for (const [key, part] of Object.entries(schema)) {
      if (key === 'properties') for (const name of Object.keys(part)) keys.add(name);
      keysOf(part, keys);
    }
  return keys;
}

test('ED-02 the guide for a new model explains every key of a pile and of a Modbus meter, and no other', () => {
  const schemas = [pileProfileSchema, meterProfileSchema].map((schema) => z.toJSONSchema(schema, { io: 'input' }));
  const guide = readFileSync(join(import.meta.dirname, '../../../docs/how-to-add-a-pile-model.md'), 'utf8');
  const rows = guide.slice(guide.indexOf('## Every key')).matchAll(/^\| (`[^|]*) \|/gm);
  const explained = [...rows].flatMap(([, cell = '']) => [...cell.matchAll(/`([^`]+)`/g)].map(([, key = '']) => key));
  expect(explained.toSorted()).toEqual([...keysOf(schemas)].sort());
});

describe('ED-02 every pile and Modbus meter has its page', () => {
  test.each([...piles, ...ofKind('modbus-meter')].map((profile) => [profile.profileId, profile] as const))(
    '%s, with the source and what there is to know about its watchdog',
    (profileId, profile) => {
      const text = page(profileId);
      expect(text).toContain(`Source: ${profile.source}`);
      if (profile.kind !== 'pile') return;
      const { watchdog } = profile;
      expect(text).toContain(watchdog === null ? 'Timeout: none' : `Timeout: ${watchdog.timeoutMs / 1000} s`);
      if (watchdog?.fallback.kind === 'safe-current')
        expect(text).toContain(`Falls back to: ${watchdog.fallback.currentMa / 1000} A`);
      if (watchdog?.fallback.kind === 'stop') expect(text).toContain('Falls back to: no current');
    },
  );
});

describe('ED-02 what is unsafe is in no profile', () => {
  test.each(piles.map((pile) => [pile.profileId, pile] as const))('%s', (_, pile) => {
    const { commands, limits, zeroMeans, watchdog, setupProof, points } = pile;
    const limitWrites = new Set(commands.start.filter((one) => one.value === 'limit').map((one) => one.write));
    // A limit of 0 is a stop only where 0 pauses.
    const stops = [...commands.softStop, ...(commands.hardStop ?? [])];
    if (zeroMeans !== 'pause') expect(stops.filter((one) => limitWrites.has(one.write))).toEqual([]);
    // A set-up never touches the limit: after a restart a charge may be running.
    expect(commands.setup.filter((one) => limitWrites.has(one.write))).toEqual([]);
    // What is written at set-up and can be read is read back.
    const settings = commands.setup.map((one) => one.write).filter((name) => points[name] !== undefined);
    expect(setupProof.map((one) => one.point)).toEqual(expect.arrayContaining(settings));
    expect(settings.length).toBe(commands.setup.length);
    expect(limits.minCurrentMa).toBe(6000);
    expect(watchdog?.fallback.kind).not.toBe('full-power');
  });

  test('no fault but those that people must look at is left to a technician, and every rule has its catalogue entry', () => {
    const codes = new Set(piles.flatMap(({ faults }) => faults.map(({ code }) => code)));
    expect([...codes].sort()).toEqual([
      'bms-battery-over-temperature',
      'bms-component-over-temperature',
      'bms-connection-voltage',
      'bms-connector-fault',
      'bms-connector-over-temperature',
      'bms-fault',
      'bms-insulation',
      'bms-over-current',
      'bms-relay-fault',
      'bms-silent',
      'bms-voltage-fault',
      'cable-fault',
      'charger-no-output',
      'contactor-welded',
      'control-pilot-fault',
      'emergency-stop',
      'ground-fault',
      'insulation-fault',
      'over-temperature',
      'overload',
      'pile-fault',
      'pile-hardware-fault',
      'plug-lock-failed',
      'residual-current',
      'vehicle-fault',
    ]);
  });
});
