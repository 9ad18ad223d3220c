import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { Line } from '../bus/line.ts';
import { ManualTime, MemoryStream } from '../bus/testing.ts';
import type { LedgerTransaction } from '../control/connector.ts';
import { blocksConnector } from '../control/parking/parking.ts';
import { uuid } from '../control/testing.ts';
import { ParkingDevice } from '../devices/framed/parking-device.ts';
import { loadProfiles, packagedProfiles } from '../devices/load-profiles.ts';
import { ParkingLoop } from './parking-loop.ts';

const TRAVEL_MS = 3000;
const REPLY_MS = 20;
const [MOVING, UP, DOWN] = [0x00, 0x55, 0xff];

/** A ground lock on a line in memory. It does not look at the bay before it raises. */
class FakeLock {
  arm = DOWN;
  hasCar = false;
  alarm = 0;
  isDeaf = false;
  isDeafToMoves = false;
  isJammed = false;
  polls = 0;
  /** "raise", "lower" with their times. */
  readonly moves: { atMs: number; move: string }[] = [];
  readonly #time: ManualTime;
  #cancelTravel = () => {};

  constructor(time: ManualTime, stream: MemoryStream) {
    this.#time = time;
    stream.onWrite = (bytes) => {
      if (bytes[0] !== 0x55) return;
      const payload = this.#answer(bytes);
      if (payload === null) return;
      const body = [payload.length + 2, 7, (bytes[4] ?? 0) | 0x80, ...payload];
      const reply = Uint8Array.of(
        0xaa,
        0x55,
        ...body,
        body.reduce((xor, byte) => xor ^ byte, 0),
      );
      time.after(REPLY_MS, () => stream.receive(reply));
    };
  }

  #answer(request: Uint8Array): number[] | null {
    const [, , , , command, target = 0] = request;
    if (command === 1) {
      this.polls += 1;
      return this.isDeaf ? null : [this.arm, this.hasCar ? 0xff : 0, 80, this.alarm];
    }
    this.moves.push({ atMs: this.#time.monoMs(), move: target === UP ? 'raise' : 'lower' });
    if (this.isDeaf || this.isDeafToMoves) return null;
    this.#cancelTravel();
    if (this.arm !== target) this.arm = MOVING;
    if (!this.isJammed) this.#cancelTravel = this.#time.after(TRAVEL_MS, () => this.#arrive(target));
    return [1];
  }

  #arrive(target: number): void {
    this.arm = target;
  }
}

function lockRig(options: { store?: () => Promise<void> } = {}) {
  const profile = loadProfiles(packagedProfiles).get('bus-lock');
  if (profile?.kind !== 'parking-device') throw new Error('no profile');
  const time = new ManualTime();
  const stream = new MemoryStream(time);
  const lock = new FakeLock(time, stream);
  const line = new Line({
    lineId: 'L1',
    stream,
    silenceMs: 4,
    wireMs: (bytes) => bytes * 1.15,
    hasTransactionIds: false,
    reconnectAfterFailures: null,
    clock: time,
    timers: time,
    fineTimers: time,
    tap: () => {},
  });
  const stored: LedgerTransaction[] = [];
  const logged: Record<string, unknown>[] = [];
  const counted = { changes: 0, ids: 0 };
  const loop = new ParkingLoop({
    facts: { pileId: 'P1', connectorId: 'P1-1', device: profile.device, moveTimeoutMs: profile.moveTimeoutMs },
    device: new ParkingDevice(7, profile, line),
    clock: time,
    timers: time,
    newId: () => uuid(counted.ids++),
    log: pino({ level: 'info' }, { write: (text: string) => logged.push(JSON.parse(text)) }),
    commit: async (transaction) => {
      await options.store?.();
      stored.push(transaction);
    },
    onChange: () => {
      counted.changes += 1;
    },
  });
  const moves = () => lock.moves.map(({ move }) => move);
  const alarms = () => stored.flatMap(({ records }) => records.map((record) => record.kind));
  /** Ends the loop; what is under way on the line needs time to end. */
  const end = async (): Promise<void> => {
    const ended = loop.stop();
    await time.pass(5000);
    await ended;
  };
  /** Another device keeps the line: a stop that nobody answers. */
  const keepLine = (forMs: number): void => {
    const timing = { gapMs: 0, responseTimeoutMs: forMs, slowestReplyMs: forMs };
    const exchange = { begin: () => Uint8Array.of(0xff), feed: () => ({ kind: 'more' }) as const };
    void line.ask({ device: 'other', priority: 'stop', timing, exchange, answerBytes: 0 }).catch(() => {});
  };
  return { time, lock, loop, keepLine, logged, counted, moves, alarms, end };
}

