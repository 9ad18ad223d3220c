import { describe, expect, test } from 'vitest';
import { HEALTHY, type StateEffects } from '../faults/state-effects.ts';
import { encodeRtu } from '../line/rtu.ts';
import { stationSchema } from '../station.ts';
import { createManualTime } from '../world/manual-clock.ts';
import { createWorld } from '../world.ts';
import { createIoBoard } from './io-board.ts';
import { type IoBoardSettings, ioBoardSchema } from './io-settings.ts';

const START_MS = 1000;
const BOARD = { boardId: 'B', model: 'waveshare-relay-8ch-d', lineId: 'L', unit: 1 } as const;
const SHUNT = { channel: 1, feeds: ['P'], energised: 'trips', auxiliary: 8 } as const;
const HELD = { channel: 2, feeds: ['Q'], energised: 'holds' } as const;

/** A board in simulated time, driven by RTU requests without their checksum. */
function createRig(change: Partial<IoBoardSettings> | object = {}) {
  const time = createManualTime(START_MS);
  let effects: StateEffects = HEALTHY;
  const board = createIoBoard(ioBoardSchema.parse({ ...BOARD, ...change }), time.clock, () => effects);
  const ask = (hex: string, ignoreWrites = false): string => {
    const request = Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex')).subarray(1);
    const { reply } = board.execute(request, { exceptionCode: undefined, ignoreWrites });
    return Buffer.from(encodeRtu(1, reply))
      .toString('hex')
      .replace(/(..)(?!$)/g, '$1 ');
  };
  return {
    board,
    ask,
    passMs: time.passMs,
    suffer: (next: Partial<StateEffects>) => {
      effects = { ...HEALTHY, ...next };
    },
  };
}

const RELAYS = '01 01 00 00 00 08';
const INPUTS = '01 02 00 00 00 08';
const ON_1 = '01 05 00 00 ff 00';
const OFF_1 = '01 05 00 00 00 00';

describe('HS-01 a relay board, byte by byte as its vendor prints it', () => {
  test('inputs and relays', () => {
    const { board, ask } = createRig({ closedInputs: [2] });
    expect(ask(INPUTS)).toBe('01 02 01 02 20 49');
    expect(ask(ON_1)).toBe('01 05 00 00 ff 00 8c 3a');
    expect(ask(RELAYS)).toBe('01 01 01 01 90 48');
    expect(ask(OFF_1)).toBe('01 05 00 00 00 00 cd ca');
    expect(ask(RELAYS)).toBe('01 01 01 00 51 88');
    board.setInput(2, false);
    board.setInput(8, true);
    expect(ask(INPUTS)).toBe('01 02 01 80 a0 28');
  });

  test('all relays at once, and the mode of each channel', () => {
    const { board, ask } = createRig({ relayMode: 1 });
    ask('01 05 00 ff ff 00');
    expect(board.truth().relays).toEqual(new Array(8).fill(true));
    expect(ask('01 03 10 00 00 01')).toBe('01 03 02 00 01 79 84');
    ask('01 06 10 00 00 00');
    expect(ask('01 03 10 00 00 02')).toContain('01 03 04 00 00 00 01');
    expect(ask('01 06 10 00 00 04')).toMatch(/^01 86 03/);
    expect(ask('01 02 00 00 00 09')).toMatch(/^01 82 02/);
    expect(ask('01 04 00 00 00 01')).toMatch(/^01 84 01/);
  });

  test('a relay in mode 1 follows its input, one in mode 0 does not', () => {
    for (const relayMode of [0, 1]) {
      const { board } = createRig({ relayMode });
      board.setInput(3, true);
      expect(board.truth().relays[2]).toBe(relayMode === 1);
    }
  });
});

