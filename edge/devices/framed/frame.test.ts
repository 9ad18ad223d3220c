import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Exchange, LineJob, LinePort, Verdict } from '../../bus/exchange.ts';
import { bytesOf, hexOf } from '../../bus/testing.ts';
import { loadProfiles, packagedProfiles } from '../load-profiles.ts';
import { decodeReply, encodeRequest } from './frame.ts';
import type { DeviceFraming } from './framing-schema.ts';
import { ParkingDevice, readingOf } from './parking-device.ts';
import type { ParkingProfile } from './parking-profile.ts';

const profiles = loadProfiles(packagedProfiles);
function profileOf(id: string): ParkingProfile {
  const profile = profiles.get(id);
  if (profile?.kind !== 'parking-device') throw new Error(`no profile ${id}`);
  return profile;
}

/** Takes the job instead of a line, so that its exchange can be looked at. */
class JobCatcher implements LinePort {
  job: LineJob<unknown> | null = null;
  ask<Answer>(job: LineJob<Answer>): Promise<Answer> {
    this.job = job;
    return new Promise(() => {});
  }
}
type Question = 'read' | 'raise' | 'lower';
function jobOf(profileId: string, address: number, question: Question): LineJob<unknown> {
  const line = new JobCatcher();
  const device = new ParkingDevice(address, profileOf(profileId), line);
  void (question === 'read' ? device.read() : device.move(question, () => false));
  if (line.job === null) throw new Error('nothing was asked');
  return line.job;
}
function judge(exchange: Exchange<unknown>, ...pieces: Uint8Array[]): Verdict<unknown> {
  exchange.begin();
  let verdict: Verdict<unknown> = { kind: 'more' };
  for (const piece of pieces) {
    verdict = exchange.feed(piece);
    if (verdict.kind !== 'more') break;
  }
  return verdict;
}

const lock = (position: string, bay: string, batteryPercent: number, alarm = 'none') => ({
  position,
  bay,
  batteryPercent,
  alarm,
});
const barrier = (position: string, bay: string, alarm = 'none') => ({ position, bay, alarm, batteryPercent: null });
const refused = (code: number) => ({ refused: code });

/** Profile, address, question, its bytes, the reply's bytes, and what the reply says. */
const exchanges: [string, number, Question, string, string, unknown][] = [
  ['bus-lock', 0x07, 'read', '55 AA 02 07 01 04', 'AA 55 06 07 81 FF 00 50 00 2F', lock('down', 'empty', 80)],
  ['bus-lock', 0x07, 'read', '55 AA 02 07 01 04', 'AA 55 06 07 81 55 00 50 00 85', lock('up', 'empty', 80)],
  ['bus-lock', 0x07, 'read', '55 AA 02 07 01 04', 'AA 55 06 07 81 00 FF 4F 55 65', lock('moving', 'car', 79, 'jammed')],
  ['bus-lock', 0x07, 'read', '55 AA 02 07 01 04', 'AA 55 06 07 81 55 00 50 FF 7A', lock('up', 'empty', 80, 'damaged')],
  ['bus-lock', 0x07, 'raise', '55 AA 03 07 02 55 53', 'AA 55 03 07 82 01 87', undefined],
  ['bus-lock', 0x07, 'lower', '55 AA 03 07 02 FF F9', 'AA 55 03 07 82 01 87', undefined],
  ['bus-lock', 0x07, 'raise', '55 AA 03 07 02 55 53', 'AA 55 03 07 82 00 86', refused(0)],
  ['bus-lock', 0x07, 'raise', '55 AA 03 07 02 55 53', 'AA 55 04 07 CF 02 02 CC', refused(2)],
  ['bus-barrier', 0x03, 'read', '7E 03 10 00 13', '7E 03 90 03 00 00 00 96', barrier('down', 'empty')],
  ['bus-barrier', 0x03, 'read', '7E 03 10 00 13', '7E 03 90 03 01 00 00 97', barrier('moving', 'empty')],
  ['bus-barrier', 0x03, 'read', '7E 03 10 00 13', '7E 03 90 03 02 01 00 99', barrier('up', 'car')],
  ['bus-barrier', 0x03, 'read', '7E 03 10 00 13', '7E 03 90 03 04 00 01 9B', barrier('moving', 'empty', 'jammed')],
  ['bus-barrier', 0x03, 'read', '7E 03 10 00 13', '7E 03 90 03 02 00 02 9A', barrier('up', 'empty', 'damaged')],
  ['bus-barrier', 0x03, 'raise', '7E 03 11 00 14', '7E 03 91 01 00 95', undefined],
  ['bus-barrier', 0x03, 'lower', '7E 03 12 00 15', '7E 03 92 01 00 96', undefined],
  ['bus-barrier', 0x03, 'lower', '7E 03 12 00 15', '7E 03 92 01 01 97', refused(1)],
  ['bus-barrier', 0x03, 'lower', '7E 03 12 00 15', '7E 03 EE 01 12 04', refused(0xee)],
  ['bus-barrier', 0xf0, 'read', '7E F0 10 00 00', '7E F0 90 03 02 01 00 86', barrier('up', 'car')],
];

