import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Exchange, Verdict } from '../../bus/exchange.ts';
import { bytesOf, hexOf } from '../../bus/testing.ts';
import { ANY_ADDRESS, encodeFrame } from './frame.ts';
import { type MeterLine, readAddress, readData, readNumber } from './questions.ts';

const METER = '000000000161';
const line: MeterLine = { address: METER, wakeUpBytes: 0 };
const anyMeter: MeterLine = { address: ANY_ADDRESS, wakeUpBytes: 0 };

const ENERGY_REPLY = '68 61 01 00 00 00 00 68 91 08 33 33 34 33 59 33 33 33 8A 16';
const VOLTAGE_REPLY = '68 61 01 00 00 00 00 68 91 06 33 34 34 35 34 43 10 16';
const askEnergy = (asked = line) => readNumber(asked, '00010000', { digits: 8, signed: false });
const askVoltage = () => readNumber(line, '02010100', { digits: 4, signed: false });

/** What an exchange says of these bytes, all at once. */
function judge<Answer>(exchange: Exchange<Answer>, reply: string | Uint8Array): Verdict<Answer> {
  exchange.begin();
  return exchange.feed(typeof reply === 'string' ? bytesOf(reply) : reply);
}
const reply = (control: number, data: string, address = METER): Uint8Array =>
  encodeFrame({ address, control, data: bytesOf(data) });
/** A frame as it would be sent, with some bytes replaced and its checksum made right again. */
function altered(hex: string, changes: Record<number, number>): Uint8Array {
  const bytes = bytesOf(hex);
  for (const [at, byte] of Object.entries(changes)) bytes[Number(at)] = byte;
  bytes[bytes.length - 2] = bytes.subarray(0, -2).reduce((sum, byte) => (sum + byte) & 0xff, 0);
  return bytes;
}
const answerOf = (answer: unknown) => ({ kind: 'answer', answer });
const broken = (reason: string) => expect.objectContaining({ kind: 'broken', reason });

describe('ED-03 DL/T 645-2007 frames, byte for byte', () => {
  test.each([
    ['import energy', askEnergy(), '68 61 01 00 00 00 00 68 11 04 33 33 34 33 14 16'],
    ['voltage A', askVoltage(), '68 61 01 00 00 00 00 68 11 04 33 34 34 35 17 16'],
    [
      'current A',
      readNumber(line, '02020100', { digits: 6, signed: true }),
      '68 61 01 00 00 00 00 68 11 04 33 34 35 35 18 16',
    ],
    ['the address', readAddress(0), '68 AA AA AA AA AA AA 68 13 00 DF 16'],
    ['with wake-up bytes', readAddress(4), 'FE FE FE FE 68 AA AA AA AA AA AA 68 13 00 DF 16'],
  ])('the question for %s', (_name, exchange, hex) => {
    expect(hexOf(exchange.begin())).toBe(hexOf(bytesOf(hex)));
  });

  test('000000.26 kWh, and 100.1 V', () => {
    expect(judge(askEnergy(), ENERGY_REPLY)).toEqual(answerOf(26));
    expect(judge(askVoltage(), VOLTAGE_REPLY)).toEqual(answerOf(1001));
  });

  test.each([0, 1, 2, 3, 4])('%i wake-up bytes before the reply', (count) => {
    expect(judge(askEnergy(), 'FE '.repeat(count) + ENERGY_REPLY)).toEqual(answerOf(26));
  });

  test('a sign in the top bit, and digits beyond it', () => {
    const askPower = () => readNumber(line, '02030000', { digits: 6, signed: true });
    expect(judge(askPower(), reply(0x91, '00 00 03 02 50 34 12'))).toEqual(answerOf(123_450));
    expect(judge(askPower(), reply(0x91, '00 00 03 02 50 34 92'))).toEqual(answerOf(-123_450));
    expect(judge(askPower(), reply(0x91, '00 00 03 02 00 00 80'))).toEqual(answerOf(0));
  });

  test('FF in every byte is no value; in some of them it is no number', () => {
    expect(judge(askEnergy(), reply(0x91, '00 00 01 00 FF FF FF FF'))).toEqual(answerOf(null));
    expect(judge(askEnergy(), reply(0x91, '00 00 01 00 26 FF FF FF'))).toEqual(broken('mismatch'));
  });

  test('the address of the only meter, and no other than it says itself', () => {
    expect(judge(readAddress(4), reply(0x93, '61 01 00 00 00 00'))).toEqual(answerOf(METER));
    expect(judge(readAddress(4), reply(0x93, '62 01 00 00 00 00'))).toEqual(broken('mismatch'));
    expect(judge(readAddress(4), reply(0x93, '61 01 00 00 00'))).toEqual(broken('mismatch'));
  });

  test('asked by wildcard, any meter may answer', () => {
    expect(judge(askEnergy(anyMeter), ENERGY_REPLY)).toEqual(answerOf(26));
  });
});