describe('HS-02 what a relay acts on', () => {
  test('a shunt trip opens its breaker, which stays open until a hand closes it', () => {
    const { board, ask, passMs } = createRig({ outputs: [SHUNT] });
    expect(ask(INPUTS)).toContain('01 02 01 80');
    ask(ON_1);
    expect(board.cuts('P')).toBe(false);
    passMs(30);
    expect(board.cuts('P')).toBe(true);
    expect(ask(INPUTS)).toContain('01 02 01 00');
    ask(OFF_1);
    passMs(1000);
    expect(board.cuts('P')).toBe(true);
    expect(board.truth().feeders[0]?.events).toEqual([{ monoMs: START_MS + 30, closed: false }]);
    expect(board.closeFeeder(1)).toBe(true);
    expect(board.cuts('P')).toBe(false);
    expect(board.closeFeeder(3)).toBe(false);
  });

  test('a contactor follows the relay that holds it', () => {
    const { board, ask, passMs } = createRig({ outputs: [{ ...HELD, startsOn: true }] });
    passMs(1000);
    expect(board.cuts('Q')).toBe(false);
    ask('01 05 00 01 00 00');
    passMs(30);
    expect(board.cuts('Q')).toBe(true);
    expect(board.cuts('P')).toBe(false);
    ask('01 05 00 01 ff 00');
    passMs(30);
    expect(board.cuts('Q')).toBe(false);
  });

  test('one that nobody holds is open from the beginning', () => {
    const { board } = createRig({ outputs: [HELD] });
    expect(board.cuts('Q')).toBe(true);
  });

  test('HS-03 a jammed breaker stays closed while the relay reads back as written', () => {
    const { board, ask, passMs, suffer } = createRig({ outputs: [SHUNT] });
    suffer({ tripJammed: true });
    ask(ON_1);
    passMs(1000);
    expect(ask(RELAYS)).toContain('01 01 01 01');
    expect(board.cuts('P')).toBe(false);
    expect(board.truth().feeders[0]).toMatchObject({ closed: true, jammed: true });
    suffer({});
    expect(board.cuts('P')).toBe(true);
  });

  test('HS-03 a write that is acknowledged without effect reads back as it was', () => {
    const { board, ask } = createRig({ outputs: [SHUNT] });
    expect(ask(ON_1, true)).toBe('01 05 00 00 ff 00 8c 3a');
    expect(ask(RELAYS)).toContain('01 01 01 00');
    expect(board.truth().relayEvents).toEqual([]);
  });
});

const LINE = { lineId: 'L', transport: 'serial', baud: 9600, parity: 'none', stopBits: 1, turnaroundMs: 20 } as const;
const PILE = { pileId: 'P', model: 'heidelberg-energy-control', lineId: 'L', unit: 2, initialRegisterWh: 0 } as const;
const station = (io: object) => ({ stationId: 's', seed: 1, lines: [LINE], piles: [PILE], io: [{ ...BOARD, ...io }] });

test('HS-02 a pile whose supply is cut off is dark and silent, and its vehicle draws nothing', () => {
  const time = createManualTime(START_MS);
  const input = station({ outputs: [SHUNT] });
  const parsed = stationSchema.parse({
    ...input,
    piles: [{ ...PILE, startsPermitted: true, vehicle: { plugged: true } }],
  });
  const world = createWorld(parsed, 1, time.clock);
  const pass = (ms: number): void => {
    time.passMs(ms);
    world.advance();
  };
  const slave = world.slaves.get('L');
  const pile = world.piles.get('P');
  slave?.handle(2, Uint8Array.of(6, 1, 1, 0, 0));
  pass(20_000);
  expect(pile?.truth()).toMatchObject({ contactorClosed: true, powered: true });
  slave?.handle(1, Uint8Array.of(5, 0, 0, 0xff, 0));
  pass(100);
  expect(pile?.truth()).toMatchObject({ contactorClosed: false, powered: false, currentA: [0, 0, 0] });
  expect(slave?.handle(2, Uint8Array.of(4, 0, 5, 0, 1))).toBeUndefined();
  expect(slave?.handle(1, Uint8Array.of(1, 0, 0, 0, 8))?.pdu).toEqual(Uint8Array.of(1, 1, 1));
});

test.each([
  ['an unknown line', { lineId: 'X' }, 'there is no line X'],
  ['the unit of a pile', { unit: 2 }, 'two devices on L unit 2'],
  ['an unknown pile', { outputs: [{ ...SHUNT, feeds: ['X'] }] }, 'there is no pile X'],
])('HS-05 a station with a board on %s is refused', (_, change, reason) => {
  const problems = stationSchema.safeParse(station(change)).error?.issues ?? [];
  expect(problems.map(({ message }) => message)).toContain(reason);
});
