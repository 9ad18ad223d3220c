import { describe, expect, test } from 'vitest';
import { faultIn, isOff, type Reading } from '../../edge/control/reading.ts';
import { energyRegisterOf } from '../../edge/devices/energy-register.ts';
import { PileDriver, SetupNotTaken } from '../../edge/devices/pile-driver.ts';
import type { PileProfile } from '../../edge/devices/profile/pile-profile.ts';
import { Attendant } from './attendant.ts';
import { knownDifferences } from './difference.ts';
import { eachProfile, everyCase, type PileCase, pileSite } from './pile-cases.ts';
import { LINE_ID } from './simulated-site.ts';

/**
 * Goal: what a profile says of a pile is what the pile does.
 * Method: the simulated pile on a simulated line in simulated time, driven through the edge's driver only and fed as the
 * runtime feeds it; the simulator's truth is the judge.
 */

const named = (cases: readonly PileCase[]) => cases.map((one) => [one.name, one] as const);
const caseNamed = (profileId: string): PileCase => {
  const found = eachProfile.find(({ profile }) => profile.profileId === profileId);
  if (found === undefined) throw new Error(profileId);
  return found;
};
const startMaOf = ({ limits }: PileProfile): number => Math.min(16_000, limits.maxCurrentMa);
/** The vehicle of the simulator draws from three phases of 230 V. */
const powerWAt = (limitMa: number): number => (3 * 230 * limitMa) / 1000;

function rigOf(one: PileCase, more?: Parameters<typeof pileSite>[1]) {
  const site = pileSite(one, more);
  return { ...site, attendant: new Attendant(site, site.driver) };
}

/** A rig whose pile charges at 16 A, or as much as it can. */
async function chargingRig(one: PileCase) {
  const rig = rigOf(one);
  rig.vehicle({ plugged: true });
  await rig.attendant.tend(2000);
  await rig.attendant.start(startMaOf(one.profile));
  expect(rig.truth()).toMatchObject({ contactorClosed: true, effectiveLimitA: startMaOf(one.profile) / 1000 });
  return rig;
}

const off = (reading: Reading | null): boolean => reading !== null && isOff(reading);

describe('ED-01 ED-02 HS-01 a pile is set up, read, started, paused and stopped by its profile', () => {
  test.each(named(everyCase))('%s', async (_, one) => {
    const { profile } = one;
    const { driver, attendant, vehicle, truth, during } = rigOf(one);
    const limitMa = startMaOf(profile);
    const measures = profile.measures.currents.length > 0;
    const status = () => attendant.reading?.status;
    const expectStopped = () => {
      expect(status()).toBe('plugged');
      if (measures) expect(off(attendant.reading)).toBe(true);
      expect(truth()).toMatchObject({ contactorClosed: false, currentA: [0, 0, 0] });
    };
    const expectCharging = () => {
      expect(status()).toBe('charging');
      expect(truth()).toMatchObject({ contactorClosed: true, effectiveLimitA: limitMa / 1000 });
    };

    await during(driver.setUp());
    await during(driver.prove('command'));
    await attendant.tend(2000);
    expect(status()).toBe('unplugged');

    vehicle({ plugged: true });
    await attendant.tend(3000);
    if (profile.watchdog?.fallback.kind !== 'safe-current') expectStopped();

    await attendant.start(limitMa);
    expectCharging();
    const { reading } = attendant;
    if (measures) expect(reading?.currentMa).toBe(limitMa);
    if (profile.measures.power !== undefined) expect(reading?.powerW).toBe(powerWAt(limitMa));
    if (profile.measures.temperature !== undefined)
      expect(Math.abs((reading?.temperatureDc ?? 0) - truth().temperatureC * 10)).toBeLessThan(2);

    vehicle({ wantsCharge: false });
    await attendant.tend(4000);
    expectStopped();
    vehicle({ wantsCharge: true });
    await attendant.tend(5000);
    expectCharging();

    await attendant.stop('softStop');
    expectStopped();
    await attendant.start(limitMa);
    expectCharging();
    await attendant.stop('hardStop');
    expectStopped();

    vehicle({ plugged: false });
    await attendant.tend(3000);
    const hidesPlug = knownDifferences(profile.profileId).some(({ what }) => what.endsWith('after a hard stop'));
    expect(status()).toBe(hidesPlug ? 'plugged' : 'unplugged');
    vehicle({ plugged: true });
    await attendant.tend(3000);
    await attendant.start(limitMa);
    expectCharging();
    await attendant.stop('softStop');
    await attendant.tend(3000);
    expectRegister(profile, attendant.reading, truth());
  });
});

