import { expect, test } from 'vitest';
import { type Chain, chainSchema, channelsOf, complaintAbout, nextTick, onCall } from './chain.ts';

const MIN = 60_000;
const start = Date.parse('2026-11-20T10:00:00Z');
const chain: Chain = chainSchema.parse({
  steps: [
    { after_min: 0, tell: [{ channel: 'group' }] },
    { after_min: 10, tell: [{ rota: 'night' }] },
    { after_min: 30, tell: [{ channel: 'boss' }] },
  ],
  repeat: { every_min: 20, at_most: 3 },
});

/** What is told at which minute when somebody looks every `everyMin` minutes, from `fromMin` on. */
function run(plan: Chain, { everyMin = 1, fromMin = 0, forMin = 300 } = {}): string[] {
  const told: string[] = [];
  let ticks = 0;
  for (let min = fromMin; min <= forMin; min += everyMin) {
    for (;;) {
      const next = nextTick(plan, { fromMs: start, ticks }, start + min * MIN);
      if (next.kind !== 'tell') break;
      ticks = next.ticks;
      told.push(`${min}${next.isRepeat ? 'r' : ''}:${next.targets.map((one) => Object.values(one)[0]).join('+')}`);
    }
  }
  return told;
}

test('XC-02 steps come in their time, then everybody again, so often and no more', () => {
  const all = 'group+night+boss';
  expect(run(chain)).toEqual(['0:group', '10:night', '30:boss', `50r:${all}`, `70r:${all}`, `90r:${all}`]);
});

test('XC-02 whoever looks late loses no step, and tells of several repeats once', () => {
  expect(run(chain, { fromMin: 75, everyMin: 5 })).toEqual([
    '75:group',
    '75:night',
    '75:boss',
    '75r:group+night+boss',
    '90r:group+night+boss',
  ]);
  expect(run(chain, { fromMin: 299 }).at(-1)).toBe('299r:group+night+boss');
});

test('XC-02 until when to wait is told', () => {
  expect(nextTick(chain, { fromMs: start, ticks: 1 }, start + MIN)).toEqual({
    kind: 'wait',
    untilMs: start + 10 * MIN,
  });
  expect(nextTick(chain, { fromMs: start, ticks: 6 }, start + 999 * MIN)).toEqual({ kind: 'done' });
  expect(nextTick({ ...chain, steps: [] }, { fromMs: start, ticks: 0 }, start)).toEqual({ kind: 'done' });
});

test('XC-02 quiet hours put off what is due in them to their end, over midnight too, by the clock of the zone', () => {
  const quiet = { from: '22:00', until: '07:30', timezone: 'Asia/Shanghai' };
  const low: Chain = { ...chain, quiet_hours: quiet };
  // 10:00Z is 18:00 in Shanghai.
  expect(nextTick(low, { fromMs: start, ticks: 0 }, start)).toMatchObject({ kind: 'tell' });
  const atNight = Date.parse('2026-11-20T15:20:30Z');
  const morning = Date.parse('2026-11-20T23:30:00Z');
  expect(nextTick(low, { fromMs: atNight, ticks: 0 }, atNight)).toEqual({ kind: 'wait', untilMs: morning });
  expect(nextTick(low, { fromMs: atNight, ticks: 0 }, morning)).toMatchObject({ kind: 'tell' });
  const noon = { from: '12:00', until: '13:00', timezone: 'UTC' };
  const atNoon = Date.parse('2026-11-20T12:59:00Z');
  expect(nextTick({ ...chain, quiet_hours: noon }, { fromMs: atNoon, ticks: 0 }, atNoon)).toEqual({
    kind: 'wait',
    untilMs: Date.parse('2026-11-20T13:00:00Z'),
  });
});

test('XC-02 high levels have no quiet hours, and begin at once', () => {
  const quiet_hours = { from: '22:00', until: '07:00', timezone: 'UTC' };
  expect(complaintAbout('warning', { ...chain, quiet_hours })).toBeNull();
  expect(complaintAbout('critical', { ...chain, quiet_hours })).toContain('quiet hours');
  expect(complaintAbout('emergency', { ...chain, steps: [] })).toContain('at once');
  expect(complaintAbout('emergency', chain)).toBeNull();
  const backwards = [
    { after_min: 5, tell: [{ all: true }] },
    { after_min: 5, tell: [{ all: true }] },
  ];
  expect(chainSchema.safeParse({ steps: backwards }).success).toBe(false);
});

test('XC-02 on call is whose shift it is, and otherwise who is always there', () => {
  const shift = (from: string, until: string, channel: string) => ({ from, until, channel });
  const rota = {
    shifts: [
      shift('2026-11-20T08:00:00+08:00', '2026-11-20T20:00:00+08:00', 'wang'),
      shift('2026-11-20T20:00:00+08:00', '2026-11-21T08:00:00+08:00', 'zhao'),
    ],
    otherwise: ['office'],
  };
  const at = (text: string) => onCall(rota, Date.parse(text));
  expect([at('2026-11-20T11:59:59Z'), at('2026-11-20T12:00:00Z'), at('2026-11-22T00:00:00Z')]).toEqual([
    ['wang'],
    ['zhao'],
    ['office'],
  ]);
  const targets = [{ rota: 'night' }, { channel: 'office' }, { all: true as const }, { rota: 'gone' }];
  const known = { rotas: new Map([['night', rota]]), all: ['office', 'group'] };
  expect(channelsOf(targets, known, start)).toEqual(['wang', 'office', 'group']);
});
