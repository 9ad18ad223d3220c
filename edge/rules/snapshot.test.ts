import { describe, expect, test } from 'vitest';
import { localTimeIn } from '#shared/local-time.ts';
import { wishOf } from '../control/charge-wish.ts';
import type { ConnectorState } from '../control/connector.ts';
import { newConnector, nothingRemembered } from '../control/connector.ts';
import { firstTrack } from '../control/meter-track.ts';
import type { Reading } from '../control/reading.ts';
import { openSession } from '../control/session.ts';
import { charging, facts, plugged, START_MONO_MS, START_WALL_MS, startCommand, uuid } from '../control/testing.ts';
import { factNames } from './facts.ts';
import { type Looked, type SiteLook, snapshotOf } from './snapshot.ts';

const now = { wallMs: START_WALL_MS, monoMs: START_MONO_MS, bootId: uuid(900), clock: 'trusted' } as const;

function looked(reading: Reading | null, change: Partial<ConnectorState> = {}, connectorId = 'P1-1'): Looked {
  const state = { ...newConnector(nothingRemembered, now), reading, ...change };
  return { state, facts: { ...facts, connectorId } };
}

const lookAt = (connectors: readonly Looked[], change: Partial<SiteLook> = {}): SiteLook => ({
  connectors,
  now,
  storageLevel: 'ample',
  link: { isUp: true, upMonoMs: START_MONO_MS },
  inputs: new Map(),
  ...change,
});

const factsAt = (look: SiteLook) => snapshotOf(look, null).connectors.get('P1-1') ?? {};

test('ED-06 every fact that a rule may ask for is in the snapshot, told or null', () => {
  const inputs = new Map([
    ['smoke', true],
    ['door', null],
  ]);
  const known = factsAt(lookAt([looked(null)], { inputs }));
  expect(Object.keys(known).sort()).toEqual([...factNames, 'inputs.door', 'inputs.smoke'].sort());
  expect([known['inputs.smoke'], known['inputs.door']]).toEqual([true, null]);
});

test('ED-06 a connector that cannot be read tells nothing of itself; without a charge its charge is nothing', () => {
  expect(factsAt(lookAt([looked(null)]))).toMatchObject({
    status: 'offline',
    plugged: null,
    currentMa: null,
    powerW: null,
    temperatureDc: null,
    voltageLowMv: null,
    voltageHighMv: null,
    socPercent: null,
    faults: null,
    sessionEnergyWh: 0,
    sessionMinutes: 0,
  });
});

test('ED-06 what a pile tells is in the units of the names', () => {
  const session = openSession(wishOf(startCommand()), {
    sessionId: uuid(3),
    pileId: 'P1',
    connectorId: 'C1',
    limitMa: 16_000,
    offeredMa: 16_000,
    track: firstTrack(50_000, null, START_MONO_MS),
    now,
    confirmByWallMs: START_WALL_MS,
    heldMs: null,
  });
  const later = { ...now, monoMs: now.monoMs + 3_659_000, wallMs: now.wallMs + 1 };
  const counted = { ...session, lastReading: { ...session.lastReading, registerWh: 51_234 } };
  const phase = { kind: 'closing', session: counted, records: [], retryMonoMs: null } as const;
  const reading = { ...charging, voltageMv: { lowest: 228_000, highest: 231_500 }, socPercent: 80 };
  expect(factsAt(lookAt([looked(reading, { phase })], { now: later }))).toMatchObject({
    currentMa: 15_900,
    powerW: 10_970,
    temperatureDc: 300,
    voltageLowMv: 228_000,
    voltageHighMv: 231_500,
    socPercent: 80,
    plugged: true,
    sessionEnergyWh: 1234,
    // By the monotonic clock: the wall clock was set back.
    sessionMinutes: 60,
  });
});