/** At rest a register shows the truth, rounded down to its own steps; a single-precision one rounded to the nearest. */
function expectRegister(
  profile: PileProfile,
  reading: Reading | null,
  truth: ReturnType<ReturnType<typeof rigOf>['truth']>,
) {
  const { energy } = profile.measures;
  if (energy === null) return expect(reading?.registerWh).toBeNull();
  const truthWh =
    energy.kind === 'per-session' ? (truth.energySessions.at(-1)?.energyTruthWh ?? 0) : truth.registerWhTruth;
  const { resolutionWh } = energyRegisterOf({ ...profile, measures: { energy } });
  expect(reading?.registerWh).toBeGreaterThan(truthWh - resolutionWh);
  expect(reading?.registerWh).toBeLessThanOrEqual(truthWh + 1);
}

describe('ED-05.o HS-03 every fault that a pile can show is read as one of the catalogue', () => {
  const troubles = {
    emergencyStop: { kind: 'emergency-stop' },
    pileError: { kind: 'pile-error', errorCode: 1 },
    welded: { kind: 'welded-contactor', vehicleKeepsDrawing: false, detectedByPile: true },
    tooHot: { kind: 'over-temperature', temperatureC: 110 },
  } as const;
  const all = (code: string) => ({ emergencyStop: code, pileError: code, welded: code, tooHot: code });
  const shown: Readonly<Record<string, Readonly<Record<keyof typeof troubles, string | null>>>> = {
    'abb-terra-ac': all('unknown-fault'),
    'alfen-ng9xx': { ...all('pile-fault'), emergencyStop: null },
    'bender-cc612': {
      emergencyStop: 'control-pilot-fault',
      pileError: 'residual-current',
      welded: 'contactor-welded',
      tooHot: 'overload',
    },
    'heidelberg-energy-control': { ...all('pile-fault'), emergencyStop: 'control-pilot-fault' },
    'keba-p30': all('unknown-fault'),
    'keba-p40': all('unknown-fault'),
    'phoenix-charx-sec': { ...all('pile-fault'), emergencyStop: 'control-pilot-fault' },
    'phoenix-em-cp-pp-eth': {
      emergencyStop: 'control-pilot-fault',
      pileError: 'cable-fault',
      welded: 'contactor-welded',
      tooHot: 'pile-fault',
    },
    'phoenix-ev-cc-ac1': { ...all('pile-fault'), emergencyStop: 'control-pilot-fault' },
    'phoenix-ev-eth': { ...all('pile-fault'), emergencyStop: 'control-pilot-fault' },
    'schneider-evlink-pro-ac': all('control-pilot-fault'),
    'tinkerforge-warp': all('pile-fault'),
    'vestel-evc04': all('unknown-fault'),
    'webasto-next': all('pile-fault'),
  };

  test.each(named(eachProfile))('%s', async (_, one) => {
    for (const [name, fault] of Object.entries(troubles)) {
      const { attendant, vehicle, fault: set, truth } = rigOf(one);
      vehicle({ plugged: true, wantsCharge: name !== 'welded' });
      await attendant.tend(2000);
      const clear = set(fault);
      await attendant.tend(4000);
      const { reading } = attendant;
      const code = reading === null ? 'no reading' : faultIn(reading);
      expect({ [name]: code }).toEqual({ [name]: shown[one.profile.profileId]?.[name as keyof typeof troubles] });
      clear();
      if (name === 'tooHot') continue;
      await attendant.tend(3000);
      expect({ [name]: truth().pileState }).not.toEqual({ [name]: 'F' });
      expect(attendant.reading?.fault).toBeNull();
    }
  });

  test.each<[string, number, string]>([
    ['phoenix-em-cp-pp-eth', 2, 'cable-fault'],
    ['phoenix-em-cp-pp-eth', 3, 'cable-fault'],
    ['phoenix-em-cp-pp-eth', 5, 'pile-fault'],
    ['phoenix-em-cp-pp-eth', 6, 'plug-lock-failed'],
    ['phoenix-em-cp-pp-eth', 7, 'plug-lock-failed'],
    ['phoenix-em-cp-pp-eth', 8, 'plug-lock-failed'],
    ['phoenix-em-cp-pp-eth', 9, 'overload'],
    ['phoenix-em-cp-pp-eth', 10, 'pile-hardware-fault'],
    ['phoenix-em-cp-pp-eth', 11, 'vehicle-fault'],
    ['phoenix-em-cp-pp-eth', 13, 'control-pilot-fault'],
    ['phoenix-em-cp-pp-eth', 15, 'residual-current'],
    ['bender-cc612', 1 << 2, 'control-pilot-fault'],
    ['bender-cc612', 1 << 3, 'pile-hardware-fault'],
    ['bender-cc612', 1 << 4, 'pile-hardware-fault'],
    ['bender-cc612', 1 << 5, 'residual-current'],
    ['bender-cc612', 1 << 6, 'contactor-welded'],
    ['bender-cc612', 1 << 7, 'control-pilot-fault'],
    ['bender-cc612', 1 << 8, 'plug-lock-failed'],
    ['bender-cc612', 1 << 9, 'plug-lock-failed'],
    ['bender-cc612', 1 << 10, 'plug-lock-failed'],
    ['bender-cc612', 1 << 13, 'pile-hardware-fault'],
    ['bender-cc612', 1 << 14, 'control-pilot-fault'],
    ['bender-cc612', 1 << 15, 'overload'],
    ['bender-cc612', (1 << 6) | (1 << 8), 'contactor-welded'],
  ])("%s, the vendor's number %i is %s", async (profileId, errorCode, code) => {
    const { attendant, fault } = rigOf(caseNamed(profileId));
    fault({ kind: 'pile-error', errorCode });
    await attendant.tend(3000);
    expect(attendant.reading === null ? null : faultIn(attendant.reading)).toBe(code);
  });

  test.each<[string, 'residual-current' | 'overload' | 'ground-fault', string]>([
    ['phoenix-em-cp-pp-eth', 'residual-current', 'residual-current'],
    ['phoenix-em-cp-pp-eth', 'overload', 'overload'],
    ['bender-cc612', 'residual-current', 'residual-current'],
    ['bender-cc612', 'overload', 'overload'],
    ['keba-p40', 'ground-fault', 'unknown-fault'],
    ['heidelberg-energy-control', 'residual-current', 'pile-fault'],
  ])('%s, its protection against %s has acted: %s', async (profileId, kind, code) => {
    const { attendant, fault, truth } = await chargingRig(caseNamed(profileId));
    fault({ kind });
    await attendant.tend(3000);
    expect(truth().contactorClosed).toBe(false);
    expect(attendant.reading === null ? null : faultIn(attendant.reading)).toBe(code);
  });

  test.each<[string, number, string]>([
    ['abb-terra-ac', 0x0800_4000, 'error 134234112 (0x8004000)'],
    ['bender-cc612', 1 << 20, 'errors 1048576 (0x100000)'],
    ['keba-p30', 0xdead_beef, 'error 3735928559 (0xdeadbeef)'],
    ['keba-p40', 1, 'error 1 (0x1)'],
    ['phoenix-em-cp-pp-eth', 14, 'error 14 (0xe)'],
    ['schneider-evlink-pro-ac', 1 << 9, 'errors1 512 (0x200)'],
    ['vestel-evc04', 0x0102_0304, 'error 16909060 (0x1020304)'],
  ])('%s goes on with a code that nobody knows, %i: a fault, with its number', async (profileId, code, faultDetail) => {
    const { attendant, fault, truth } = await chargingRig(caseNamed(profileId));
    fault({ kind: 'vendor-fault', code });
    await attendant.tend(3000);
    expect(truth().contactorClosed).toBe(true);
    expect(attendant.reading).toMatchObject({ status: 'charging', fault: 'unknown-fault', faultDetail });
  });

  test.each(named(eachProfile.filter(({ profile }) => profile.measures.voltages.length > 0)))(
    'ED-05.c ED-05.d %s tells mains that are outside the limits of its profile, and bears them',
    async (_, one) => {
      const { attendant, fault, truth } = await chargingRig(one);
      expect(attendant.reading?.voltageMv).toEqual({ lowest: 230_000, highest: 230_000 });
      const clear = fault({ kind: 'under-voltage', voltageV: 195 });
      await attendant.tend(6000);
      expect(attendant.reading?.voltageMv).toEqual({ lowest: 195_000, highest: 195_000 });
      clear();
      fault({ kind: 'over-voltage', voltageV: 260, phase: 2 });
      await attendant.tend(6000);
      expect(attendant.reading).toMatchObject({ status: 'charging', voltageMv: { lowest: 230_000, highest: 260_000 } });
      expect(truth().contactorClosed).toBe(true);
      const { overVoltageMv, underVoltageMv } = one.profile.limits;
      expect(overVoltageMv).toBeLessThan(260_000);
      expect(underVoltageMv).toBeGreaterThan(195_000);
    },
  );

  test.each(named(eachProfile.filter(({ profile }) => profile.measures.temperature !== undefined)))(
    'ED-05.b %s tells how hot it is before it protects itself, and how cold',
    async (_, one) => {
      const { attendant, fault } = rigOf(one);
      for (const temperatureC of [82, -12.5]) {
        const clear = fault({ kind: 'over-temperature', temperatureC });
        await attendant.tend(2000);
        expect(attendant.reading?.temperatureDc).toBe(temperatureC * 10);
        clear();
      }
    },
  );
});

