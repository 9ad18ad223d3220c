import { describe, expect, test } from 'vitest';
import { mbapLine, rtuLine } from '../bus/open-line.ts';
import { frame, hexOf, ManualTime, MemoryStream, obligingReply } from '../bus/testing.ts';
import { PileDriver } from './pile-driver.ts';
import { type PileProfile, pileProfileSchema } from './profile/pile-profile.ts';

const REPLY_MS = 20;
function rig(profile: PileProfile, unit = 1) {
  const time = new ManualTime();
  const stream = new MemoryStream(time);
  const isTcp = profile.transports.includes('tcp');
  const common = { lineId: 'L1', stream, clock: time, timers: time, fineTimers: time, tap: () => {} };
  const { modbus } = isTcp
    ? mbapLine(common)
    : rtuLine({ ...common, silenceMs: 0, wireMs: () => 0, hasTransactionIds: false, reconnectAfterFailures: null });
  /** The nth frames that the pile refuses, and the words it holds where it does not just count up. */
  const refused = new Set<number>();
  const words = new Map<number, number>();
  const replyTo = (body: Uint8Array): Uint8Array => {
    const [asked = 0, functionCode = 0, high = 0, low = 0] = body;
    if (refused.has(stream.written.length)) return Uint8Array.of(asked, functionCode | 0x80, 4);
    const word = words.get(high * 256 + low);
    if (functionCode <= 4 && word !== undefined) return Uint8Array.of(asked, functionCode, 2, word >>> 8, word & 0xff);
    return obligingReply(Uint8Array.of(...body, 0, 0)).subarray(0, -2);
  };
  stream.onWrite = (bytes) => {
    const reply = replyTo(isTcp ? bytes.subarray(6) : bytes.subarray(0, -2));
    const whole = isTcp ? Uint8Array.of(...bytes.subarray(0, 5), reply.length, ...reply) : frame(hexOf(reply));
    time.after(REPLY_MS, () => stream.receive(whole));
  };
  const settled = async (...work: Promise<unknown>[]): Promise<string[]> => {
    const outcomes = work.map((one) =>
      one.then(
        () => 'done',
        (error: Error) => error.message,
      ),
    );
    await time.pass(2000);
    return Promise.all(outcomes);
  };
  /** Unit, function, address and values of what was sent, without checksums and heads. */
  const frames = () => stream.written.map(({ hex }) => (isTcp ? hex.slice(12) : hex.slice(0, -4)));
  const busyLine = () =>
    void modbus.request({
      unit: 9,
      priority: 'poll',
      request: { fc: 3, address: 0, count: 1 },
      timing: profile.timing,
    });
  return {
    driver: new PileDriver(profile, { modbus, unit, socket: 1 }),
    time,
    stream,
    frames,
    refused,
    words,
    settled,
    busyLine,
  };
}

/** A pile whose limit must be repeated, told by `feed`; `change` replaces parts of it. */
const boxProfile = (change: object = {}): PileProfile =>
  pileProfileSchema.parse({
    kind: 'pile',
    profileId: 'test-box',
    vendor: 'Test',
    model: 'Box',
    source: 'made up',
    transports: ['serial'],
    serial: { baud: 19_200, parity: 'even', stopBits: 1 },
    timing: { gapMs: 0, turnaroundMs: 20, responseTimeoutMs: 300, slowestReplyMs: 800, pollMs: 1000 },
    limits: {
      maxCurrentMa: 16_000,
      minCurrentMa: 6000,
      stepMa: 100,
      phases: 3,
      overTemperatureDc: null,
      overVoltageMv: null,
      underVoltageMv: null,
    },
    zeroMeans: 'pause',
    maxReadRegisters: 20,
    maxReadGap: 0,
    watchdog: {
      timeoutMs: 15_000,
      refreshedBy: 'writes',
      feed: [{ write: 'limit', value: 'limit' }],
      fallback: { kind: 'stop' },
    },
    points: {
      state: { fc: 4, address: 5, type: 'u16', unit: 'none' },
      current: { fc: 4, address: 7, type: 'u16', unit: 'mA' },
      setpoint: { fc: 3, address: 100, type: 'u16', unit: 'mA' },
      watchdog: { fc: 3, address: 110, type: 'u16', unit: 'ms', read: 'set-up' },
    },
    writes: {
      limit: { fc: 6, address: 100, type: 'u16' },
      watchdog: { fc: 6, address: 110, type: 'u16' },
      life: { fc: 6, address: 120, type: 'u16' },
      coil: { fc: 5, address: 400, type: 'coil' },
      float: { fc: 16, address: 200, type: 'f32', divide: 1000 },
    },
    state: [{ when: [{ point: 'state', in: [5] }], is: 'plugged' }],
    measures: { currents: ['current'], setpoint: 'setpoint', energy: null },
    commands: {
      setup: [{ write: 'watchdog', value: 15_000 }],
      start: [{ write: 'limit', value: 'limit' }],
      softStop: [{ write: 'limit', value: 0 }],
      hardStop: [{ write: 'coil', value: 0 }],
    },
    setupProof: [{ point: 'watchdog', in: [15_000] }],
    ...change,
  });

