import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import type { Priority } from '../bus/exchange.ts';
import { LineError } from '../bus/line-error.ts';
import type { ModbusJob, ModbusPort } from '../bus/modbus-master.ts';
import { ManualTime } from '../bus/testing.ts';
import type { SiteConfig } from '../config/site.ts';
import { devicesOf } from '../config/site-devices.ts';
import { ioBoardSchema } from '../config/site-io.ts';
import type { LedgerTransaction } from '../control/connector.ts';
import type { Influence } from '../control/influence.ts';
import { describeStore } from '../control/inputs/testing.ts';
import { loadProfiles, packagedProfiles } from '../devices/load-profiles.ts';
import { library, pileAt, pileProfile, serialLine, siteOf } from '../planner/testing.ts';
import { SiteIo } from './site-io.ts';

const stop = { inputId: 'E1', channel: 1, kind: 'emergency-stop', normally: 'closed', covers: ['P1-1'] };
const trip = { outputId: 'T1', channel: 1, trips: ['P1-1', 'P2-1'], energised: 'trips' };
const REPLY_MS = 40;

/** A relay board in memory: eight contacts, closed; eight relays, off. */
class FakeBoard implements ModbusPort {
  readonly contacts = new Array<number>(8).fill(1);
  readonly relays = new Array<number>(8).fill(0);
  /** "keep-alive 2", "stop 5": priority and function of what was asked. */
  readonly asked: string[] = [];
  /** Neither answers nor fails. */
  hangs = false;
  failure: LineError | null = null;
  /** So long a question of that priority waits for the line. */
  readonly waitsMs: { [priority in Priority]?: number } = {};
  readonly #time: ManualTime;

  constructor(time: ManualTime) {
    this.#time = time;
  }

  async request({ priority, request, isSuperseded }: ModbusJob): Promise<readonly number[]> {
    this.asked.push(`${priority} ${request.fc}`);
    if (this.hangs) return new Promise(() => {});
    const waitMs = this.waitsMs[priority];
    if (waitMs !== undefined) await this.#pass(waitMs);
    if (isSuperseded?.() === true) throw new LineError('superseded', 'a stop has come');
    await this.#pass(REPLY_MS);
    if (this.failure !== null) throw this.failure;
    if (request.fc === 5) this.relays[request.address] = request.on ? 1 : 0;
    if (request.fc === 1) return [...this.relays];
    if (request.fc === 2) return [...this.contacts];
    return new Array<number>(8).fill(0);
  }

  #pass(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#time.after(ms, resolve);
    });
  }
}

function rig(options: { latched?: readonly string[]; outputs?: readonly object[] } = {}) {
  const time = new ManualTime();
  const board = new FakeBoard(time);
  const { latched = [], outputs = [trip] } = options;
  const ioBoard = { boardId: 'B', profile: 'waveshare-relay-8ch-d', lineId: 'L1', unit: 9, inputs: [stop], outputs };
  const line = { ...serialLine(9600), parity: 'none' } as const;
  const site: SiteConfig = siteOf(line, 0, { piles: [pileAt(1), pileAt(2)], io: [ioBoardSchema.parse(ioBoard)] });
  const stored: LedgerTransaction[] = [];
  const influences = new Map<string, Influence>();
  const told: string[] = [];
  let refusals = 0;
  const io = new SiteIo({
    devices: devicesOf(site, new Map([...loadProfiles(packagedProfiles), ...library(pileProfile())])),
    latched,
    line: () => ({ modbus: board }),
    clock: time,
    timers: time,
    newId: () => 'A1',
    log: pino({ level: 'silent' }),
    commit: (transaction) => {
      refusals -= 1;
      if (refusals >= 0) return Promise.reject(new Error('disk full'));
      stored.push(transaction);
      return Promise.resolve();
    },
    onInfluence: (connectorId, influence) => {
      influences.set(connectorId, influence);
      told.push(`${connectorId} ${influence.stop?.fault ?? influence.refuse.map(({ fault }) => fault).join(' ')}`);
    },
  });
  io.start();
  return {
    time,
    board,
    io,
    stored: () => stored.map(describeStore),
    /** What was said since the last look. */
    told: () => told.splice(0),
    influences,
    refuseCommits: (times: number) => {
      refusals = times;
    },
  };
}

/** Seen, released, and nothing to say any more. */
async function atRest(options?: Parameters<typeof rig>[0]) {
  const made = rig(options);
  await made.time.pass(2000);
  made.told();
  made.board.asked.length = 0;
  return made;
}