const watched = eachProfile.filter(({ profile }) => profile.watchdog !== null);
const TEN_MINUTES_MS = 600_000;
/** A contactor under load opens at the latest so long after the offer has ended: IEC 61851-1, sequence 10.2. */
const OPENING_MS = 6500;

describe('ED-18 a watchdog never trips while the edge decides, and does what the profile says when it falls silent', () => {
  test.each(named(watched))('%s', async (_, one) => {
    const { watchdog } = one.profile;
    const { attendant, time, truth } = await chargingRig(one);
    const trips: number[] = [];
    await attendant.tend(TEN_MINUTES_MS, () => {
      if (truth().watchdog.tripped || !truth().contactorClosed) trips.push(time.monoMs());
    });
    expect(trips).toEqual([]);

    const { timeoutMs } = truth().watchdog;
    await time.pass(timeoutMs / 3);
    expect(truth()).toMatchObject({ contactorClosed: true, effectiveLimitA: startMaOf(one.profile) / 1000 });
    await time.pass((timeoutMs * 2) / 3);
    const leftMa = watchdog?.fallback.kind === 'safe-current' ? watchdog.fallback.currentMa : 0;
    expect(truth().effectiveLimitA * 1000).toBe(leftMa);
    await time.pass(OPENING_MS);
    const leftA = leftMa / 1000;
    expect(truth()).toMatchObject({ contactorClosed: leftMa > 0, currentA: [leftA, leftA, leftA] });
  });

  test.each(named(watched.filter(({ profile }) => profile.watchdog?.refreshedBy === 'writes')))(
    '%s does not take a read for a sign of life',
    async (_, one) => {
      const { driver, during, time, truth } = await chargingRig(one);
      const untilMonoMs = time.monoMs() + truth().watchdog.timeoutMs;
      while (time.monoMs() < untilMonoMs && !truth().watchdog.tripped) {
        await during(driver.read());
        await time.pass(500);
      }
      expect(truth().watchdog.tripped).toBe(true);
    },
  );

  /** A Vestel looks at its alive register at times of its own: only feeds at less than half its time are sure to be seen. */
  const countsFromFeed = ({ profile }: PileCase) =>
    profile.watchdog?.feed !== undefined && profile.profileId !== 'vestel-evc04';
  test.each(named(watched.filter(countsFromFeed)))(
    '%s counts every single feed: one in more than half its time is enough',
    async (_, one) => {
      const { driver, during, time, truth } = await chargingRig(one);
      for (let turn = 0; turn < 5; turn += 1) {
        await during(driver.feedWatchdog(true));
        await time.pass(0.6 * truth().watchdog.timeoutMs);
        expect(truth()).toMatchObject({ contactorClosed: true, watchdog: { tripped: false } });
      }
    },
  );

  const counting = (refreshedBy: 'reads' | 'any-traffic') =>
    named(watched.filter(({ profile }) => profile.watchdog?.refreshedBy === refreshedBy));
  async function trippedWithWritesAlone(one: PileCase): Promise<boolean> {
    const { driver, during, time, truth } = await chargingRig(one);
    for (let ms = 0; ms <= 2 * truth().watchdog.timeoutMs; ms += 1000) {
      await during(driver.command('start', startMaOf(one.profile)));
      await time.pass(1000);
      if (truth().watchdog.tripped) return true;
    }
    return false;
  }
  test.each(counting('reads'))('%s does not take a write for a sign of life', async (_, one) => {
    expect(await trippedWithWritesAlone(one)).toBe(true);
  });
  test.each(counting('any-traffic'))('%s takes a write for a sign of life as well', async (_, one) => {
    expect(await trippedWithWritesAlone(one)).toBe(false);
  });

  test.each(named(eachProfile.filter(({ profile }) => profile.watchdog === null)))(
    '%s has none: its last limit stays',
    async (_, one) => {
      const { time, truth } = await chargingRig(one);
      await time.pass(TEN_MINUTES_MS);
      expect(truth()).toMatchObject({ contactorClosed: true, effectiveLimitA: startMaOf(one.profile) / 1000 });
    },
  );

  const repeatsLimit = ({ profile }: PileCase) =>
    profile.watchdog?.feed?.some(({ value }) => value === 'limit') ?? false;
  test.each(named(eachProfile.filter(repeatsLimit)))(
    'ED-09 %s, a feed after a restart of the edge repeats what the pile has fallen back to, and raises nothing',
    async (_, one) => {
      const { modbus, during, time, truth } = await chargingRig(one);
      await time.pass(truth().watchdog.timeoutMs + OPENING_MS);
      const leftA = truth().effectiveLimitA;
      const restarted = new PileDriver(one.profile, { modbus, unit: one.unit, socket: one.socket });
      await during(restarted.read());
      await during(restarted.feedWatchdog(true));
      await time.pass(5000);
      expect(truth()).toMatchObject({ effectiveLimitA: leftA, watchdog: { tripped: false } });
    },
  );
});

