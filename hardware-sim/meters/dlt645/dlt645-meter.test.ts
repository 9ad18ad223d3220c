import { expect, test } from 'vitest';
import { HEALTHY, type StateEffects } from '../../faults/state-effects.ts';
import { createMeter } from '../meter.ts';

const PLACE = { meterId: 'M', lineId: 'L', measures: 'P', model: 'dlt645-2007' } as const;
const SETTINGS = {
  ...PLACE,
  address: '000000000161',
  preamble: 0,
  tariffs: 4,
  initialRegisterWh: 260,
  initialExportWh: 0,
};

/** A meter over a fixed supply, driven by whole frames in hex. */
function createRig(change: Partial<typeof SETTINGS> = {}) {
  let supply = { energyWh: 0, powerW: 0, currentsA: [0, 0, 0] as readonly [number, number, number], voltageV: 100.1 };
  let effects: StateEffects = HEALTHY;
  const meter = createMeter(
    { ...SETTINGS, ...change },
    () => supply,
    () => effects,
  );
  return {
    meter,
    say: (frame: string): string | undefined => {
      const reply = meter.raw?.hear(Uint8Array.from(Buffer.from(frame.replaceAll(' ', ''), 'hex')));
      return reply === undefined ? undefined : spaced(reply);
    },
    set: (next: Partial<typeof supply>) => {
      supply = { ...supply, ...next };
      meter.advance();
    },
    suffer: (next: Partial<StateEffects>) => {
      effects = { ...HEALTHY, ...next };
    },
  };
}

function spaced(bytes: Iterable<number>): string {
  return [...bytes].map((byte) => byte.toString(16).toUpperCase().padStart(2, '0')).join(' ');
}

/** A request to the meter 000000000161, built from the clause of the standard: sum of all bytes before it. */
function request(control: number, data: readonly number[], address = [0x61, 0x01, 0, 0, 0, 0]): string {
  const bytes = [0x68, ...address, 0x68, control, data.length, ...data.map((byte) => (byte + 0x33) & 0xff)];
  return spaced([...bytes, bytes.reduce((sum, byte) => sum + byte, 0) & 0xff, 0x16]);
}

/** Control code and data of a reply, with 0x33 taken off the data. */
function open(reply: string | undefined): { control: number; data: number[] } {
  const bytes = (reply ?? '').split(' ').map((byte) => Number.parseInt(byte, 16));
  return { control: bytes[8] ?? -1, data: bytes.slice(10, -2).map((byte) => (byte - 0x33) & 0xff) };
}

/** Value bytes behind an identifier, as hex from high to low. */
function dataValue(rig: ReturnType<typeof createRig>, identifier: readonly number[]): string {
  const { control, data } = open(rig.say(request(0x11, identifier)));
  expect(control).toBe(0x91);
  expect(data.slice(0, 4)).toEqual(identifier);
  return spaced(data.slice(4).reverse());
}

const IMPORT = '68 61 01 00 00 00 00 68 11 04 33 33 34 33 14 16';
const IMPORT_REPLY = '68 61 01 00 00 00 00 68 91 08 33 33 34 33 59 33 33 33 8A 16';

test('HS-01 total import: 26 hundredths of a kWh, byte by byte', () => {
  expect(createRig().say(IMPORT)).toBe(IMPORT_REPLY);
});

test('HS-01 voltage of phase A: 100.1 V, byte by byte', () => {
  expect(createRig().say('68 61 01 00 00 00 00 68 11 04 33 34 34 35 17 16')).toBe(
    '68 61 01 00 00 00 00 68 91 06 33 34 34 35 34 43 10 16',
  );
});

test('HS-01 current of phase A is three bytes of 0.001 A', () => {
  const rig = createRig();
  rig.set({ currentsA: [16.034, 0, 0] });
  const { control, data } = open(rig.say('68 61 01 00 00 00 00 68 11 04 33 34 35 35 18 16'));
  expect(control).toBe(0x91);
  expect(data).toEqual([0x00, 0x01, 0x02, 0x02, 0x34, 0x60, 0x01]);
});

test('HS-01 any meter tells its address to AA AA AA AA AA AA', () => {
  expect(createRig().say('68 AA AA AA AA AA AA 68 13 00 DF 16')).toBe(
    '68 61 01 00 00 00 00 68 93 06 94 34 33 33 33 33 5F 16',
  );
});

test.each([
  ['a wrong checksum', '68 75 67 12 66 88 00 68 11 04 33 33 34 33 C6 16', '008866126775'],
  ['no second 68', '68 61 01 00 00 00 00 69 11 04 33 33 34 33 15 16', '000000000161'],
  ['a length beyond the frame', '68 61 01 00 00 00 00 68 11 05 33 33 34 33 15 16', '000000000161'],
  ['a length short of the frame', '68 61 01 00 00 00 00 68 11 03 33 33 34 33 13 16', '000000000161'],
  ['an end that is not 16', '68 61 01 00 00 00 00 68 11 04 33 33 34 33 14 17', '000000000161'],
  ['an address with a digit A to F', '68 6A 01 00 00 00 00 68 11 04 33 33 34 33 1D 16', '000000000161'],
  ['an address that is not its own', '68 62 01 00 00 00 00 68 11 04 33 33 34 33 15 16', '000000000161'],
  ['a preamble in the middle', '68 61 01 00 00 00 00 FE 68 11 04 33 33 34 33 14 16', '000000000161'],
  ['five preamble bytes', `FE FE FE FE FE ${IMPORT}`, '000000000161'],
  ['bytes after the end', `${IMPORT} 00`, '000000000161'],
  ['a broadcast of the time', '68 99 99 99 99 99 99 68 08 06 33 33 33 33 33 33 A6 16', '000000000161'],
])('HS-01 a meter stays silent to %s', (_name, frame, address) => {
  expect(createRig({ address }).say(frame)).toBeUndefined();
});