/** A pile that any traffic keeps alive, with a lock: two steps to start it. */
const lockBox = boxProfile({
  watchdog: { timeoutMs: 15_000, refreshedBy: 'any-traffic', fallback: { kind: 'stop' } },
  commands: {
    ...boxProfile().commands,
    start: [
      { write: 'coil', value: 1 },
      { write: 'limit', value: 'limit' },
    ],
  },
});

describe('ED-02 commands are written as the profile has them', () => {
  test('step by step, with the limit in the pile’s own unit and never rounded up', async () => {
    const { driver, frames, settled } = rig(lockBox);
    expect(await settled(driver.command('start', 15_990))).toEqual(['done']);
    expect(await settled(driver.command('softStop', null), driver.command('hardStop', null))).toEqual(['done', 'done']);
    expect(frames()).toEqual(['01050190ff00', '010600643e1c', '010600640000', '010501900000']);
  });

  test('set-up writes what the profile says and no limit', async () => {
    const { driver, frames, words, settled } = rig(boxProfile());
    words.set(110, 15_000);
    expect(await settled(driver.setUp())).toEqual(['done']);
    expect(frames().filter((hex) => hex.startsWith('0106'))).toEqual(['0106006e3a98']);
  });

  test('over Modbus TCP, and the watchdog is fed in between', async () => {
    const { driver, frames, settled } = rig(boxProfile({ transports: ['tcp'] }), 255);
    expect(await settled(driver.command('start', 16_000))).toEqual(['done']);
    expect(await settled(driver.feedWatchdog(true))).toEqual(['done']);
    expect(frames()).toEqual(['ff0600643e80', 'ff0600643e80']);
  });

  test('coils and floating-point limits', async () => {
    const start = [
      { write: 'coil', value: 1 },
      { write: 'float', value: 'limit' },
    ];
    const commands = { ...boxProfile().commands, start };
    const { driver, frames, settled } = rig(boxProfile({ commands }));
    expect(await settled(driver.command('start', 16_000), driver.command('hardStop', null))).toHaveLength(2);
    const again = rig(boxProfile({ commands }));
    await again.settled(again.driver.command('start', 16_000));
    // 16.0 as IEEE 754: 0x41800000.
    expect(again.frames()).toEqual(['01050190ff00', '011000c800020441800000']);
    expect(frames()).toContain('010501900000');
  });
});

test('ED-07 a pile without a second way to stop is stopped by the first', async () => {
  const { driver, frames, settled } = rig(boxProfile({ commands: { ...boxProfile().commands, hardStop: null } }));
  await settled(driver.command('hardStop', null));
  expect(frames()).toEqual(['010600640000']);
});

test('ED-04 a step that the pile refuses ends the command: the rest is not written', async () => {
  const { driver, frames, refused, settled } = rig(lockBox);
  refused.add(1);
  expect(await settled(driver.command('start', 16_000))).toEqual([expect.stringMatching(/^exception/)]);
  expect(frames()).toHaveLength(1);
});

test('ED-04 half a picture is none: a read of which one part fails is a failure', async () => {
  const { driver, refused, settled } = rig(boxProfile());
  refused.add(3);
  expect(await settled(driver.read())).toEqual([expect.stringMatching(/^exception/)]);
});

describe('ED-02 set-up is proven', () => {
  test('a pile that has taken it is set up', async () => {
    const { driver, words, settled } = rig(boxProfile());
    words.set(110, 15_000);
    expect(await settled(driver.setUp())).toEqual(['done']);
  });

  test('a pile that acknowledges and keeps its own value is not', async () => {
    const { driver, words, settled } = rig(boxProfile());
    words.set(110, 60_000);
    expect(await settled(driver.setUp())).toEqual(['test-box: "watchdog" reads 60000 after set-up']);
  });

  test('a pile that has restarted in a blink is found out', async () => {
    const { driver, words, settled } = rig(boxProfile());
    words.set(110, 15_000);
    await settled(driver.setUp());
    expect(await settled(driver.prove('poll'))).toEqual(['done']);
    words.set(110, 0);
    expect(await settled(driver.prove('poll'))).toEqual(['test-box: "watchdog" reads 0 after set-up']);
  });
});