describe('ED-18 a pile that has lost its set-up is found out', () => {
  test.each(named(eachProfile.filter(({ profile }) => profile.commands.setup.length > 0)))(
    '%s, after a restart in a blink',
    async (_, one) => {
      const { driver, during, time, powerCycle, truth } = rigOf(one);
      await during(driver.setUp());
      await during(driver.prove('poll'));
      powerCycle(200);
      await time.pass(1000);
      expect(truth().powered).toBe(true);
      await expect(during(driver.prove('poll'))).rejects.toBeInstanceOf(SetupNotTaken);
      await during(driver.setUp());
      await during(driver.prove('poll'));
    },
  );

  test.each<[string, string, Parameters<typeof pileSite>[1] & object, string]>([
    [
      'an Alfen whose installer has left it 10 A',
      'alfen-ng9xx',
      { pile: { options: { safeCurrentA: 10 } } },
      'safeCurrent',
    ],
    ['a P40 where a P30 is expected', 'keba-p30', { pile: { model: 'keba-p40' } }, 'productCode'],
    ['a P30 where a P40 is expected', 'keba-p40', { pile: { model: 'keba-p30' } }, 'productCode'],
  ])('%s is refused', async (_, profileId, more, point) => {
    const { driver, during } = rigOf(caseNamed(profileId), more);
    await expect(during(driver.setUp())).rejects.toThrow(`"${point}"`);
  });
});