test('HS-01 the corrected frame of the published bad one is answered', () => {
  const rig = createRig({ address: '008866126775' });
  expect(rig.say('68 75 67 12 66 88 00 68 11 04 33 33 34 33 8E 16')).toBeDefined();
});

test.each([0, 1, 4])('HS-01 a reply carries %i preamble bytes, a request up to four', (preamble) => {
  const rig = createRig({ preamble });
  const expected = `${'FE '.repeat(preamble)}${IMPORT_REPLY}`;
  expect(rig.say(IMPORT)).toBe(expected);
  expect(rig.say(`FE FE FE FE ${IMPORT}`)).toBe(expected);
});

test('HS-01 combined energy is import and export together, and they are three registers', () => {
  const rig = createRig({ initialRegisterWh: 12_345_670, initialExportWh: 1000 });
  expect(dataValue(rig, [0, 0, 1, 0])).toBe('01 23 45 67');
  expect(dataValue(rig, [0, 0, 2, 0])).toBe('00 00 01 00');
  expect(dataValue(rig, [0, 0, 0, 0])).toBe('01 23 46 67');
});

test('HS-01 the four tariffs add up to the total, and the block holds total and tariffs', () => {
  const rig = createRig({ initialRegisterWh: 10_000 });
  rig.set({ energyWh: 5000 });
  expect([1, 2, 3, 4].map((tariff) => dataValue(rig, [0, tariff, 1, 0]))).toEqual([
    '00 00 01 00',
    '00 00 03 00',
    '00 00 09 00',
    '00 00 02 00',
  ]);
  expect(dataValue(rig, [0, 0xff, 1, 0])).toBe('00 00 02 00 00 00 09 00 00 00 03 00 00 00 01 00 00 00 15 00');
});

test('HS-01 blocks of voltages, currents and powers, and the frequency', () => {
  const rig = createRig();
  rig.set({ voltageV: 231.4, currentsA: [16, 8.5, 0], powerW: 5669.3 });
  expect(dataValue(rig, [0, 0xff, 1, 2])).toBe('23 14 23 14 23 14');
  expect(dataValue(rig, [0, 0xff, 2, 2])).toBe('00 00 00 00 85 00 01 60 00');
  expect(dataValue(rig, [0, 0, 3, 2])).toBe('05 66 93');
  expect(dataValue(rig, [0, 0xff, 3, 2])).toBe('00 00 00 01 96 69 03 70 24 05 66 93');
  expect(dataValue(rig, [2, 0, 0x80, 2])).toBe('50 00');
});

test('HS-01 a negative current or power has its top bit set', () => {
  const rig = createRig();
  rig.set({ currentsA: [-16, 0, 0], powerW: -3700 });
  expect(dataValue(rig, [0, 1, 2, 2])).toBe('81 60 00');
  expect(dataValue(rig, [0, 0, 3, 2])).toBe('83 70 00');
});

test('HS-01 an identifier that it lacks is answered with D1 and error 02', () => {
  expect(createRig().say(request(0x11, [0, 0, 0x15, 0]))).toBe('68 61 01 00 00 00 00 68 D1 01 35 39 16');
  expect(open(createRig().say(request(0x11, [0, 5, 1, 0])))).toEqual({ control: 0xd1, data: [2] });
  expect(open(createRig().say(request(0x14, [0, 0, 1, 0])))).toEqual({ control: 0xd4, data: [4] });
});

test('HS-01 a block longer than a frame comes in numbered parts', () => {
  const rig = createRig({ tariffs: 63, initialRegisterWh: 10_000 });
  const block = [0, 0xff, 1, 0];
  const first = open(rig.say(request(0x11, block)));
  expect(first.control).toBe(0xb1);
  expect(first.data).toHaveLength(4 + 192);
  const second = open(rig.say(request(0x12, [...block, 1])));
  expect(second.control).toBe(0x92);
  expect(second.data.slice(0, 4)).toEqual(block);
  expect(second.data.at(-1)).toBe(1);
  expect(first.data.length - 4 + second.data.length - 5).toBe(64 * 4);
  expect(open(rig.say(request(0x12, [...block, 2])))).toEqual({ control: 0xd2, data: [2] });
  expect(open(rig.say(request(0x12, [0, 0, 1, 0, 1])))).toEqual({ control: 0xd2, data: [2] });
  rig.say(IMPORT);
  expect(open(rig.say(request(0x12, [...block, 1]))).control).toBe(0xd2);
});

test('HS-03 at its end the register wraps to zero', () => {
  const rig = createRig({ initialRegisterWh: 999_999_990 });
  expect(dataValue(rig, [0, 0, 1, 0])).toBe('99 99 99 99');
  rig.set({ energyWh: 20 });
  expect(dataValue(rig, [0, 0, 1, 0])).toBe('00 00 00 01');
});

test('HS-03 a missing count is all FF or an error, and the voltage stays', () => {
  const rig = createRig();
  rig.suffer({ meterMissing: 'marker' });
  expect(dataValue(rig, [0, 0, 1, 0])).toBe('FF FF FF FF');
  rig.suffer({ meterMissing: 'error' });
  expect(open(rig.say(IMPORT))).toEqual({ control: 0xd1, data: [2] });
  expect(dataValue(rig, [0, 1, 1, 2])).toBe('10 01');
});