test('ED-06 a rule does not hear what the rules themselves have said', () => {
  const influence = { refuse: [], stop: { fault: 'site-rule', detail: 'R1' }, ceilingMa: 0, grantMa: null } as const;
  const own = factsAt(lookAt([looked(plugged, { influence, latched: ['over-current'] })]));
  expect(own.faults).toEqual(['over-current']);
  const quiet = factsAt(lookAt([looked(plugged, { influence })]));
  expect([quiet.status, quiet.faults]).toEqual(['plugged', []]);
});

describe('ED-06 the power of the site', () => {
  const silent = { ...charging, powerW: null };
  const idle = { ...plugged, powerW: null };
  test.each<[string, Reading | null, object]>([
    ['is the sum of what is told', charging, { sitePowerW: 21_940, siteToldPowerW: 21_940, siteChargingCount: 2 }],
    ['of one that is off, nothing is missing', idle, { sitePowerW: 10_970, siteToldPowerW: 10_970 }],
    ['is missing while one delivers and does not tell', silent, { sitePowerW: null, siteToldPowerW: 10_970 }],
    ['is missing while one cannot be read', null, { sitePowerW: null, siteToldPowerW: 10_970, siteChargingCount: 1 }],
  ])('%s', (_, other, expected) => {
    expect(factsAt(lookAt([looked(charging), looked(other, {}, 'P2-1')]))).toMatchObject(expected);
  });
});

test('ED-06 without the cloud the minutes count from when it was last there; before it is known nobody tells', () => {
  const link = (isUp: boolean) => ({ isUp, upMonoMs: START_MONO_MS - 179_000 });
  expect(factsAt(lookAt([looked(null)], { link: link(false) }))).toMatchObject({ linkUp: false, offlineMinutes: 2 });
  expect(factsAt(lookAt([looked(null)], { link: link(true) }))).toMatchObject({ linkUp: true, offlineMinutes: 0 });
  expect(factsAt(lookAt([looked(null)], { link: null }))).toMatchObject({ linkUp: null, offlineMinutes: null });
});

describe('ED-06 local time', () => {
  const at = (timezone: string, instant: string) => localTimeIn(timezone)(Date.parse(instant));
  test.each([
    ['Asia/Shanghai', '2026-03-01T15:59:59Z', { minuteOfDay: 1439, weekday: 7 }],
    ['Asia/Shanghai', '2026-03-01T16:00:00Z', { minuteOfDay: 0, weekday: 1 }],
    ['Asia/Kathmandu', '2026-03-01T18:15:00Z', { minuteOfDay: 0, weekday: 1 }],
    ['Europe/Berlin', '2026-03-29T01:00:00Z', { minuteOfDay: 180, weekday: 7 }],
    ['Europe/Berlin', '2026-10-25T01:30:00Z', { minuteOfDay: 150, weekday: 7 }],
  ])('in %s at %s', (timezone, instant, expected) => {
    expect(at(timezone, instant)).toMatchObject(expected);
  });

  test('one function is good for every instant, in any order', () => {
    const local = localTimeIn('Asia/Shanghai');
    const monday = Date.parse('2026-03-01T16:00:00Z');
    expect([monday, monday - 1, monday + 86_400_000, monday].map((atMs) => local(atMs).weekday)).toEqual([1, 7, 2, 1]);
  });

  test('nobody knows it while nobody knows the time', () => {
    const told = (clock: 'trusted' | 'doubtful' | 'none') =>
      snapshotOf(lookAt([looked(null)], { now: { ...now, clock } }), localTimeIn('Asia/Shanghai')).connectors.get(
        'P1-1',
      );
    expect(told('trusted')).toMatchObject({ minuteOfDay: 480, weekday: 1, clockQuality: 'trusted' });
    expect(told('doubtful')).toMatchObject({ minuteOfDay: 480, weekday: 1, clockQuality: 'doubtful' });
    expect(told('none')).toMatchObject({ minuteOfDay: null, weekday: null, clockQuality: 'none' });
  });
});
