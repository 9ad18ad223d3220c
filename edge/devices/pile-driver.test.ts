import { describe, expect, test } from 'vitest';
import { mbapFraming, rtuFraming } from '../bus/framing.ts';
import { Line } from '../bus/line.ts';
import { frame, ManualTime, MemoryStream, obligingReply } from '../bus/testing.ts';
import { loadProfiles, packagedProfiles } from './load-profiles.ts';
import { PileDriver } from './pile-driver.ts';

const profiles = loadProfiles(packagedProfiles);

function rig(profileId: string, unit = 1) {
  const profile = profiles.get(profileId);
  if (profile === undefined) throw new Error(profileId);
  const time = new ManualTime();
  const stream = new MemoryStream(time);
  const isTcp = profile.transports.includes('tcp');
  const framing = isTcp ? mbapFraming() : rtuFraming();
  const line = new Line({ lineId: 'L1', stream, framing, silenceMs: 0, clock: time, timers: time, tap: () => {} });
  const refused = new Set<number>();
  stream.onWrite = (bytes) => {
    const body = isTcp ? bytes.subarray(6) : bytes.subarray(0, -2);
    const nth = stream.written.length;
    const reply = refused.has(nth)
      ? Uint8Array.of(body[0] ?? 0, (body[1] ?? 0) | 0x80, 4)
      : obligingReply(Uint8Array.of(...body, 0, 0)).subarray(0, -2);
    const head = Uint8Array.of(...bytes.subarray(0, 5), reply.length);
    const whole = isTcp ? Uint8Array.of(...head, ...reply) : frame(Buffer.from(reply).toString('hex'));
    time.after(20, () => stream.receive(whole));
  };
  return {
    driver: new PileDriver(profile, { line, unit }),
    time,
    frames: () => stream.written.map((w) => w.hex),
    refused,
  };
}

const settle = (work: Promise<unknown>) =>
  work.then(
    () => 'done',
    (error: Error) => error.message,
  );

describe('ED-02 commands are the documented frames', () => {
  test('Heidelberg: start of 16 A unlocks and sets 160 tenths; soft stop sets 0; hard stop locks', async () => {
    const { driver, time, frames } = rig('heidelberg-energy-control');
    const start = settle(driver.command('start', 16_000));
    await time.pass(1000);
    expect(await start).toBe('done');
    const stops = [settle(driver.command('softStop', null)), settle(driver.command('hardStop', null))];
    await time.pass(1000);
    expect(await Promise.all(stops)).toEqual(['done', 'done']);
    expect(frames()).toEqual([
      Buffer.from(frame('01 06 01 03 00 01')).toString('hex'),
      Buffer.from(frame('01 06 01 05 00 a0')).toString('hex'),
      '0106010500009837',
      Buffer.from(frame('01 06 01 03 00 00')).toString('hex'),
    ]);
  });

  test('KEBA: start of 16 A, and the watchdog is fed by rewriting its time', async () => {
    const { driver, time, frames } = rig('keba-p30', 255);
    const work = [settle(driver.command('start', 16_000)), settle(driver.feedWatchdog())];
    await time.pass(1000);
    expect(await Promise.all(work)).toEqual(['done', 'done']);
    expect(frames().map((hex) => hex.slice(12))).toEqual(['ff06138c3e80', 'ff0613960001', 'ff06139a0014']);
  });

  test('set-up never raises a limit: it sets the watchdog and what it falls back to', async () => {
    const { driver, time, frames } = rig('heidelberg-energy-control');
    const work = settle(driver.command('setup', null));
    await time.pass(1000);
    expect(await work).toBe('done');
    expect(frames().map((hex) => hex.slice(0, 12))).toEqual(['010601020004', '010601013a98', '010601060000']);
  });
});

test('a step that the pile refuses ends the command: the rest is not written', async () => {
  const { driver, time, frames, refused } = rig('heidelberg-energy-control');
  refused.add(1);
  const work = settle(driver.command('start', 16_000));
  await time.pass(1000);
  expect(await work).toMatch(/^exception/);
  expect(frames()).toHaveLength(1);
});

test('half a picture is none: a read of which one part fails is a failure', async () => {
  const { driver, time, refused } = rig('keba-p30', 255);
  refused.add(7);
  const work = settle(driver.read());
  await time.pass(1000);
  expect(await work).toMatch(/^exception/);
});

describe('ED-07 a stop that overtakes a start wins', () => {
  test.each(['softStop', 'hardStop'] as const)('%s: no step of the start is written after it', async (stop) => {
    const { driver, time, frames } = rig('heidelberg-energy-control');
    const start = settle(driver.command('start', 16_000));
    await time.pass(10);
    const stopped = settle(driver.command(stop, null));
    await time.pass(1000);
    expect(await stopped).toBe('done');
    expect(await start).not.toBe('done');
    const raised = frames().lastIndexOf(Buffer.from(frame('01 06 01 05 00 a0')).toString('hex'));
    expect(raised).toBe(-1);
    expect(frames()).toHaveLength(2);
  });

  test('a start after a stop is whole', async () => {
    const { driver, time, frames } = rig('heidelberg-energy-control');
    const stopped = settle(driver.command('softStop', null));
    await time.pass(1000);
    const start = settle(driver.command('start', 16_000));
    await time.pass(1000);
    expect([await stopped, await start]).toEqual(['done', 'done']);
    expect(frames()).toHaveLength(3);
  });
});
