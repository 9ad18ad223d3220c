import { pino } from 'pino';
import { expect, test } from 'vitest';
import { ManualTime } from '../bus/testing.ts';
import { beginWatch, lateLoops, look } from './liveness.ts';
import { watchField, watchLedger } from './mutual-watch.ts';
import { systemdAsks } from './systemd-notify.ts';
import { SystemdService, statusLine } from './systemd-service.ts';
import { shareTurns, TurnCounters } from './turn-counters.ts';
import { LEDGER_LOOP } from './watched-loops.ts';

const loops = [
  { name: 'A1', boundMs: 30_000 },
  { name: 'B1', boundMs: 60_000 },
];

test('ED-18 a loop is late when its count has rested for its own bound, and not a millisecond before', () => {
  const begun = beginWatch(loops, 1000);
  const seen = look(begun, [1, 1], 5000);
  expect(lateLoops(seen, 34_999)).toEqual([]);
  expect(lateLoops(seen, 35_000)).toEqual([{ name: 'A1', forMs: 30_000 }]);
  expect(lateLoops(seen, 65_000)).toEqual([
    { name: 'A1', forMs: 60_000 },
    { name: 'B1', forMs: 60_000 },
  ]);
});

test('ED-18 one loop that hangs is late though the others turn on', () => {
  let seen = beginWatch(loops, 0);
  for (let atMs = 1000; atMs <= 30_000; atMs += 1000) seen = look(seen, [0, atMs], atMs);
  expect(lateLoops(seen, 30_000)).toEqual([{ name: 'A1', forMs: 30_000 }]);
});

test('ED-18 a watcher that was held up itself for a minute accuses nobody', () => {
  const before = look(beginWatch(loops, 0), [1, 1], 1000);
  expect(lateLoops(look(before, [60, 60], 61_000), 61_000)).toEqual([]);
});

test('ED-18 counters are the same memory on both sides, and a loop that nobody watches cannot count', () => {
  const shared = shareTurns(loops);
  const field = new TurnCounters(shared);
  const ledger = new TurnCounters(structuredClone(shared));
  field.turned('B1');
  field.turned('B1');
  expect(ledger.turns()).toEqual([0, 2]);
  expect(() => field.turned('C1')).toThrow('no loop "C1" is watched');
});

test.each([
  ['no systemd', {}, null],
  ['an empty socket', { NOTIFY_SOCKET: '' }, null],
  ['no watchdog', { NOTIFY_SOCKET: '/run/n' }, { feedEveryMs: null }],
  ['30 s', { NOTIFY_SOCKET: '/run/n', WATCHDOG_USEC: '30000000' }, { feedEveryMs: 15_000 }],
  ['30 s, for us', { NOTIFY_SOCKET: '/run/n', WATCHDOG_USEC: '30000000', WATCHDOG_PID: '42' }, { feedEveryMs: 15_000 }],
  [
    '30 s, for another',
    { NOTIFY_SOCKET: '/run/n', WATCHDOG_USEC: '30000000', WATCHDOG_PID: '7' },
    { feedEveryMs: null },
  ],
  ['nonsense', { NOTIFY_SOCKET: '/run/n', WATCHDOG_USEC: 'soon' }, { feedEveryMs: null }],
])('ED-18 what systemd asks: %s', (_, env, asks) => {
  expect(systemdAsks(env, 42)).toEqual(asks);
});

/** Both threads in one, with a clock in the hand. */
function rig(options: { notify?: () => Promise<string | null> } = {}) {
  const time = new ManualTime();
  const turns = { field: shareTurns(loops), ledger: shareTurns([LEDGER_LOOP]) };
  const logged: { level: number; msg: string }[] = [];
  const log = pino({ level: 'info' }, { write: (text: string) => logged.push(JSON.parse(text)) });
  const told: { atMs: number; lines: readonly string[] }[] = [];
  const service = new SystemdService({
    asks: { feedEveryMs: 15_000 },
    clock: time,
    log,
    notify: (lines) => {
      told.push({ atMs: time.monoMs(), lines });
      return options.notify?.() ?? Promise.resolve(null);
    },
    status: () => 'all is well',
  });
  const parts = { turns, clock: time, timers: time, log };
  const fromMs = time.monoMs();
  const said = (what: string) =>
    told.filter(({ lines }) => lines.some((line) => line.startsWith(what))).map(({ atMs }) => atMs - fromMs);
  return { time, parts, service, told, logged, said, field: new TurnCounters(turns.field) };
}

