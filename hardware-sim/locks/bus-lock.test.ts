import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createLockRig } from './lock-rig.ts';

const QUERY = '55 AA 02 07 01 04';
const RAISE = '55 AA 03 07 02 55 53';
const LOWER = '55 AA 03 07 02 FF F9';
const ACCEPTED = 'AA 55 03 07 82 01 87';
const REFUSED = 'AA 55 03 07 82 00 86';
const DOWN_EMPTY = 'AA 55 06 07 81 FF 00 50 00 2F';
const UP_EMPTY = 'AA 55 06 07 81 55 00 50 00 85';

/** Arm, bay and alarm of a query; the battery is another matter. */
function status(rig: ReturnType<typeof createLockRig>): readonly string[] {
  const [, , , , , arm = '', bay = '', , alarm = ''] = rig.say(QUERY)?.split(' ') ?? [];
  return [arm, bay, alarm];
}

test('HS-01 the lock answers the frames of its sheet byte by byte', () => {
  const rig = createLockRig('bus-lock', 7);
  expect(rig.say(QUERY)).toBe(DOWN_EMPTY);
  expect(rig.say(RAISE)).toBe(ACCEPTED);
  rig.passMs(3000);
  expect(rig.say(QUERY)).toBe(UP_EMPTY);
  expect(rig.say('55 AA 02 07 09 0C')).toBe('AA 55 04 07 CF 09 01 C4');
  expect(rig.say('55 AA 03 07 02 10 16')).toBe('AA 55 04 07 CF 02 02 CC');
  rig.suffer({ armDamaged: true });
  rig.passMs(50);
  expect(rig.say(QUERY)).toBe('AA 55 06 07 81 55 00 50 FF 7A');
  expect(rig.say(RAISE)).toBe(REFUSED);
});

test('HS-01 every example of the sheet with a master frame is one that the lock knows', () => {
  const sheet = readFileSync(join(import.meta.dirname, 'README.md'), 'utf8');
  const examples = [...sheet.matchAll(/`(55 AA [0-9A-F ]+)` \| `(AA 55 [0-9A-F ]+)`/g)];
  expect(examples.length).toBe(9);
  for (const [, request = ''] of examples) expect(createLockRig('bus-lock', 7).say(request)).toMatch(/^AA 55 /);
});

test.each([
  ['a wrong BCC', '55 AA 02 07 01 05'],
  ['another address', '55 AA 02 08 01 0B'],
  ['a byte short', '55 AA 02 07 01'],
  ['a byte long', '55 AA 02 07 01 04 00'],
  ["the lock's own header", 'AA 55 02 07 01 04'],
  ['nothing but a header', '55 AA'],
])('HS-01 the lock stays silent to %s', (_name, frame) => {
  expect(createLockRig('bus-lock', 7).say(frame)).toBeUndefined();
});

test('HS-02 the arm takes 3 s and is in no place while it moves', () => {
  const rig = createLockRig('bus-lock', 7);
  rig.say(RAISE);
  rig.passMs(100);
  expect(status(rig)).toEqual(['00', '00', '00']);
  rig.passMs(2850);
  expect(status(rig)).toEqual(['00', '00', '00']);
  expect(rig.lock.truth()).toMatchObject({ moving: true });
  rig.passMs(50);
  expect(status(rig)).toEqual(['55', '00', '00']);
  expect(rig.lock.truth()).toMatchObject({ position: 1, moving: false, batteryPercent: 79.9 });
});

test('HS-02 a command in mid-travel turns the arm round', () => {
  const rig = createLockRig('bus-lock', 7);
  rig.say(RAISE);
  rig.passMs(1000);
  expect(rig.say(LOWER)).toBe(ACCEPTED);
  rig.passMs(1000);
  expect(status(rig)).toEqual(['FF', '00', '00']);
});

test('HS-02 a lock told to raise under a car meets its floor pan, alarms after 5 s, and recovers by lowering', () => {
  const rig = createLockRig('bus-lock', 7);
  rig.lock.setOccupied(true);
  expect(rig.say(RAISE)).toBe(ACCEPTED);
  rig.passMs(4900);
  expect(status(rig)).toEqual(['00', 'FF', '00']);
  expect(rig.lock.truth()).toMatchObject({ position: 0.4, occupied: true });
  rig.passMs(100);
  expect(status(rig)).toEqual(['00', 'FF', '55']);
  rig.say(LOWER);
  rig.passMs(1200);
  expect(status(rig)).toEqual(['FF', 'FF', '00']);
});

test('HS-03 a jammed lock keeps its place and says so after 5 s', () => {
  const rig = createLockRig('bus-lock', 7);
  rig.suffer({ lockJammed: 'locked' });
  rig.say(RAISE);
  rig.passMs(5000);
  expect(status(rig)).toEqual(['FF', '00', '55']);
  expect(rig.lock.truth()).toMatchObject({ position: 0, jammed: true });
  rig.suffer({});
  rig.say(RAISE);
  rig.passMs(3000);
  expect(status(rig)).toEqual(['55', '00', '00']);
});

test('HS-03 a damaged arm stops where it is and takes no command', () => {
  const rig = createLockRig('bus-lock', 7);
  rig.say(RAISE);
  rig.passMs(1500);
  rig.suffer({ armDamaged: true });
  rig.passMs(5000);
  expect(status(rig)).toEqual(['00', '00', 'FF']);
  expect(rig.say(LOWER)).toBe(REFUSED);
  expect(rig.lock.truth()).toMatchObject({ position: 0.5, damaged: true, moving: false });
});

test('HS-02 a lock with an empty battery still lowers but does not raise', () => {
  const rig = createLockRig('bus-lock', 7);
  let last: string | undefined;
  for (let travel = 0; last !== REFUSED && travel < 1000; travel += 1) {
    last = rig.say(travel % 2 === 0 ? RAISE : LOWER);
    rig.passMs(3000);
  }
  expect(rig.lock.truth().batteryPercent).toBeLessThan(5);
  expect(rig.say(LOWER)).toBe(ACCEPTED);
});

test('HS-05 the truth keeps what the lock was told and whether it took it', () => {
  const rig = createLockRig('bus-lock', 7);
  rig.say(RAISE);
  rig.passMs(4000);
  rig.suffer({ armDamaged: true });
  rig.passMs(50);
  rig.say(LOWER);
  expect(rig.lock.truth()).toMatchObject({
    lockId: 'K',
    pileId: 'P',
    commands: [
      { monoMs: 1000, command: 'up', accepted: true },
      { monoMs: 5050, command: 'down', accepted: false },
    ],
  });
});
