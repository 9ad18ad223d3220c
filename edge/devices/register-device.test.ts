import { describe, expect, test } from 'vitest';
import { LineError } from '../bus/line-error.ts';
import type { ModbusJob, ModbusPort } from '../bus/modbus-master.ts';
import { isRead, type ReadRequest } from '../bus/request.ts';
import { meterProfileSchema } from './profile/meter-profile.ts';
import { RegisterDevice, type RegisterProfile } from './register-device.ts';

const energy = { fc: 3, address: 0, type: 'u32', unit: 'Wh' } as const;

function profileOf(points: Record<string, object>, change: object = {}): RegisterProfile {
  return meterProfileSchema.parse({
    kind: 'modbus-meter',
    profileId: 'test-meter',
    vendor: 'Test',
    model: 'Meter',
    source: 'made up',
    transports: ['tcp'],
    timing: { gapMs: 0, turnaroundMs: 5, responseTimeoutMs: 100, slowestReplyMs: 200, pollMs: 1000 },
    maxReadRegisters: 20,
    maxReadGap: 2,
    points: { energy, ...points },
    measures: { energy: { point: 'energy', kind: 'cumulative', rollsOverAtWh: null } },
    ...change,
  });
}

/** A device that has every register, holding its own address, but refuses reads that touch `missing`. */
function rig(profile: RegisterProfile, unit = 1, socket = 1) {
  const requests: string[] = [];
  const missing = new Set<number>();
  const words = new Map<number, number>();
  let failure: LineError | null = null;
  let refusalCode = 2;
  const answer = ({ fc, address, count }: ReadRequest): number[] => {
    const addresses = Array.from({ length: count }, (_, i) => address + i);
    if (addresses.some((one) => missing.has(one))) throw new LineError('exception', 'refused', refusalCode);
    return addresses.map((one) => words.get(one) ?? (fc <= 2 ? one & 1 : one));
  };
  const modbus: ModbusPort = {
    request: ({ unit: asked, request }: ModbusJob) => {
      requests.push(`${asked}: ${request.fc} ${request.address}${'count' in request ? `+${request.count}` : ''}`);
      if (failure !== null) return Promise.reject(failure);
      return isRead(request) ? new Promise((resolve) => resolve(answer(request))) : Promise.resolve([]);
    },
  };
  return {
    device: new RegisterDevice(profile, { modbus, unit, socket }),
    missing,
    words,
    /** The requests since the last look. */
    taken: () => requests.splice(0),
    failWith: (error: LineError | null) => {
      failure = error;
    },
    refuseWith: (code: number) => {
      refusalCode = code;
    },
  };
}

const u16 = (address: number, more: object = {}) => ({ fc: 3, address, type: 'u16', unit: 'none', ...more });

describe('ED-04 neighbouring registers are read in one request', () => {
  test('as far as holes, lengths and functions allow', async () => {
    const { device, taken } = rig(
      profileOf({ near: u16(4), far: u16(7), other: { ...u16(8), fc: 4 }, next: u16(8), late: u16(26) }),
    );
    const values = await device.read('poll');
    expect(taken()).toEqual(['1: 3 0+9', '1: 3 26+1', '1: 4 8+1']);
    expect(['energy', 'near', 'far', 'other', 'late'].map(values)).toEqual([1, 4, 7, 8, 26]);
  });

  test('a forbidden address is not read, not even in passing', async () => {
    const { device, taken } = rig(profileOf({ a: u16(3), b: u16(5) }, { forbidden: [[4, 4]] }));
    await device.read('poll');
    expect(taken()).toEqual(['1: 3 0+4', '1: 3 5+1']);
  });

  test('bits are read as bits', async () => {
    const { device, taken } = rig(
      profileOf({
        a: { fc: 1, address: 9, type: 'bit', unit: 'none' },
        b: { fc: 2, address: 4, type: 'bit', unit: 'none' },
      }),
    );
    const values = await device.read('poll');
    expect(taken()).toEqual(['1: 1 9+1', '1: 2 4+1', '1: 3 0+2']);
    expect([values('a'), values('b')]).toEqual([1, 0]);
  });

  test('a point of another unit is asked of that unit', async () => {
    const { device, taken } = rig(profileOf({ shared: u16(2, { unitId: 200 }) }));
    expect((await device.read('poll'))('shared')).toBe(2);
    expect(taken()).toEqual(['1: 3 0+2', '200: 3 2+1']);
  });

  test('the registers of a socket are at its multiple of the stride, those of the whole device are not', async () => {
    const sockets = { count: 4, stride: 1000 };
    const { device, taken } = rig(profileOf({ own: u16(9), whole: u16(5, { wholeDevice: true }) }, { sockets }), 1, 3);
    const values = await device.read('poll');
    expect(taken()).toEqual(['1: 3 5+1', '1: 3 3000+2', '1: 3 3009+1']);
    expect([values('own'), values('whole')]).toEqual([3009, 5]);
  });
});