/** Lets so many seconds pass; each loop named turns once in each. */
async function turn({ time, field }: ReturnType<typeof rig>, seconds: number, ...names: string[]) {
  for (let i = 0; i < seconds; i += 1) {
    for (const name of names) field.turned(name);
    await time.pass(1000);
  }
}

test('ED-18 nothing is fed before the start; then READY, and a feed at half of the watchdog time', async () => {
  const site = rig();
  watchField(site.parts, site.service).start();
  await turn(site, 20, 'A1', 'B1');
  expect(site.told).toEqual([]);
  site.service.started();
  await turn(site, 46, 'A1', 'B1');
  expect(site.told[0]?.lines).toEqual(['READY=1', 'STATUS=all is well']);
  expect(site.said('WATCHDOG=1')).toEqual([21_000, 36_000, 51_000, 66_000]);
});

test('ED-18 one connector loop that hangs ends the feeds, says so once, and is fed for again when it turns', async () => {
  const site = rig();
  watchField(site.parts, site.service).start();
  site.service.started();
  await turn(site, 10, 'A1', 'B1');
  await turn(site, 60, 'B1');
  expect(site.said('WATCHDOG=1')).toEqual([1000, 16_000, 31_000]);
  expect(site.said('STATUS=not fed')).toEqual([40_000]);
  expect(site.told.at(-1)?.lines).toEqual(['STATUS=not fed: A1 has not turned for 30 s']);
  expect(site.logged.map(({ level, msg }) => ({ level, msg }))).toEqual([
    { level: 50, msg: 'connector loops stand still: A1 has not turned for 30 s' },
  ]);
  await turn(site, 2, 'A1', 'B1');
  expect(site.said('WATCHDOG=1').at(-1)).toBe(71_000);
  expect(site.logged.at(-1)?.msg).toBe('every connector loop turns again');
});

test('ED-18 an orderly end is announced, and nothing is fed or accused after it', async () => {
  const site = rig();
  watchField(site.parts, site.service).start();
  site.service.started();
  await turn(site, 2, 'A1', 'B1');
  site.service.stopping();
  await turn(site, 90);
  expect(site.told.slice(2).map(({ lines }) => lines)).toEqual([['STOPPING=1']]);
});

test('ED-18 a word that systemd could not be told is an error on the log, and the next one is tried all the same', async () => {
  const site = rig({ notify: () => Promise.resolve('spawn systemd-notify ENOENT') });
  watchField(site.parts, site.service).start();
  site.service.started();
  await turn(site, 17, 'A1', 'B1');
  expect(site.said('WATCHDOG=1')).toEqual([1000, 16_000]);
  expect(site.logged.map(({ msg }) => msg)).toEqual(Array(3).fill('systemd could not be told'));
});

test('ED-18 the field thread sees a ledger thread that hangs, and that it is back', async () => {
  const site = rig();
  const ledger = watchField(site.parts, null);
  const late: (string | null)[] = [];
  ledger.start();
  watchLedger(site.parts, (loop) => late.push(loop === null ? null : `${loop.name} ${loop.forMs}`)).start();
  await site.time.pass(30_000);
  expect(late).toEqual([]);
  ledger.stop();
  await site.time.pass(20_000);
  expect(late).toEqual(['ledger 10000']);
  ledger.start();
  await site.time.pass(3000);
  expect(late).toEqual(['ledger 10000', null]);
});

test('ED-18 the status line says in one line how the site is', () => {
  const view = { sessionId: null } as Parameters<typeof statusLine>[0][number];
  expect(statusLine([view, { ...view, sessionId: 'x' }], { link: 'open', backlog: 12 })).toBe(
    '2 connectors, 1 in a charge; cloud open, 12 records waiting',
  );
});
