import { describe, expect, test } from 'vitest';
import { type FaultEntry, STOP_DEADLINE_MS } from './faults/entry.ts';
import { faultCatalogue, faultCodes } from './faults.ts';

const entries: [string, FaultEntry][] = Object.entries(faultCatalogue);
const english = ({ en, doEn, driverEn }: FaultEntry) => [en, doEn, driverEn];
const chinese = ({ zh, doZh, driverZh }: FaultEntry) => [zh, doZh, driverZh];
const stops = ({ reaction }: FaultEntry) => reaction === 'hard-stop' || reaction === 'soft-stop';
const codesOf = (is: (entry: FaultEntry) => boolean) => entries.filter(([, entry]) => is(entry)).map(([code]) => code);

describe.each(entries)('%s', (code, entry) => {
  test('ED-07 says what is wrong, what to do and what to tell a driver, in English and in Chinese', () => {
    expect(code).toMatch(/^[a-z]+(-[a-z]+)*$/);
    for (const text of english(entry)) expect(text).toMatch(/^[A-Z][\x20-\x7e]{9,}\.$/);
    for (const text of chinese(entry)) expect(text).toMatch(/^[^a-z]*\p{Script=Han}{2}[^a-z]*。$/u);
    expect(entry.source).toMatch(/^[\x20-\x7e]{20,}$/);
  });

  test('ED-07 a stop has a deadline within the budget, and what stops nothing has none', () => {
    if (stops(entry)) {
      expect(entry.deadlineMs).toBeGreaterThan(0);
      expect(entry.deadlineMs).toBeLessThanOrEqual(10_000);
    } else expect(entry.deadlineMs).toBe(0);
  });

  test('ED-07 what a technician has to reset is critical, and keeps new charges away', () => {
    if (!entry.latch) return;
    expect(entry.severity).toBe('critical');
    expect(entry.reaction).not.toBe('none');
  });
});

test('ED-07 no two texts of the catalogue are equal', () => {
  for (const texts of [english, chinese]) {
    const all = entries.flatMap(([, entry]) => texts(entry));
    expect(all.filter((text, i) => all.indexOf(text) !== i)).toEqual([]);
  }
});

test('ED-05.o every cause that the requirement names is in the catalogue', () => {
  const named: Record<string, string[]> = {
    a: ['emergency-stop', 'site-emergency-stop'],
    b: ['over-temperature', 'bms-connector-over-temperature'],
    c: ['over-voltage'],
    d: ['under-voltage'],
    e: ['over-current'],
    f: ['overload'],
    g: ['insulation-fault'],
    h: ['residual-current'],
    i: ['gun-removed'],
    j: ['bms-fault', 'bms-silent'],
    k: ['communication-lost'],
    l: ['meter-stuck', 'meter-backward'],
    m: ['max-duration'],
    n: ['max-energy'],
    o: ['unknown-fault', 'unknown-state'],
  };
  for (const code of Object.values(named).flat()) {
    expect(faultCodes).toContain(code);
    expect(stops(faultCatalogue[code as keyof typeof faultCatalogue])).toBe(true);
  }
  expect(faultCatalogue['storage-full'].reaction).toBe('refuse');
  expect(faultCatalogue['clock-untrusted'].reaction).toBe('refuse');
});

test('ED-07 what may be dangerous to use again waits for a technician, and nothing else does', () => {
  expect(codesOf(({ latch }) => latch)).toEqual([
    'over-current',
    'residual-current',
    'insulation-fault',
    'ground-fault',
    'contactor-welded',
    'stop-not-proven',
    'stop-refused',
    'trip-failed',
    'bms-over-current',
    'starts-fail',
    'site-emergency-stop',
    'fire',
    'smoke',
    'flood',
  ]);
});

test('ED-07 what harms at once is cut off hard, and what does not may ramp down', () => {
  expect(codesOf(({ reaction }) => reaction === 'hard-stop')).toEqual([
    'over-current',
    'overload',
    'residual-current',
    'insulation-fault',
    'ground-fault',
    'over-voltage',
    'voltage-fault',
    'contactor-welded',
    'emergency-stop',
    'control-pilot-fault',
    'bms-silent',
    'bms-insulation',
    'bms-relay-fault',
    'bms-over-current',
    'bms-voltage-fault',
    'pile-fault',
    'pile-hardware-fault',
    'unknown-fault',
    'unknown-state',
    'energy-without-session',
    'site-emergency-stop',
    'fire',
    'smoke',
    'flood',
  ]);
  expect(STOP_DEADLINE_MS).toBe(10_000);
});
