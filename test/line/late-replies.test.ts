import { describe, expect, test } from 'vitest';
import { runTrap, type TrapFault, type TrapSettings, trapFaults } from './seeded-trap.ts';

// Goal: no caller is ever given a register of another address, however replies are delayed, lost, damaged, kept back
// or shifted. Method: thousands of seeded runs in simulated time against the simulator's own line and gateway; every
// register's word says where it is. A failure names its seed: run it alone by `runTrap({ seed, … })`.

const RUNS_PER_TEST = 400;
/** A reply that a device sends twice, of its own accord, breaks the order that everything else keeps. */
const inOrder: readonly TrapFault[] = trapFaults.filter((fault) => fault !== 'duplicate');

async function runAll(from: number, settings: Omit<TrapSettings, 'seed'>) {
  const failed: { seed: number; wrong: readonly string[]; lost: readonly string[] }[] = [];
  let answers = 0;
  let failures = 0;
  for (let seed = from; seed < from + RUNS_PER_TEST; seed += 1) {
    const result = await runTrap({ ...settings, seed });
    answers += result.answers;
    failures += result.failures;
    if (result.wrong.length + result.lost.length > 0)
      failed.push({ seed, wrong: result.wrong.slice(0, 3), lost: result.lost.slice(0, 3) });
  }
  return { answers, failures, failed };
}

describe.each(['serial', 'rtu-over-tcp'] as const)('ED-04 %s', (transport) => {
  test.each([0, 1, 2, 3].map((part) => 1 + part * RUNS_PER_TEST))(
    'seeds from %i: not one word of another register, and every block is read again when the faults are over',
    { timeout: 180_000 },
    async (from) => {
      const { answers, failures, failed } = await runAll(from, { transport, faults: inOrder });
      expect(failed).toEqual([]);
      // The runs were neither idle nor healthy.
      expect(answers).toBeGreaterThan(100 * RUNS_PER_TEST);
      expect(failures).toBeGreaterThan(20 * RUNS_PER_TEST);
    },
  );
});