describe('ED-07 a stop that overtakes a start wins', () => {
  test.each(['softStop', 'hardStop'] as const)('%s: no step of the start is written after it', async (stop) => {
    const { driver, time, frames, settled } = rig(lockBox);
    const start = driver.command('start', 16_000);
    start.catch(() => {});
    await time.pass(10);
    expect(await settled(start, driver.command(stop, null))).toEqual([expect.stringMatching(/^superseded/), 'done']);
    expect(frames()).toHaveLength(2);
    expect(frames()).not.toContain('010600643e80');
  });

  test.each(['softStop', 'hardStop'] as const)(
    '%s: also when the first step still waits for the line',
    async (stop) => {
      const { driver, time, frames, settled, busyLine } = rig(lockBox);
      busyLine();
      await time.pass(1);
      const start = driver.command('start', 16_000);
      start.catch(() => {});
      await time.pass(1);
      expect(await settled(start, driver.command(stop, null))).toEqual([expect.stringMatching(/^superseded/), 'done']);
      expect(frames().slice(1)).toEqual([stop === 'softStop' ? '010600640000' : '010501900000']);
    },
  );

  test('a start after a stop is whole', async () => {
    const { driver, frames, settled } = rig(lockBox);
    await settled(driver.command('softStop', null));
    expect(await settled(driver.command('start', 16_000))).toEqual(['done']);
    expect(frames()).toHaveLength(3);
  });
});

describe('ED-07 the watchdog is fed with no more than is in force', () => {
  const limits = (frames: string[]) =>
    frames.filter((hex) => hex.startsWith('01060064')).map((hex) => Number.parseInt(hex.slice(8), 16));

  test('the limit of the charge, and 0 without one', async () => {
    const { driver, frames, settled } = rig(boxProfile());
    await settled(driver.command('start', 10_000));
    await settled(driver.feedWatchdog(true));
    await settled(driver.feedWatchdog(false));
    expect(limits(frames())).toEqual([10_000, 10_000, 0]);
  });

  test('a limit that the pile has refused is not repeated', async () => {
    const { driver, frames, refused, settled } = rig(boxProfile());
    refused.add(1);
    expect(await settled(driver.command('start', 16_000))).not.toEqual(['done']);
    await settled(driver.feedWatchdog(true));
    expect(limits(frames())).toEqual([16_000]);
  });

  test('nothing until the limit is known: after a restart of the controller the pile tells it', async () => {
    const { driver, frames, words, settled } = rig(boxProfile());
    expect(await settled(driver.feedWatchdog(true))).toEqual(['done']);
    expect(frames()).toEqual([]);
    words.set(100, 8000);
    await settled(driver.read());
    await settled(driver.feedWatchdog(true));
    expect(limits(frames())).toEqual([8000]);
    driver.forget();
    words.set(100, 6000);
    await settled(driver.read());
    await settled(driver.feedWatchdog(true));
    expect(limits(frames())).toEqual([8000, 6000]);
  });

  test('a stop overtakes a feed that waits for the line, and the feed is not written after it', async () => {
    const { driver, time, frames, settled, busyLine } = rig(boxProfile());
    await settled(driver.command('start', 16_000));
    busyLine();
    await time.pass(1);
    const feed = driver.feedWatchdog(true);
    feed.catch(() => {});
    await time.pass(1);
    expect(await settled(feed, driver.command('softStop', null))).toEqual([
      expect.stringMatching(/^superseded/),
      'done',
    ]);
    expect(limits(frames())).toEqual([16_000, 0]);
  });

  test('a lower limit overtakes a feed that waits for the line, and the feed does not raise it again', async () => {
    const { driver, time, frames, settled, busyLine } = rig(boxProfile());
    await settled(driver.command('start', 16_000));
    busyLine();
    await time.pass(1);
    const feed = driver.feedWatchdog(true);
    feed.catch(() => {});
    await time.pass(1);
    await settled(feed, driver.command('start', 6000));
    expect(limits(frames()).at(-1)).toBe(6000);
    await settled(driver.feedWatchdog(true));
    expect(limits(frames()).at(-1)).toBe(6000);
  });

  test('a watchdog that wants to see a register change gets two values in turn', async () => {
    const watchdog = { ...boxProfile().watchdog, feed: [{ write: 'life', value: { alternate: [1, 2] } }] };
    const { driver, frames, settled } = rig(boxProfile({ watchdog }));
    for (let i = 0; i < 4; i += 1) await settled(driver.feedWatchdog(false));
    expect(frames().map((hex) => Number.parseInt(hex.slice(8), 16))).toEqual([2, 1, 2, 1]);
  });

  test('a pile that reading keeps alive is not fed', async () => {
    const { driver, frames, settled } = rig(lockBox);
    expect(await settled(driver.feedWatchdog(true))).toEqual(['done']);
    expect(frames()).toEqual([]);
  });
});
