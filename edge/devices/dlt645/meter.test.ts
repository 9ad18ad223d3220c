import { describe, expect, test } from 'vitest';
import { complaintsOf, describeComplaints } from '#shared/complaints.ts';
import { Line } from '../../bus/line.ts';
import { bytesOf, ManualTime, MemoryStream } from '../../bus/testing.ts';
import { loadProfiles, packagedProfiles } from '../load-profiles.ts';
import { encodeFrame } from './frame.ts';
import { Dlt645Meter, findMeter } from './meter.ts';
import { type Dlt645MeterProfile, dlt645MeterProfileSchema } from './meter-profile.ts';

const ADDRESS = '000000000161';
const packaged = loadProfiles(packagedProfiles).get('dlt645-2007');
if (packaged?.kind !== 'dlt645-meter') throw new Error('no profile');
const profile: Dlt645MeterProfile = packaged;

/** A meter on a line in memory: values by identifier as they are sent, low byte first. */
function rig(values: Record<string, string>) {
  const time = new ManualTime();
  const stream = new MemoryStream(time);
  const line = new Line({
    lineId: 'L1',
    stream,
    silenceMs: 16,
    wireMs: (bytes) => bytes * 4.6,
    hasTransactionIds: false,
    reconnectAfterFailures: null,
    clock: time,
    timers: time,
    fineTimers: time,
    tap: () => {},
  });
  const asked: string[] = [];
  const meter = { isDeaf: false };
  stream.onWrite = (request) => {
    const frame = request.subarray(4);
    const identifier = frame.slice(10, -2).map((byte) => byte - 0x33);
    const di = Buffer.from(identifier).reverse().toString('hex').toUpperCase();
    asked.push(di);
    const value = values[di];
    const data = di === '' ? [0x61, 1, 0, 0, 0, 0] : value === undefined ? [2] : [...identifier, ...bytesOf(value)];
    const control = (frame[8] ?? 0) | 0x80 | (di !== '' && value === undefined ? 0x40 : 0);
    const reply = encodeFrame({ address: ADDRESS, control, data: Uint8Array.from(data) });
    if (!meter.isDeaf) time.after(100, () => stream.receive(Uint8Array.of(0xfe, 0xfe, ...reply)));
  };
  return { time, line, stream, asked, meter };
}

async function outcome<T>(time: ManualTime, promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  await time.pass(20_000);
  return promise;
}

const threePhase = {
  '00010000': '26 00 12 00',
  '02030000': '50 34 12',
  '02010100': '01 23',
  '02010200': '98 22',
  '02010300': '05 23',
  '02020100': '00 50 01',
  '02020200': '10 49 81',
  '02020300': '00 52 01',
};

test('ED-03 a meter is read in Wh, W, mA and mV, whole numbers', async () => {
  const { time, line, stream } = rig(threePhase);
  const reading = await outcome(time, new Dlt645Meter(ADDRESS, profile, line).readAll('poll'));
  expect(reading).toEqual({
    meterId: ADDRESS,
    registerWh: 1_200_260,
    powerW: 12_345,
    currentMa: 15_200,
    voltageMv: { lowest: 229_800, highest: 230_500 },
    phaseVoltagesMv: [230_100, 229_800, 230_500],
  });
  expect(stream.written[0]?.hex).toBe('fefefefe68610100000000681104333334331416');
});

test('ED-03 a look costs one question, and a meter that does not answer gives none', async () => {
  const { time, line, asked, meter } = rig(threePhase);
  const driver = new Dlt645Meter(ADDRESS, profile, line);
  expect(await outcome(time, driver.read())).toEqual({
    meterId: ADDRESS,
    registerWh: 1_200_260,
    currentMa: null,
    powerW: null,
    voltageMv: null,
  });
  expect(asked).toEqual(['00010000']);
  meter.isDeaf = true;
  await expect(outcome(time, driver.read())).rejects.toMatchObject({ failure: 'timeout' });
});