describe('ED-01 the connectors of one device are driven apart', () => {
  test.each<[string, number, number]>([
    ['phoenix-charx-sec', 1, 2],
    ['phoenix-charx-sec', 1, 12],
    ['alfen-ng9xx', 2, 1],
  ])('%s, unit %i, connector %i of it', async (profileId, unit, ofUnit) => {
    const base = caseNamed(profileId);
    const socket = profileId === 'alfen-ng9xx' ? unit : ofUnit;
    const neighbour = {
      pileId: 'N',
      model: profileId,
      lineId: LINE_ID,
      unit: 1,
      socket: 1,
      initialRegisterWh: 5,
      vehicle: { plugged: true },
    };
    const rig = rigOf({ ...base, unit, socket }, { piles: [neighbour] });
    rig.vehicle({ plugged: true });
    await rig.attendant.tend(2000);
    await rig.attendant.start(16_000);
    expect(rig.attendant.reading).toMatchObject({ status: 'charging', currentMa: 16_000 });
    expect(rig.world.piles.get('N')?.truth()).toMatchObject({ contactorClosed: false, energyTruthWh: 0 });
    await rig.attendant.stop('softStop');
    expect(rig.truth().contactorClosed).toBe(false);
  });
});

describe('ED-22 ED-24 who answers is told by the box itself', () => {
  test.each<[string, { serialNumber?: string; firmware?: string }, object]>([
    ['keba-p30', { serialNumber: '4711', firmware: '3.10.57' }, { serialNumber: '4711', firmware: '31057' }],
    ['keba-p40', { serialNumber: '4712', firmware: '1.2.2' }, { serialNumber: '4712', firmware: '10202' }],
    ['abb-terra-ac', { serialNumber: 'TAC2', firmware: '1.8.0' }, { serialNumber: 'TAC2', firmware: '17301504' }],
    ['alfen-ng9xx', { serialNumber: 'ACE1', firmware: '6.5.0' }, { serialNumber: 'ACE1', firmware: '6.5.0-4210' }],
    ['tinkerforge-warp', { serialNumber: '99' }, { serialNumber: '99', firmware: '2' }],
    ['vestel-evc04', { serialNumber: '73', firmware: '3.190' }, { serialNumber: '73', firmware: 'v3.190.0' }],
    ['bender-cc612', { firmware: '5.34' }, { serialNumber: null, firmware: '5.34' }],
  ])('%s with %j', async (profileId, options, told) => {
    const base = caseNamed(profileId);
    const { attendant } = rigOf({ ...base, options: { ...base.options, ...options } });
    await attendant.tend(3000);
    expect(attendant.reading).toMatchObject(told);
  });

  test('ED-24 a box whose firmware is older than its register table is refused', async () => {
    const base = caseNamed('abb-terra-ac');
    const old = rigOf({ ...base, options: { ...base.options, firmware: '1.6.4' } });
    await old.attendant.tend(3000);
    expect(old.driver.firmware.refused?.fault).toBe('firmware-refused');
    const present = rigOf(base);
    await present.attendant.tend(3000);
    expect(present.driver.firmware).toEqual({ refused: null, restricted: null });
  });
});