describe('ED-03 what is not the reply is refused', () => {
  test.each<[string, Uint8Array, string]>([
    ['wrong checksum', bytesOf(ENERGY_REPLY.replace('8A 16', '8B 16')), 'crc'],
    ['no second 68', altered(ENERGY_REPLY, { 7: 0x69 }), 'mismatch'],
    ['an end that is not 16', bytesOf(ENERGY_REPLY.replace('8A 16', '8A 17')), 'mismatch'],
    ['more data announced than asked for', altered(ENERGY_REPLY, { 9: 0x09 }), 'mismatch'],
    ['less data than asked for', altered(ENERGY_REPLY, { 9: 0x07 }), 'mismatch'],
    ['a digit A', altered(ENERGY_REPLY, { 14: 0x33 + 0x2a }), 'mismatch'],
    ['a digit F in the high half', altered(ENERGY_REPLY, { 17: 0x33 + 0xf0 - 0x100 }), 'mismatch'],
    ['another meter', reply(0x91, '00 00 01 00 26 00 00 00', '000000000162'), 'mismatch'],
    ['an address that is not decimal', altered(ENERGY_REPLY, { 3: 0x0a }), 'mismatch'],
    ['another identifier', reply(0x91, '00 00 02 00 26 00 00 00'), 'mismatch'],
    ['the combined total', reply(0x91, '00 00 00 00 26 00 00 00'), 'mismatch'],
    ['FE between address bytes', bytesOf(ENERGY_REPLY.replace('68 61 01', '68 61 FE 01')), 'mismatch'],
    ['FE after the length', bytesOf(ENERGY_REPLY.replace('91 08 33', '91 08 FE 33')), 'crc'],
    ['five wake-up bytes', bytesOf(`FE FE FE FE FE ${ENERGY_REPLY}`), 'mismatch'],
    ['noise before the frame', bytesOf(`00 ${ENERGY_REPLY}`), 'mismatch'],
    ['the question itself, echoed', askEnergy().begin(), 'mismatch'],
    ['a reply to another question', reply(0x93, '61 01 00 00 00 00'), 'mismatch'],
    ['a reply that is to be continued, where one is enough', reply(0xb1, '00 00 01 00 26 00 00 00'), 'mismatch'],
    ['an error that says more than its code', reply(0xd1, '02 00'), 'mismatch'],
  ])('%s', (_name, bytes, reason) => {
    expect(judge(askEnergy(), bytes)).toEqual(broken(reason));
  });

  test('the published frame with a wrong checksum is refused, and right with 8E', () => {
    const published = (sum: string) => bytesOf(`68 75 67 12 66 88 00 68 11 04 33 33 34 33 ${sum} 16`);
    const question = readNumber({ address: '008866126775', wakeUpBytes: 0 }, '00010000', { digits: 8, signed: false });
    expect(hexOf(question.begin())).toBe(hexOf(published('8E')));
    expect(hexOf(question.begin())).not.toBe(hexOf(published('C6')));
    const answer = altered('68 75 67 12 66 88 00 68 91 08 33 33 34 33 33 33 33 33 00 16', {});
    expect(judge(question, Uint8Array.of(...answer.subarray(0, -2), 0xf5, 0x16))).toEqual(broken('crc'));
  });

  test('a reply cut short is waited for, not taken', () => {
    for (let length = 0; length < bytesOf(ENERGY_REPLY).length; length += 1)
      expect(judge(askEnergy(), bytesOf(ENERGY_REPLY).subarray(0, length))).toEqual({ kind: 'more' });
  });

  test('D1 is the meter saying no, with its error byte', () => {
    expect(judge(askEnergy(), reply(0xd1, '02'))).toMatchObject({ kind: 'refused', code: 2 });
    expect(judge(askEnergy(), bytesOf('68 61 01 00 00 00 00 68 D1 01 35 D2 16'))).toEqual(broken('crc'));
  });
});

