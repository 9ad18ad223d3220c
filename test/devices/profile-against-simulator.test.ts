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
    'abb-terra-ac': all('pile-fault'),
    'alfen-ng9xx': { ...all('pile-fault'), emergencyStop: null },
    'bender-cc612': {
      emergencyStop: 'vehicle-fault',
      pileError: 'residual-current',
      welded: 'contactor-welded',
      tooHot: 'over-current',
    },
    'heidelberg-energy-control': { ...all('pile-fault'), emergencyStop: 'vehicle-fault' },
    'keba-p30': { ...all('pile-fault'), tooHot: null },
    'keba-p40': { ...all('pile-fault'), tooHot: null },
    'phoenix-charx-sec': all('pile-fault'),
    'phoenix-em-cp-pp-eth': {
      emergencyStop: 'vehicle-fault',
      pileError: 'vehicle-fault',
      welded: 'contactor-welded',
      tooHot: 'pile-fault',
    },
    'phoenix-ev-cc-ac1': all('pile-fault'),
    'phoenix-ev-eth': all('pile-fault'),
    'schneider-evlink-pro-ac': all('vehicle-fault'),
    'tinkerforge-warp': all('pile-fault'),
    'vestel-evc04': all('pile-fault'),
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
    ['phoenix-em-cp-pp-eth', 2, 'vehicle-fault'],
    ['phoenix-em-cp-pp-eth', 3, 'vehicle-fault'],
    ['phoenix-em-cp-pp-eth', 5, 'pile-fault'],
    ['phoenix-em-cp-pp-eth', 6, 'plug-lock-failed'],
    ['phoenix-em-cp-pp-eth', 7, 'plug-lock-failed'],
    ['phoenix-em-cp-pp-eth', 8, 'plug-lock-failed'],
    ['phoenix-em-cp-pp-eth', 9, 'over-current'],
    ['phoenix-em-cp-pp-eth', 10, 'pile-fault'],
    ['phoenix-em-cp-pp-eth', 11, 'vehicle-fault'],
    ['phoenix-em-cp-pp-eth', 13, 'vehicle-fault'],
    ['phoenix-em-cp-pp-eth', 15, 'residual-current'],
    ['bender-cc612', 1 << 2, 'vehicle-fault'],
    ['bender-cc612', 1 << 3, 'pile-fault'],
    ['bender-cc612', 1 << 4, 'pile-fault'],
    ['bender-cc612', 1 << 5, 'residual-current'],
    ['bender-cc612', 1 << 6, 'contactor-welded'],
    ['bender-cc612', 1 << 7, 'pile-fault'],
    ['bender-cc612', 1 << 8, 'plug-lock-failed'],
    ['bender-cc612', 1 << 9, 'plug-lock-failed'],
    ['bender-cc612', 1 << 10, 'plug-lock-failed'],
    ['bender-cc612', 1 << 13, 'pile-fault'],
    ['bender-cc612', 1 << 14, 'vehicle-fault'],
    ['bender-cc612', 1 << 15, 'over-current'],
    ['bender-cc612', (1 << 6) | (1 << 8), 'contactor-welded'],
  ])("%s, the vendor's number %i is %s", async (profileId, errorCode, code) => {
    const { attendant, fault } = rigOf(caseNamed(profileId));
    fault({ kind: 'pile-error', errorCode });
    await attendant.tend(3000);
    expect(attendant.reading === null ? null : faultIn(attendant.reading)).toBe(code);
  });

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