test('ED-17 a lock is polled at its pace, and a change is told', async () => {
  const rig = lockRig();
  rig.loop.start();
  await rig.time.pass(10_000);
  expect(rig.lock.polls).toBe(11);
  expect(rig.loop.state.reading).toEqual({ position: 'down', bay: 'empty', alarm: 'none', batteryPercent: 80 });
  expect(rig.counted.changes).toBe(1);
  rig.lock.hasCar = true;
  await rig.time.pass(2000);
  expect(rig.counted.changes).toBe(2);
  await rig.end();
});

test('ED-17 a raise: two looks, the write, and the end read back', async () => {
  const rig = lockRig();
  rig.loop.start();
  await rig.time.pass(2100);
  const before = rig.lock.polls;
  const commandedMs = rig.time.monoMs();
  const result = rig.loop.command('raise', 'staff');
  await rig.time.pass(1000);
  expect(rig.moves()).toEqual(['raise']);
  expect(rig.lock.moves[0]?.atMs).toBeGreaterThan(commandedMs + 500);
  expect(rig.lock.polls - before).toBeGreaterThanOrEqual(2);
  await rig.time.pass(4000);
  expect(await result).toEqual({ kind: 'done' });
  expect(rig.loop.state.reading?.position).toBe('up');
  const ended = rig.logged.find((line) => line.msg === 'parking command ends');
  expect(ended).toMatchObject({ move: 'raise', by: 'staff', result: 'done' });
  await rig.end();
});

test('ED-17 a car in the bay: refused, and nothing is written', async () => {
  const rig = lockRig();
  rig.lock.hasCar = true;
  rig.loop.start();
  await rig.time.pass(2100);
  const result = rig.loop.command('raise', 'staff');
  await rig.time.pass(3000);
  expect(await result).toEqual({ kind: 'failed', reason: 'bay-occupied' });
  expect(rig.moves()).toEqual([]);
  await rig.end();
});

test('ED-17 a car that comes while it rises: lowered within a second, and the alarm is stored', async () => {
  const rig = lockRig();
  rig.loop.start();
  await rig.time.pass(2100);
  const result = rig.loop.command('raise', 'staff');
  await rig.time.pass(1000);
  rig.lock.hasCar = true;
  const cameMs = rig.time.monoMs();
  await rig.time.pass(6000);
  expect(rig.moves()).toEqual(['raise', 'lower']);
  expect((rig.lock.moves[1]?.atMs ?? 0) - cameMs).toBeLessThan(1000);
  expect(await result).toEqual({ kind: 'failed', reason: 'bay-occupied' });
  expect(rig.alarms()).toEqual(['alarm.raised']);
  expect(rig.loop.state.reading?.position).toBe('down');
  expect(blocksConnector(rig.loop.state)).toBe(false);
  await rig.end();
});

test('ED-17 a lowering by hand ends a raise that is under way', async () => {
  const rig = lockRig();
  rig.loop.start();
  await rig.time.pass(2100);
  const raise = rig.loop.command('raise', 'staff');
  await rig.time.pass(1500);
  const lower = rig.loop.command('lower', 'technician');
  await rig.time.pass(5000);
  expect(rig.moves()).toEqual(['raise', 'lower']);
  expect(await raise).toEqual({ kind: 'failed', reason: 'superseded' });
  expect(await lower).toEqual({ kind: 'done' });
  await rig.end();
});

describe('ED-17 a raise that has to wait for its line', () => {
  /** The second look has been asked for; its answer will order the raise, and the line is not free for it. */
  async function raiseOnBusyLine(busyMs: number) {
    const rig = lockRig();
    rig.loop.start();
    await rig.time.pass(2100);
    const before = rig.lock.polls;
    const result = rig.loop.command('raise', 'staff');
    while (rig.lock.polls < before + 2) await rig.time.pass(5);
    rig.keepLine(busyMs);
    await rig.time.pass(100);
    expect(rig.loop.state.task?.kind).toBe('moving');
    expect(rig.moves()).toEqual([]);
    return { ...rig, result };
  }

  test('goes out when its proof is not old', async () => {
    const rig = await raiseOnBusyLine(1500);
    await rig.time.pass(2000);
    expect(rig.moves()).toEqual(['raise']);
    await rig.end();
  });

  test('is withdrawn when its proof is old, and a car that has come is seen', async () => {
    const rig = await raiseOnBusyLine(3000);
    rig.lock.hasCar = true;
    await rig.time.pass(6000);
    expect(await rig.result).toEqual({ kind: 'failed', reason: 'bay-occupied' });
    expect(rig.moves()).toEqual([]);
    expect(rig.alarms()).toEqual([]);
    await rig.end();
  });

  test('is made after the bay has been proven again', async () => {
    const rig = await raiseOnBusyLine(3000);
    const before = rig.lock.polls;
    while (rig.moves().length === 0) await rig.time.pass(5);
    expect(rig.lock.polls - before).toBeGreaterThanOrEqual(2);
    await rig.time.pass(5000);
    expect(await rig.result).toEqual({ kind: 'done' });
    expect(rig.moves()).toEqual(['raise']);
    await rig.end();
  });

  test('is withdrawn when a lowering is commanded meanwhile', async () => {
    const rig = await raiseOnBusyLine(1500);
    const lower = rig.loop.command('lower', 'technician');
    await rig.time.pass(5000);
    expect(await rig.result).toEqual({ kind: 'failed', reason: 'superseded' });
    expect(await lower).toEqual({ kind: 'done' });
    expect(rig.moves()).toEqual(['lower']);
    await rig.end();
  });

  test('a lowering waits as long as it has to', async () => {
    const rig = lockRig();
    rig.lock.arm = UP;
    rig.loop.start();
    await rig.time.pass(2100);
    rig.keepLine(10_000);
    const keptMs = rig.time.monoMs() + 10_000;
    const lower = rig.loop.command('lower', 'technician');
    await rig.time.pass(20_000);
    expect(rig.moves()).toEqual(['lower']);
    expect(rig.lock.moves[0]?.atMs).toBeGreaterThan(keptMs);
    expect(rig.lock.moves[0]?.atMs).toBeLessThan(keptMs + 100);
    expect(await lower).toEqual({ kind: 'done' });
    await rig.end();
  });
});