describe('ED-03 data in several frames', () => {
  const data = (first: string, ...rest: string[]) => [first, ...rest].map((part) => `00 FF 01 00 ${part}`);
  const answers = (
    exchange: Exchange<Uint8Array>,
    replies: Uint8Array[],
  ): { sent: string[]; last: Verdict<Uint8Array> } => {
    const sent = [hexOf(exchange.begin())];
    let last: Verdict<Uint8Array> = { kind: 'more' };
    for (const bytes of replies) {
      last = exchange.feed(bytes);
      if (last.kind !== 'next') break;
      sent.push(hexOf(last.send));
    }
    return { sent, last };
  };
  const [first = '', second = '', third = ''] = data('11 22', '33 44 01', '55 02');

  test('are asked for one by one by number, and put together', () => {
    const { sent, last } = answers(readData(line, '0001FF00', null), [
      reply(0xb1, first),
      reply(0xb2, second),
      reply(0x92, third),
    ]);
    const followUp = (n: number) =>
      hexOf(encodeFrame({ address: METER, control: 0x12, data: bytesOf(`00 FF 01 00 0${n}`) }));
    expect(sent.slice(1)).toEqual([followUp(1), followUp(2)]);
    expect(last).toEqual(answerOf(bytesOf('11 22 33 44 55')));
  });

  test.each<[string, Uint8Array]>([
    ['a frame that was not asked for', reply(0x92, third)],
    ['the first one again', reply(0xb1, first)],
    ['the data of another identifier', reply(0x92, '00 FF 02 00 33 44 01')],
    ['a frame without data', reply(0x92, '00 FF 01 00 01')],
  ])('%s is refused', (_name, bytes) => {
    expect(answers(readData(line, '0001FF00', null), [reply(0xb1, first), bytes]).last).toEqual(broken('mismatch'));
  });

  test('a meter that says no in between has not answered', () => {
    const { last } = answers(readData(line, '0001FF00', null), [reply(0xb1, first), reply(0xd2, '01')]);
    expect(last).toMatchObject({ kind: 'refused', code: 1 });
  });

  test('a meter that never comes to an end is given up after nine more frames', () => {
    const endless = Array.from({ length: 20 }, (_, n) => reply(0xb2, `00 FF 01 00 77 ${`0${n + 1}`.slice(-2)}`));
    const { sent, last } = answers(readData(line, '0001FF00', null), [reply(0xb1, first), ...endless]);
    expect(sent).toHaveLength(10);
    expect(last).toEqual(broken('mismatch'));
  });
});

describe('ED-03 whatever comes, a wrong number is never told', () => {
  const good = bytesOf(`FE FE ${ENERGY_REPLY}`);
  /** Feeds pieces until the exchange has made up its mind. */
  const feedAll = (pieces: readonly Uint8Array[]): Verdict<number | null> => {
    const exchange = askEnergy();
    exchange.begin();
    let verdict: Verdict<number | null> = { kind: 'more' };
    for (const piece of pieces) {
      verdict = exchange.feed(piece);
      if (verdict.kind !== 'more') break;
    }
    return verdict;
  };

  test('cut at any two places, byte by byte, the answer is the same', () => {
    for (let a = 0; a <= good.length; a += 1)
      for (let b = a; b <= good.length; b += 1)
        expect(feedAll([good.subarray(0, a), good.subarray(a, b), good.subarray(b)])).toEqual(answerOf(26));
    expect(feedAll([...good].map((byte) => Uint8Array.of(byte)))).toEqual(answerOf(26));
  });

  test('any one byte changed to any other is noticed', () => {
    for (let at = 2; at < good.length; at += 1)
      for (let byte = 0; byte < 256; byte += 1) {
        const damaged = Uint8Array.from(good);
        damaged[at] = byte;
        const verdict = feedAll([damaged]);
        // An error code needs a length of its own: no single byte turns a value into a refusal.
        if (byte === good[at]) expect(verdict).toEqual(answerOf(26));
        else expect(['broken', 'more']).toContain(verdict.kind);
      }
  });

  test('damage, loss, repetition and noise: the right answer or none', () => {
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 24 }),
      fc.constant(good),
      fc.nat({ max: good.length }).map((length) => good.subarray(0, length)),
      fc.nat({ max: good.length }).map((from) => good.subarray(from)),
      fc.tuple(fc.nat({ max: good.length - 1 }), fc.nat({ max: 7 })).map(([at, bit]) => {
        const damaged = Uint8Array.from(good);
        damaged[at] = (damaged[at] ?? 0) ^ (1 << bit);
        return damaged;
      }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 6 }), (pieces) => {
        const verdict = feedAll(pieces);
        if (verdict.kind === 'answer') expect(verdict.answer).toBe(26);
        else expect(['broken', 'more']).toContain(verdict.kind);
      }),
      { numRuns: 3000 },
    );
  });
});
