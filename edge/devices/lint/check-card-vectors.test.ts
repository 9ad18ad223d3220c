import { join } from 'node:path';
import { expect, test } from 'vitest';
import { isPilegateError } from '#shared/errors.ts';
import { loadProfile } from '../load-profiles.ts';
import { type Json, packagedProfile, profileFolder, withValue } from '../profile/testing.ts';
import { lintProfile } from './lint-profiles.ts';

/** What linter and schema say about a packaged profile with one value changed: "path: reason". */
function said(profileId: string, path: string, value: unknown): string[] {
  const changed: Json = withValue(packagedProfile(profileId), path, value);
  const folder = profileFolder({ [`${profileId}.json`]: JSON.stringify(changed) });
  try {
    return lintProfile(loadProfile(join(folder, `${profileId}.json`))).map((one) => `${one.path}: ${one.reason}`);
  } catch (error) {
    if (!isPilegateError(error)) throw error;
    return error.complaints.map((one) => `${one.path}: ${one.reason}`);
  }
}

test.each<[string, string, string, unknown, string]>([
  [
    'a frame that tells another card',
    'hex-line',
    'vectors.0.card',
    'D4CD7651',
    'vectors.0.card: reads "D4CD7650", expected "D4CD7651"',
  ],
  [
    'bytes the other way round',
    'hex-line',
    'byteOrder',
    'last-byte-first',
    'vectors.0.card: reads "5076CDD4", expected "D4CD7650"',
  ],
  [
    'a checksum that is not there',
    'em4100-stx-etx',
    'frame.checksum',
    'none',
    'vectors.0.card: reads null, expected "62E3086CED"',
  ],
  [
    'a length that no frame shows',
    'em4100-stx-etx',
    'frame.digits',
    [10, 12],
    'frame.digits: no vector shows a number of 12 digits',
  ],
  [
    'a mark that could be a digit',
    'em4100-stx-etx',
    'frame.start',
    '41',
    'frame.start: a mark is no hexadecimal digit',
  ],
  ['no end mark', 'hex-line', 'frame.end', '', 'frame.end: '],
  ['no vector at all', 'hex-line', 'vectors', [], 'vectors: '],
  ['a gateway in between', 'hex-line', 'transports', ['rtu-over-tcp'], 'transports.0: '],
])('ED-02 ED-10 of a card reader: %s is found with its place', (_name, profileId, path, value, expected) => {
  expect(said(profileId, path, value).some((line) => line.startsWith(expected))).toBe(true);
});

test.each<[string, string, unknown, string]>([
  ['one that is polled and recorded', 'points.card.read', 'poll', 'measures.card.point: "card" is about a person'],
  ['one that is not there', 'measures.card.point', 'rfid', 'measures.card.point: no point is named "rfid"'],
  ['a register of 16 bits', 'points.card.type', 'u16', 'measures.card.point: "card" is neither a text nor a u32'],
  ['another register read as cards are', 'points.power.read', 'cards', 'points.power.read: only the card is read so'],
  ['one at another address', 'points.card.address', 1502, 'vectors.'],
])('XC-10 ED-02 of the card register of a pile: %s is found with its place', (_name, path, value, expected) => {
  expect(said('keba-p30', path, value).some((line) => line.startsWith(expected))).toBe(true);
});

test('ED-02 the card register of a pile needs a vector as every other', () => {
  const vectors = (packagedProfile('keba-p30').vectors as Json[]).filter(({ name }) => !/card/.test(String(name)));
  expect(said('keba-p30', 'vectors', vectors)).toEqual(['points.card: no vector reads it']);
});
