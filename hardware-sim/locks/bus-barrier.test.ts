import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createLockRig } from './lock-rig.ts';

const QUERY = '7E 03 10 00 13';
const OPEN = '7E 03 11 00 14';
const CLOSE = '7E 03 12 00 15';
const OPEN_FREE = '7E 03 90 03 02 00 00 98';

function openBarrier() {
  const rig = createLockRig('bus-barrier', 3);
  expect(rig.say(OPEN)).toBe('7E 03 91 01 00 95');
  rig.passMs(3000);
  expect(rig.say(QUERY)).toBe(OPEN_FREE);
  return rig;
}

test('HS-01 the barrier answers the frames of its sheet byte by byte', () => {
  const rig = createLockRig('bus-barrier', 3);
  expect(rig.say(QUERY)).toBe('7E 03 90 03 00 00 00 96');
  rig.say(OPEN);
  rig.passMs(500);
  expect(rig.say(QUERY)).toBe('7E 03 90 03 01 00 00 97');
  rig.passMs(2500);
  rig.lock.setOccupied(true);
  expect(rig.say(QUERY)).toBe('7E 03 90 03 02 01 00 99');
  expect(rig.say(CLOSE)).toBe('7E 03 92 01 01 97');
  rig.lock.setOccupied(false);
  expect(rig.say(CLOSE)).toBe('7E 03 92 01 00 96');
  rig.passMs(500);
  expect(rig.say(QUERY)).toBe('7E 03 90 03 03 00 00 99');
  expect(rig.say('7E 03 55 00 58')).toBe('7E 03 EE 01 55 47');
});

test('HS-01 the sum wraps at 256', () => {
  const rig = createLockRig('bus-barrier', 0xf0);
  rig.say('7E F0 11 00 01');
  rig.passMs(3000);
  rig.lock.setOccupied(true);
  expect(rig.say('7E F0 10 00 00')).toBe('7E F0 90 03 02 01 00 86');
});

test('HS-01 every request of the sheet is one that the barrier knows', () => {
  const sheet = readFileSync(join(import.meta.dirname, 'README.md'), 'utf8');
  const examples = [...sheet.matchAll(/`(7E 03 [0-9A-F ]+)` \| `(7E 03 [0-9A-F ]+)`/g)];
  expect(examples.length).toBe(9);
  for (const [, request = ''] of examples) expect(createLockRig('bus-barrier', 3).say(request)).toMatch(/^7E 03 /);
});

test.each([
  ['a wrong sum', '7E 03 10 00 14'],
  ['another address', '7E 04 10 00 14'],
  ['a length that does not fit', '7E 03 10 01 14'],
  ['another header', '7F 03 10 00 13'],
])('HS-01 the barrier stays silent to %s', (_name, frame) => {
  expect(createLockRig('bus-barrier', 3).say(frame)).toBeUndefined();
});

test('HS-02 a vehicle that comes below a closing boom makes it open again', () => {
  const rig = openBarrier();
  rig.say(CLOSE);
  rig.passMs(1500);
  rig.lock.setOccupied(true);
  rig.passMs(1500);
  expect(rig.say(QUERY)).toBe('7E 03 90 03 02 01 00 99');
  expect(rig.lock.truth().commands).toHaveLength(2);
});

test('HS-03 a jammed boom stands between and says so after 6 s', () => {
  const rig = openBarrier();
  rig.say(CLOSE);
  rig.passMs(1000);
  rig.suffer({ lockJammed: 'locked' });
  rig.passMs(4900);
  expect(rig.say(QUERY)).toBe('7E 03 90 03 03 00 00 99');
  rig.passMs(100);
  expect(rig.say(QUERY)).toBe('7E 03 90 03 04 00 01 9B');
});

test('HS-03 a broken boom takes no command', () => {
  const rig = openBarrier();
  rig.suffer({ armDamaged: true });
  rig.passMs(50);
  expect(rig.say(QUERY)).toBe('7E 03 90 03 02 00 02 9A');
  expect(rig.say(CLOSE)).toBe('7E 03 92 01 02 98');
});
