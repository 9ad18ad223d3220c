import { expect, test, vi } from 'vitest';
import { BUDGET_PER_PILE_DAY_BYTES, perPileDay } from './storage-health.ts';
import { open, openStorage, sessionOn, tempFolder } from './testing.ts';

// Every commit is synced to a disk that others may keep busy.
vi.setConfig({ testTimeout: 60_000 });

test('ED-11 a pile that charges all day, alone at its site, stays within the budget of bytes written', () => {
  const { storage, commit, pass, time } = openStorage(tempFolder());
  const session = sessionOn(1);
  for (let second = 0; second < 3600; second += 10) {
    pass(10_000);
    const at = { ...session.startedAt, ...time };
    const measured = { registerWh: 50_000 + second, currentMa: 16_000, powerW: 11_000, temperatureDc: 300 };
    storage.takeSamples([{ connectorId: 'P1-1', at, status: 'charging', ...measured, sessionId: session.sessionId }]);
    if (second % 60 === 0) commit(open({ ...session, lastReading: { ...session.lastReading, atMs: at.wallMs } }));
    storage.tick();
  }
  const written = storage.health.writtenPerPileDayBytes;
  expect(written).toBeGreaterThan(1_000_000);
  expect(written).toBeLessThan(BUDGET_PER_PILE_DAY_BYTES);
});

test('ED-11 the rate is that of a pile and a day, and not told before there is something to go by', () => {
  expect(perPileDay(1_000_000, 599_999, 4)).toBeNull();
  expect(perPileDay(null, 86_400_000, 4)).toBeNull();
  expect(perPileDay(1_000_000, 43_200_000, 4)).toBe(500_000);
});