describe('ED-21 what inputs say of a connector is said at once, and once', () => {
  test('before the first look nothing may begin; then there is nothing to say', async () => {
    const { told, time } = rig();
    expect(told()).toEqual(['P1-1 site-input-lost site-input-lost', 'P2-1 site-input-lost']);
    await time.pass(2000);
    expect(told()).toEqual(['P1-1 site-input-lost', 'P2-1 ', 'P1-1 ']);
  });

  test('an emergency stop reaches what it covers within a second of its contact', async () => {
    const { told, time, board, stored } = await atRest();
    board.contacts[0] = 0;
    await time.pass(900);
    expect(told()).toEqual(['P1-1 site-emergency-stop']);
    expect(stored()).toEqual(['alarm emergency-stop E1 is pressed; latch E1']);
    await time.pass(5000);
    expect(told()).toEqual([]);
  });

  test('the polls of the board go before all others of its line, and come at least every 250 ms', async () => {
    const { board, time } = await atRest();
    await time.pass(2500);
    expect(new Set(board.asked)).toEqual(new Set(['keep-alive 1', 'keep-alive 2']));
    expect(board.asked.length).toBeGreaterThanOrEqual(20);
  });

  test('an input grows old also while a look hangs', async () => {
    const { told, time, board, stored } = await atRest();
    board.hangs = true;
    await time.pass(3600);
    expect(told()).toEqual(['P1-1 site-input-lost', 'P2-1 site-input-lost']);
    expect(stored()).toEqual(['alarm emergency-stop E1 cannot be seen', 'alarm trip output T1 cannot be seen']);
  });

  test('what is latched on the disk is in force from the first moment, and a reset is stored', async () => {
    const { told, io, stored, time } = rig({ latched: ['E1'] });
    expect(told()[0]).toBe('P1-1 site-emergency-stop');
    expect(io.resetInput('E1')).toMatchObject({ refused: expect.stringContaining('cannot be seen') });
    await time.pass(2000);
    told();
    expect(io.resetInput('E1')).toEqual({ done: true });
    expect(told()).toEqual(['P1-1 ']);
    await time.pass(10);
    expect(stored()).toEqual(['unlatch E1']);
    expect(io.resetInput('E9')).toEqual({ refused: 'no input E9' });
  });

  test('what could not be stored is stored later, and the stop does not wait for it', async () => {
    const { told, time, board, stored, refuseCommits } = await atRest();
    refuseCommits(2);
    board.contacts[0] = 0;
    await time.pass(900);
    expect(told()).toEqual(['P1-1 site-emergency-stop']);
    expect(stored()).toEqual([]);
    await time.pass(2100);
    expect(stored()).toEqual(['alarm emergency-stop E1 is pressed; latch E1']);
  });
});

test('ED-11 ED-07 a store that takes the place of a damaged one is told of every latch, and of those that are none', async () => {
  const { io, stored, time } = rig({ latched: ['E1', 'T1'] });
  await time.pass(2000);
  expect(stored()).toEqual([]);
  io.storeAgain();
  await time.pass(0);
  expect(stored()).toEqual(['latch E1', 'latch T1']);
  expect(io.resetInput('E1')).toEqual({ done: true });
  io.storeAgain();
  await time.pass(0);
  expect(stored().slice(2)).toEqual(['unlatch E1', 'unlatch E1', 'latch T1']);
});