describe('ED-17 a lock that does not do as it is told', () => {
  test('one that does not answer is a fault within seconds, and is over when it answers again', async () => {
    const rig = lockRig();
    rig.loop.start();
    await rig.time.pass(2100);
    rig.lock.isDeaf = true;
    await rig.time.pass(5000);
    expect(rig.loop.state.fault).toBe('silent');
    expect(blocksConnector(rig.loop.state)).toBe(true);
    expect(rig.alarms()).toEqual(['alarm.raised']);
    rig.lock.isDeaf = false;
    await rig.time.pass(35_000);
    expect(rig.loop.state.fault).toBeNull();
    expect(rig.alarms()).toEqual(['alarm.raised']);
    await rig.end();
  });

  test('a lowering is tried three times while it answers nothing, and the result is told', async () => {
    const rig = lockRig();
    rig.lock.arm = UP;
    rig.loop.start();
    await rig.time.pass(2100);
    rig.lock.isDeafToMoves = true;
    const result = rig.loop.command('lower', 'technician');
    await rig.time.pass(15_000);
    expect(rig.moves()).toEqual(['lower', 'lower', 'lower']);
    expect(await result).toEqual({ kind: 'failed', reason: 'no-answer' });
    await rig.end();
  });

  test('an arm that does not move is told three times, and then it is a fault', async () => {
    const rig = lockRig();
    rig.lock.arm = UP;
    rig.lock.isJammed = true;
    rig.loop.start();
    await rig.time.pass(2100);
    const result = rig.loop.command('lower', 'technician');
    await rig.time.pass(40_000);
    expect(rig.moves()).toEqual(['lower', 'lower', 'lower']);
    expect(await result).toEqual({ kind: 'failed', reason: 'end-not-reached' });
    expect(rig.loop.state.fault).toBe('jammed');
    await rig.end();
  });
});

test('ED-17 an arm found between its ends is lowered', async () => {
  const rig = lockRig();
  rig.lock.arm = MOVING;
  rig.loop.start();
  await rig.time.pass(6000);
  expect(rig.moves()).toEqual(['lower']);
  expect(rig.loop.state).toMatchObject({ task: null, fault: null, reading: { position: 'down' } });
  await rig.end();
});

test('ED-17 a loop that ends while the lock rises lowers it first, and answers who waits', async () => {
  const rig = lockRig();
  rig.loop.start();
  await rig.time.pass(2100);
  const result = rig.loop.command('raise', 'staff');
  await rig.time.pass(1000);
  expect(rig.moves()).toEqual(['raise']);
  await rig.end();
  expect(rig.moves()).toEqual(['raise', 'lower']);
  expect(await result).toEqual({ kind: 'failed', reason: 'superseded' });
  expect(await rig.loop.command('raise', 'staff')).toEqual({ kind: 'failed', reason: 'stopped' });
});

test('ED-17 a loop that ends while the bay is looked at does not raise', async () => {
  const rig = lockRig();
  rig.loop.start();
  await rig.time.pass(2100);
  const before = rig.lock.polls;
  const result = rig.loop.command('raise', 'staff');
  // The second look has been asked for and not answered: it will show the bay empty.
  while (rig.lock.polls < before + 2) await rig.time.pass(5);
  await rig.end();
  expect(rig.moves()).toEqual([]);
  expect(await result).toEqual({ kind: 'failed', reason: 'stopped' });
});

test('ED-17 an alarm that could not be stored is stored later', async () => {
  let isFull = true;
  const rig = lockRig({ store: () => (isFull ? Promise.reject(new Error('disk full')) : Promise.resolve()) });
  rig.loop.start();
  rig.lock.alarm = 0xff;
  await rig.time.pass(5000);
  expect(rig.alarms()).toEqual([]);
  isFull = false;
  await rig.time.pass(2000);
  expect(rig.alarms()).toEqual(['alarm.raised']);
  await rig.end();
});