describe('ED-03 ground lock and barrier, byte for byte', () => {
  test.each(exchanges)('%s %s %s: %s → %s', (profileId, address, question, request, reply, told) => {
    const { exchange, answerBytes, device } = jobOf(profileId, address, question);
    expect(hexOf(exchange.begin())).toBe(hexOf(bytesOf(request)));
    expect(device).toBe(`${profileOf(profileId).device}:${address}`);
    const verdict = exchange.feed(bytesOf(reply));
    const code = (told as { refused?: number } | undefined)?.refused;
    if (code !== undefined) return expect(verdict).toMatchObject({ kind: 'refused', code });
    expect(verdict).toEqual({ kind: 'answer', answer: told });
    expect(answerBytes).toBe(bytesOf(reply).length);
  });

  test.each(exchanges)(
    '%s %s %s: the reply %s %s cut anywhere is waited for and then taken',
    (id, address, question, _, reply) => {
      const bytes = bytesOf(reply);
      const whole = judge(jobOf(id, address, question).exchange, bytes);
      for (let at = 0; at < bytes.length; at += 1) {
        expect(judge(jobOf(id, address, question).exchange, bytes.subarray(0, at))).toEqual({ kind: 'more' });
        expect(judge(jobOf(id, address, question).exchange, bytes.subarray(0, at), bytes.subarray(at))).toEqual(whole);
      }
    },
  );

  test('a code that the profile does not know is unknown, and a battery above its range is none', () => {
    const reply = bytesOf('AA 55 06 07 81 56 01 65 54 00');
    reply[9] = reply.subarray(2, 9).reduce((xor, byte) => xor ^ byte, 0);
    expect(judge(jobOf('bus-lock', 0x07, 'read').exchange, reply)).toEqual({
      kind: 'answer',
      answer: { position: 'unknown', bay: 'unknown', alarm: 'unknown', batteryPercent: null },
    });
  });
});

test('ED-03 a number may be decimal digits, of two bytes, low byte first', () => {
  const profile = structuredClone(profileOf('bus-lock'));
  const battery = { offset: 2, bytes: 2, type: 'bcd', order: 'low-first', unit: 'percent', max: 100 } as const;
  profile.query.reply.battery = battery;
  const percent = (hex: string) => readingOf(profile, bytesOf(`FF 00 ${hex}`)).batteryPercent;
  expect([percent('80 00'), percent('00 01'), percent('00 80'), percent('8A 00')]).toEqual([80, 100, null, null]);
  profile.query.reply.battery = { ...battery, type: 'uint', order: 'high-first' };
  expect([percent('00 50'), percent('50 00')]).toEqual([80, null]);
});

describe('ED-03 what is not the reply is refused', () => {
  test.each<[string, string, Question, string, string]>([
    ['another lock', 'bus-lock', 'read', 'AA 55 06 08 81 FF 00 50 00 20', 'mismatch'],
    ['the question, echoed', 'bus-lock', 'read', '55 AA 02 07 01 04', 'mismatch'],
    ['wrong length', 'bus-lock', 'read', 'AA 55 05 07 81 FF 00 50 00 2C', 'mismatch'],
    ['the reply to a move', 'bus-lock', 'read', 'AA 55 03 07 82 01 87', 'mismatch'],
    ['noise before the frame', 'bus-lock', 'read', '00 AA 55 06 07 81 FF 00 50 00 2F', 'mismatch'],
    ['wrong checksum', 'bus-lock', 'read', 'AA 55 06 07 81 FF 00 50 00 2E', 'crc'],
    ['a result without a meaning', 'bus-lock', 'raise', 'AA 55 03 07 82 02 84', 'mismatch'],
    ['a refusal of another command', 'bus-lock', 'raise', 'AA 55 04 07 CF 09 01 C4', 'mismatch'],
    ['wrong sum', 'bus-barrier', 'read', '7E 03 90 03 00 00 00 97', 'crc'],
    ['wrong length of a barrier', 'bus-barrier', 'read', '7E 03 90 02 00 00 95', 'mismatch'],
  ])('%s', (_name, profileId, question, reply, reason) => {
    const address = profileId === 'bus-lock' ? 0x07 : 0x03;
    const verdict = judge(jobOf(profileId, address, question).exchange, bytesOf(reply));
    expect(verdict).toMatchObject({ kind: 'broken', reason });
  });

  test('any one byte changed is noticed', () => {
    for (const [id, address, question, , reply] of exchanges)
      for (const [at, right] of bytesOf(reply).entries())
        for (let byte = 0; byte < 256; byte += 1) {
          if (byte === right) continue;
          const damaged = bytesOf(reply);
          damaged[at] = byte;
          const { kind } = judge(jobOf(id, address, question).exchange, damaged);
          expect(['broken', 'more']).toContain(kind);
        }
  });

  test('whatever comes in whatever pieces, only a frame that is right in itself is an answer', () => {
    const good = bytesOf('AA 55 06 07 81 FF 00 50 00 2F');
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 12 }),
      fc.constant(good),
      fc.nat({ max: good.length }).map((length) => good.subarray(0, length)),
      fc.nat({ max: good.length }).map((from) => good.subarray(from)),
    );
    const isRight = (bytes: Uint8Array): boolean =>
      hexOf(bytes.subarray(0, 5)) === 'aa55060781' &&
      bytes.subarray(2, 10).reduce((xor, byte) => xor ^ byte, 0) === 0 &&
      bytes.length >= 10;
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 5 }), (pieces) => {
        const { kind } = judge(jobOf('bus-lock', 0x07, 'read').exchange, ...pieces);
        expect(kind === 'answer').toBe(isRight(Uint8Array.from(pieces.flatMap((bytes) => [...bytes]))));
      }),
      { numRuns: 2000 },
    );
  });
});