describe.each([2, 3])('ED-04 a block that the device refuses with exception %i', (code) => {
  test('is split until only what it does not have is left out, and that is remembered', async () => {
    const all = rig(profileOf({ a: u16(2), b: u16(3, { optional: true }), c: u16(4) }));
    const { device, missing, taken } = all;
    all.refuseWith(code);
    missing.add(3);
    const values = await device.read('poll');
    expect(['energy', 'a', 'b', 'c'].map(values)).toEqual([1, 2, null, 4]);
    expect(taken()).toEqual(['1: 3 0+5', '1: 3 0+3', '1: 3 3+2', '1: 3 3+1', '1: 3 4+1']);
    expect(['energy', 'a', 'b', 'c'].map(await device.read('poll'))).toEqual([1, 2, null, 4]);
    expect(taken()).toEqual(['1: 3 0+3', '1: 3 4+1']);
  });

  test('fails when it lacks what a decision needs', async () => {
    const all = rig(profileOf({ a: u16(2, { optional: true }), b: u16(3) }));
    all.refuseWith(code);
    all.missing.add(3);
    await expect(all.device.read('poll')).rejects.toMatchObject({ failure: 'exception', exceptionCode: code });
    all.missing.clear();
    expect((await all.device.read('poll'))('b')).toBe(3);
  });
});

test('ED-04 the registers in a hole are not read any more once the block over it is split', async () => {
  const { device, missing, taken } = rig(profileOf({ a: u16(4), b: u16(6) }));
  missing.add(5);
  const values = await device.read('poll');
  expect(['energy', 'a', 'b'].map(values)).toEqual([1, 4, 6]);
  taken();
  await device.read('poll');
  expect(taken().join()).not.toMatch(/4\+3|0\+7/);
});

test.each([
  ['busy', new LineError('exception', 'busy', 6)],
  ['silent', new LineError('timeout', 'unit 1')],
])(
  'ED-04 a device that is %s has not said that it lacks anything: the whole read fails, and nothing is remembered',
  async (_, failure) => {
    const { device, taken, failWith } = rig(profileOf({ a: u16(2, { optional: true }) }));
    failWith(failure);
    await expect(device.read('poll')).rejects.toBe(failure);
    failWith(null);
    taken();
    expect((await device.read('poll'))('a')).toBe(2);
    expect(taken()).toEqual(['1: 3 0+3']);
  },
);

test('ED-04 a device that is met anew is asked for everything again', async () => {
  const { device, missing, taken } = rig(profileOf({ a: u16(2, { optional: true }) }));
  missing.add(2);
  await device.read('poll');
  missing.clear();
  device.forget();
  taken();
  expect((await device.read('poll'))('a')).toBe(2);
  expect(taken()).toEqual(['1: 3 0+3']);
});

describe('ED-02 what firmware decides', () => {
  const variants = [
    { when: [{ point: 'firmware', atLeast: 200 }], points: { power: u16(60), serial: u16(61, { read: 'set-up' }) } },
  ];
  const points = { firmware: u16(50, { read: 'set-up' }), serial: u16(51, { read: 'set-up' }), power: u16(10) };

  test('is read at the first contact and not again', async () => {
    const { device, taken } = rig(profileOf(points, { variants }));
    expect(['firmware', 'serial', 'power'].map(await device.read('poll'))).toEqual([50, 51, 10]);
    expect(taken()).toEqual(['1: 3 50+2', '1: 3 0+2', '1: 3 10+1']);
    await device.read('poll');
    expect(taken()).toEqual(['1: 3 0+2', '1: 3 10+1']);
  });

  test('moves the points of the variant that holds, those of set-up too', async () => {
    const { device, words } = rig(profileOf(points, { variants }));
    words.set(50, 200);
    expect(['firmware', 'serial', 'power'].map(await device.read('poll'))).toEqual([200, 61, 60]);
    expect(['firmware', 'serial', 'power'].map(await device.read('poll'))).toEqual([200, 61, 60]);
  });

  test('is found out again after a restart', async () => {
    const { device, words } = rig(profileOf(points, { variants }));
    await device.read('poll');
    words.set(50, 200);
    expect((await device.read('poll'))('power')).toBe(10);
    device.forget();
    expect((await device.read('poll'))('power')).toBe(60);
  });
});
