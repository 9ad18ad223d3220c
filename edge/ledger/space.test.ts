import { describe, expect, test } from 'vitest';
import { diskMarkBytes, judgeSpace, levelOf, type SpaceReading, type SpaceState, unjudged } from './space.ts';

const MIB = 1_048_576;
const GIB = 1024 * MIB;
const reading = (change: Partial<SpaceReading>): SpaceReading => ({
  totalBytes: 8 * GIB,
  freeBytes: 4 * GIB,
  ledgerBytes: 0,
  ledgerMaxBytes: 512 * MIB,
  ...change,
});
const levelAt = (freeMib: number, totalMib: number, before: SpaceState = unjudged) =>
  judgeSpace(before, reading({ freeBytes: freeMib * MIB, totalBytes: totalMib * MIB })).disk;

describe('ED-11 levels of free space', () => {
  test.each([
    // A share of a middling disk: 20, 10 and 4 %.
    [4096, 820, 'ample'],
    [4096, 819, 'low'],
    [4096, 409, 'scarce'],
    [1000, 39, 'critical'],
    // Of a large one no more than is of use.
    [256 * 1024, 1024, 'ample'],
    [256 * 1024, 1023, 'low'],
    [256 * 1024, 511, 'scarce'],
    [256 * 1024, 63, 'critical'],
    // Of a small one no less than a ledger needs.
    [3, 3, 'low'],
    [3, 1.9, 'scarce'],
    [3, 0.9, 'critical'],
  ])('%i MiB with %d MiB free: %s', (total, free, level) => {
    expect(levelAt(free, total)).toBe(level);
  });

  test('the marks are in order on every disk', () => {
    for (const total of [0, MIB, 3 * MIB, 100 * MIB, GIB, 1000 * GIB]) {
      const [low, scarce, critical] = (['low', 'scarce', 'critical'] as const).map((mark) =>
        diskMarkBytes(mark, total),
      );
      expect(low).toBeGreaterThan(scarce ?? 0);
      expect(scarce).toBeGreaterThan(critical ?? 0);
    }
  });

  test('a level is left only with a quarter more than it takes to come into it', () => {
    const scarce: SpaceState = { disk: 'scarce', ledger: 'ample' };
    expect(levelAt(410, 4096)).toBe('low');
    expect(levelAt(410, 4096, scarce)).toBe('scarce');
    expect(levelAt(511, 4096, scarce)).toBe('scarce');
    expect(levelAt(513, 4096, scarce)).toBe('low');
    expect(levelAt(5, 4096, scarce)).toBe('critical');
  });

  test("the ledger's own cap counts as well, and the worse of both is the level", () => {
    const at = (share: number, before = unjudged) =>
      judgeSpace(before, reading({ ledgerBytes: share * 512 * MIB, freeBytes: GIB }));
    expect([0.79, 0.8, 0.9, 0.95].map((share) => at(share).ledger)).toEqual(['ample', 'low', 'scarce', 'critical']);
    expect(at(0.91, at(0.95)).ledger).toBe('critical');
    expect(at(0.89, at(0.95)).ledger).toBe('scarce');
    expect(levelOf(at(0.95))).toBe('critical');
    expect(levelOf({ disk: 'critical', ledger: 'low' })).toBe('critical');
  });
});