describe('ED-03 the format holds other small protocols', () => {
  /** Length and CRC as in the frames 61 to 63 of the YKC platform protocol; the address is the gun. */
  const ykc: DeviceFraming = {
    layout: ['start', 'length', 'sequence', 'plain', 'command', 'pile', 'address', 'payload', 'checksum'],
    constants: {
      start: { request: '68', reply: '68' },
      sequence: { request: '00 01', reply: '00 01' },
      plain: { request: '00', reply: '00' },
      pile: { request: '32 01 02 00 00 00 01', reply: '32 01 02 00 00 00 01' },
    },
    address: { bytes: 1, first: 1, last: 99 },
    length: { bytes: 1, order: 'high-first', counts: ['sequence', 'plain', 'command', 'pile', 'address', 'payload'] },
    checksum: { kind: 'crc16-modbus', covers: ['sequence', 'plain', 'command', 'pile', 'address', 'payload'] },
  };
  const gun = 1;

  test('YKC 62: raise', () => {
    const frame = encodeRequest(ykc, gun, { command: 0x62, payload: bytesOf('55 00 00 00 00') });
    expect(hexOf(frame)).toBe(hexOf(bytesOf('68 11 00 01 00 62 32 01 02 00 00 00 01 01 55 00 00 00 00 7F 96')));
  });

  test('YKC 61: up, bay empty, 80 %', () => {
    const bytes = bytesOf('68 14 00 01 00 61 32 01 02 00 00 00 01 01 55 00 50 00 00 00 00 00 A2 D8');
    const sizeOf = (command: number) => (command === 0x61 ? 8 : null);
    expect(decodeReply(ykc, gun, bytes, sizeOf)).toEqual({
      kind: 'answer',
      answer: { command: 0x61, payload: bytesOf('55 00 50 00 00 00 00 00') },
    });
    expect(decodeReply(ykc, gun, bytes, () => null)).toMatchObject({ reason: 'mismatch', detail: 'command 61' });
    bytes[16] = 0x51;
    expect(decodeReply(ykc, gun, bytes, sizeOf)).toMatchObject({ kind: 'broken', reason: 'crc' });
  });

  test('a long length, low byte first, and an end mark', () => {
    const framing: DeviceFraming = {
      layout: ['start', 'address', 'again', 'command', 'length', 'payload', 'checksum', 'end'],
      constants: {
        start: { request: '68', reply: '68' },
        again: { request: '68', reply: '68' },
        end: { request: '16', reply: '16' },
      },
      address: { bytes: 2, first: 0, last: 0x9999 },
      length: { bytes: 2, order: 'low-first', counts: ['payload'] },
      checksum: { kind: 'sum8', covers: ['start', 'address', 'again', 'command', 'length', 'payload'] },
    };
    const frame = encodeRequest(framing, 0x6101, { command: 0x91, payload: bytesOf('26') });
    expect(hexOf(frame)).toBe(hexOf(bytesOf('68 61 01 68 91 01 00 26 EA 16')));
    expect(decodeReply(framing, 0x6101, frame, () => 1)).toMatchObject({ kind: 'answer' });
    expect(decodeReply(framing, 0x6101, Uint8Array.of(...frame.subarray(0, -1), 0x17), () => 1)).toMatchObject({
      kind: 'broken',
      reason: 'mismatch',
    });
  });
});