describe('ED-07 a trip', () => {
  test('is written and read back before everything else, and said to all behind the output', async () => {
    const { io, board, told, time, stored } = await atRest();
    const tripped = io.trip('P1-1');
    expect(told()).toEqual(['P1-1 site-tripped', 'P2-1 site-tripped']);
    expect(board.asked[0]).toBe('stop 5');
    await time.pass(200);
    await tripped;
    expect(board.asked.slice(0, 6)).toEqual(expect.arrayContaining(['stop 5', 'stop 1', 'stop 2']));
    expect(board.relays[0]).toBe(1);
    expect(stored()).toEqual(['alarm trip output T1: P1-1 could not be stopped otherwise; latch T1']);
  });

  test('two connectors behind one output share it', async () => {
    const { io, board, time } = await atRest();
    const both = Promise.all([io.trip('P1-1'), io.trip('P2-1')]);
    await time.pass(300);
    await both;
    expect(board.asked.filter((one) => one === 'stop 5')).toHaveLength(1);
  });

  test('that the board does not take is an error for whoever ordered it, and is written again until it is taken', async () => {
    const { io, board, time } = await atRest();
    board.failure = new LineError('timeout', 'no answer');
    const failed = expect(io.trip('P1-1')).rejects.toMatchObject({ failure: 'timeout' });
    await time.pass(500);
    await failed;
    expect(io.outputs()[0]).toMatchObject({ tripped: true, isOn: false });
    board.failure = null;
    await time.pass(2000);
    expect(board.relays[0]).toBe(1);
  });

  test('is taken back by a technician only, and not while another one is ordered', async () => {
    const { io, board, time, told } = await atRest();
    void io.trip('P1-1');
    await time.pass(300);
    told();
    const restored = io.resetOutput('T1');
    const again = io.trip('P2-1');
    await time.pass(600);
    await again;
    expect(await restored).toMatchObject({ refused: expect.stringMatching(/tripped again|does not read back/) });
    expect(board.relays[0]).toBe(1);
    expect(told()).toEqual([]);
    const done = io.resetOutput('T1');
    await time.pass(300);
    expect(await done).toEqual({ done: true });
    expect(board.relays[0]).toBe(0);
    expect(told()).toEqual(['P1-1 ', 'P2-1 ']);
    expect(await io.resetOutput('T9')).toEqual({ refused: 'no trip output T9' });
  });

  test('that is ordered when a technician has just put the supply back is not forgotten', async () => {
    const { io, board, time, told, stored } = await atRest();
    void io.trip('P1-1');
    await time.pass(300);
    told();
    const restored = io.resetOutput('T1');
    // The relay has been let go, and has read back so; the board's contacts are still to be read.
    await time.pass(100);
    expect(board.relays[0]).toBe(0);
    const again = io.trip('P1-1');
    await time.pass(600);
    await again;
    expect(await restored).toEqual({ refused: 'superseded: T1 is tripped again' });
    expect(board.relays[0]).toBe(1);
    expect(told()).toEqual([]);
    expect(stored()).toHaveLength(1);
  });

  test('goes before a restore that waits for the line, which is not written any more', async () => {
    const { io, board, time, told, stored } = await atRest();
    void io.trip('P1-1');
    await time.pass(300);
    told();
    board.waitsMs.command = 20;
    const restored = io.resetOutput('T1');
    const again = io.trip('P2-1').then(() => 'cut off');
    await time.pass(600);
    expect(await again).toBe('cut off');
    expect(await restored).toMatchObject({ refused: expect.stringContaining('superseded') });
    expect(board.relays[0]).toBe(1);
    expect(io.outputs()[0]).toMatchObject({ tripped: true, isOn: true });
    expect(told()).toEqual([]);
    expect(stored()).toHaveLength(1);
  });

  test('that is over before the board has told a technician all is not forgotten', async () => {
    const { io, board, time, told, stored } = await atRest();
    void io.trip('P1-1');
    await time.pass(300);
    told();
    const restored = io.resetOutput('T1');
    await time.pass(50);
    // The relay reads back as let go; the rest of the board waits until the trip is over.
    board.waitsMs.command = 500;
    await time.pass(50);
    const again = io.trip('P1-1').then(() => 'cut off');
    await time.pass(300);
    expect(await again).toBe('cut off');
    await time.pass(600);
    expect(await restored).toEqual({ refused: 'superseded: T1 is tripped again' });
    expect(board.relays[0]).toBe(1);
    expect(io.outputs()[0]).toMatchObject({ tripped: true, isOn: true });
    expect(told()).toEqual([]);
    expect(stored()).toHaveLength(1);
  });

  test('whose contactor is still to be seen open is not taken back', async () => {
    const feedback = { channel: 2, suppliedWhen: 'closed' };
    const { io, board, time } = await atRest({ outputs: [{ ...trip, feedback }] });
    const tripped = io.trip('P1-1').then(() => 'cut off');
    await time.pass(500);
    expect(await io.resetOutput('T1')).toEqual({ refused: 'T1 is being tripped: try again' });
    board.contacts[1] = 0;
    await time.pass(500);
    expect(await tripped).toBe('cut off');
    expect(board.relays[0]).toBe(1);
  });

  test('that comes again at the end of a pulse gets a whole one', async () => {
    const { io, board, time } = await atRest({ outputs: [{ ...trip, pulseMs: 500 }] });
    void io.trip('P1-1');
    await time.pass(600);
    expect(board.relays[0]).toBe(1);
    board.waitsMs.command = 300;
    await time.pass(250);
    const again = io.trip('P1-1').then(() => 'cut off');
    await time.pass(400);
    expect(await again).toBe('cut off');
    expect(board.relays[0]).toBe(1);
    delete board.waitsMs.command;
    await time.pass(1000);
    expect(board.relays[0]).toBe(0);
    expect(io.outputs()[0]).toMatchObject({ tripped: true });
  });

  test('is under way until it has read back, also when a restore ends meanwhile: its pulse is not cut short', async () => {
    const { io, board, time } = await atRest({ outputs: [{ ...trip, pulseMs: 500 }] });
    void io.trip('P1-1');
    await time.pass(1500);
    expect(board.relays[0]).toBe(0);
    board.waitsMs.command = 20;
    const restored = io.resetOutput('T1');
    const again = io.trip('P1-1').then(() => 'cut off');
    await time.pass(10);
    board.waitsMs.stop = 1000;
    await time.pass(5000);
    expect(await restored).toMatchObject({ refused: expect.stringContaining('superseded') });
    expect(await again).toBe('cut off');
  });

  test('of a connector that is behind none is a mistake of ours', async () => {
    const { io } = await atRest({ outputs: [] });
    expect(io.hasTrip('P1-1')).toBe(false);
    await expect(io.trip('P1-1')).rejects.toBeInstanceOf(TypeError);
  });
});

test('ED-08 the end waits for what has been decided to be stored, and leaves the relays alone', async () => {
  const { io, board, time, stored, refuseCommits } = await atRest();
  refuseCommits(1);
  void io.trip('P1-1');
  const storedAtTheEnd = io.close().then(stored);
  await time.pass(1500);
  expect(await storedAtTheEnd).toHaveLength(1);
  expect(board.relays[0]).toBe(1);
  const { length } = board.asked;
  await time.pass(5000);
  expect(board.asked).toHaveLength(length);
});
