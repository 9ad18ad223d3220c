import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hexBytes } from '../framed/framing-schema.ts';
import { loadProfiles, packagedProfiles } from '../load-profiles.ts';
import { CardFrames } from './card-frames.ts';
import type { CardReaderProfile } from './card-reader-profile.ts';

const profiles = loadProfiles(packagedProfiles);
const profileOf = (name: string): CardReaderProfile => {
  const profile = profiles.get(name);
  if (profile?.kind !== 'card-reader') throw new Error(`no profile ${name}`);
  return profile;
};
/** A frame of the module that sends STX, ten digits, checksum and ETX, as its data sheet has it. */
const TAG = '62E3086CED';
const TAG_FRAME = hexBytes('02 36 32 45 33 30 38 36 43 45 44 30 38 03');
const line = (text: string): Uint8Array => Buffer.from(`${text}\r\n`);
const module125 = () => new CardFrames(profileOf('em4100-stx-etx'));
const lineReader = (openedMonoMs = 0) => {
  const frames = new CardFrames(profileOf('hex-line'));
  frames.opened(openedMonoMs);
  return frames;
};

describe.each(['em4100-stx-etx', 'em4100-stx-crlf-etx', 'hex-line'])('ED-10 frames of %s', (name) => {
  const cards = profileOf(name).vectors.flatMap(({ bytes, card }) => (card === null ? [] : [{ bytes, card }]));

  test('are understood in any pieces', () => {
    for (const { bytes, card } of cards) {
      const frames = new CardFrames(profileOf(name));
      const told = [...hexBytes(bytes)].flatMap((byte, i) => frames.push(Uint8Array.of(byte), i));
      expect(told).toEqual([card]);
    }
  });

  test('follow one another quickly, and each tells its card', () => {
    const frames = new CardFrames(profileOf(name));
    const all = cards.flatMap(({ bytes }) => [...hexBytes(bytes)]);
    expect(frames.push(Uint8Array.from([...all, ...all]), 5)).toEqual([...cards, ...cards].map(({ card }) => card));
    expect(frames.broken).toBe(0);
  });
});

test('ED-10 a frame with a start mark is found between noise, and one bit wrong in it tells no card', () => {
  const frames = module125();
  const noise = hexBytes('FF 00 41 42 02 7F 03');
  expect(frames.push(Uint8Array.of(...noise, ...TAG_FRAME, ...noise), 0)).toEqual([TAG]);
  for (let i = 1; i < TAG_FRAME.length - 1; i += 1) {
    const hurt = Uint8Array.from(TAG_FRAME, (byte, at) => (at === i ? byte ^ 0x01 : byte));
    expect(module125().push(hurt, 0)).toEqual([]);
  }
});

test('ED-10 a frame that is cut tells nothing, and the next one its card', () => {
  const frames = module125();
  expect(frames.push(TAG_FRAME.slice(0, 9), 0)).toEqual([]);
  expect(frames.push(TAG_FRAME, 10)).toEqual([TAG]);
  expect(frames.push(TAG_FRAME.slice(0, 9), 1000)).toEqual([]);
  expect(frames.push(TAG_FRAME.slice(9), 1101)).toEqual([]);
  expect(frames.push(TAG_FRAME, 1110)).toEqual([TAG]);
  expect(frames.broken).toBe(2);
});

describe('ED-10 a line without a start mark', () => {
  const number = '04A1B2C3D4E5F6';
  const cut = line(number.slice(6));

  test('is not believed from its middle on, when the reader has just been opened', () => {
    const frames = lineReader();
    expect(frames.push(cut, 20)).toEqual([]);
    expect(frames.push(line(number), 30)).toEqual([number]);
  });

  test('is believed after a pause', () => {
    expect(lineReader().push(line(number), 101)).toEqual([number]);
  });

  test('that was broken by noise is left to its end', () => {
    const frames = lineReader();
    expect(frames.push(Buffer.concat([Buffer.from('04A1B2?'), line('C3D4E5F6')]), 200)).toEqual([]);
    expect(frames.push(line('D4CD7650'), 210)).toEqual(['D4CD7650']);
    expect(frames.broken).toBe(1);
  });

  test('that is too long, or of a length that no card has, is none', () => {
    const frames = lineReader();
    expect(frames.push(line('0'.repeat(22)), 200)).toEqual([]);
    expect(frames.push(line('0'.repeat(10)), 210)).toEqual([]);
    expect(frames.push(line('D4CD7650'), 220)).toEqual(['D4CD7650']);
  });

  test('that ends twice tells its card once', () => {
    expect(lineReader().push(Buffer.concat([line('D4CD7650'), line('')]), 200)).toEqual(['D4CD7650']);
  });
});

test('ED-10 a reader that sends the last byte first tells the same card as the others', () => {
  const frames = new CardFrames({ ...profileOf('hex-line'), byteOrder: 'last-byte-first' });
  expect(frames.push(line('5076CDD4'), 200)).toEqual(['D4CD7650']);
});

test('ED-10 whatever comes, nothing is told that was not sent with its checksum', () => {
  const junk = fc.uint8Array({ maxLength: 40 });
  fc.assert(
    fc.property(fc.array(fc.oneof(junk, fc.constant(TAG_FRAME)), { maxLength: 8 }), (parts) => {
      const frames = module125();
      const told = parts.flatMap((part, i) => frames.push(part, i * 300));
      const whole = parts.filter((part) => part === TAG_FRAME).length;
      expect(told.filter((card) => card === TAG).length).toBe(whole);
      expect(new Set(told).size).toBeLessThanOrEqual(1);
    }),
    { numRuns: 500 },
  );
});