test('ED-03 power that flows back into the grid is negative', async () => {
  const { time, line } = rig({ ...threePhase, '02030000': '50 34 92' });
  expect((await outcome(time, new Dlt645Meter(ADDRESS, profile, line).readAll('poll'))).powerW).toBe(-12_345);
});

describe('ED-03 what a meter does not have', () => {
  const singlePhase = { '00010000': '26 00 00 00', '02010100': '01 23', '02020100': '00 50 01' };

  test('is null, never zero, and not asked for again', async () => {
    const { time, line, asked } = rig(singlePhase);
    const meter = new Dlt645Meter(ADDRESS, profile, line);
    const expected = { registerWh: 260, powerW: null, currentMa: 15_000, phaseVoltagesMv: [230_100, null, null] };
    expect(await outcome(time, meter.readAll('poll'))).toMatchObject(expected);
    const before = asked.length;
    expect(await outcome(time, meter.readAll('poll'))).toMatchObject(expected);
    expect(asked.slice(before)).toEqual(['00010000', '02020100', '02010100']);
  });

  test('is asked for again when the meter may be another one', async () => {
    const { time, line, asked } = rig(singlePhase);
    const meter = new Dlt645Meter(ADDRESS, profile, line);
    await outcome(time, meter.readAll('poll'));
    meter.forget();
    const before = asked.length;
    await outcome(time, meter.readAll('poll'));
    expect(asked.slice(before)).toHaveLength(8);
  });

  test('a value that the meter says it has not is null, also the register', async () => {
    const { time, line } = rig({ ...singlePhase, '00010000': 'FF FF FF FF', '02010100': 'FF FF' });
    const reading = await outcome(time, new Dlt645Meter(ADDRESS, profile, line).readAll('poll'));
    expect(reading).toMatchObject({ registerWh: null, voltageMv: null, phaseVoltagesMv: [null, null, null] });
  });

  test('a register that is refused: there is no reading without it', async () => {
    const { time, line } = rig({ '02010100': '01 23' });
    const reading = outcome(time, new Dlt645Meter(ADDRESS, profile, line).readAll('poll'));
    await expect(reading).rejects.toMatchObject({ failure: 'exception', exceptionCode: 2 });
  });
});

test('ED-03 the only meter of a line tells its address', async () => {
  const { time, line } = rig({});
  expect(await outcome(time, findMeter(line, profile))).toBe(ADDRESS);
});

test('ED-03 an address that is not twelve digits is refused', () => {
  expect(() => new Dlt645Meter('161', profile, rig({}).line)).toThrow(/twelve digits/);
});

describe('ED-03 a profile that cannot be right is refused with path and reason', () => {
  const complaints = (change: (draft: Dlt645MeterProfile) => void): string => {
    const draft = structuredClone(profile);
    change(draft);
    const parsed = dlt645MeterProfileSchema.safeParse(draft);
    return parsed.success ? '' : describeComplaints(complaintsOf(parsed.error));
  };
  const energy = (change: object) => (draft: Dlt645MeterProfile) => {
    Object.assign(draft.points.energyImport ?? {}, change);
  };

  test.each<[string, (draft: Dlt645MeterProfile) => void, string]>([
    ['the combined total', energy({ di: '00000000' }), 'points.energyImport.di'],
    ['a signed register', energy({ signed: true }), 'points.energyImport.signed'],
    ['a register that may be missing', energy({ optional: true }), 'points.energyImport.optional'],
    ['digits that do not fit the roll-over', energy({ digits: 6 }), 'measures.energy.rollsOverAtWh'],
    ['an odd number of digits', energy({ digits: 7 }), 'points.energyImport.digits'],
    ['a unit of another kind', energy({ unit: 'kW' }), 'measures.energy.point'],
    ['a point that is not there', (draft) => draft.measures.currents.splice(0, 1, 'nope'), 'measures.currents.0'],
    ['an unknown key', (draft) => Object.assign(draft, { baud: 9600 }), 'baud'],
  ])('%s', (_name, change, path) => {
    expect(complaints(change)).toContain(path);
  });
});
