import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';

// In a process of its own: it is the whole process that stays small, and not for this test alone.
test('the space for new objects shrinks at once, and stays small whatever is made', () => {
  const program = join(import.meta.dirname, 'testing-garbage.ts');
  const { grownMb, atOnceMb, laterMb } = JSON.parse(execFileSync(process.execPath, [program], { encoding: 'utf8' }));
  expect(grownMb).toBeGreaterThan(4);
  expect(atOnceMb).toBeLessThan(4);
  expect(laterMb).toBeLessThan(4);
});
