import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { expect, type TestContext, test } from 'vitest';

type Child = ChildProcessByStdio<Writable, Readable, Readable>;
type Line = { said: number; msg: string; dropped?: number };

const program = fileURLToPath(new URL('./chatty-program.ts', import.meta.url));

/** `through`: what standard error is: a socket, as under systemd, or a pipe, as behind a shell. */
function begin(through: 'socket' | 'pipe', { onTestFinished }: Pick<TestContext, 'onTestFinished'>): Child {
  const [command, args] =
    through === 'socket'
      ? [process.execPath, [program]]
      : ['/bin/sh', ['-c', 'exec 3>&1; "$0" "$1" 2>&1 >&3 | cat >&2', process.execPath, program]];
  const child = spawn(command, args, { stdio: 'pipe' });
  onTestFinished(async () => {
    child.stdin.end();
    child.stdout.resume();
    child.stderr.resume();
    if (child.exitCode === null) await once(child, 'exit');
  });
  return child;
}

async function told(child: Child, seconds: number): Promise<{ said: number; worstMs: number }> {
  const lines = createInterface({ input: child.stdout });
  for (let second = 1; second < seconds; second += 1) await once(lines, 'line');
  const [line] = await once(lines, 'line');
  lines.close();
  return JSON.parse(line as string);
}

test.concurrent.for(['socket', 'pipe'] as const)(
  'ED-07 a reader of the log that stalls, behind a %s, does not hold the event loop up; what is dropped is counted',
  { timeout: 40_000 },
  async (through, context) => {
    const { expect } = context;
    const child = begin(through, context);
    child.stderr.pause();
    const stalled = await told(child, 5);
    expect(stalled.worstMs).toBeLessThan(3000);
    expect(stalled.said).toBeGreaterThan(60);
    const lines: Line[] = [];
    createInterface({ input: child.stderr }).on('line', (line) => {
      // Of its last line the end may be missing, when it ends before the reader has made room for all of it.
      if (line.endsWith('}')) lines.push(JSON.parse(line));
    });
    await expect.poll(() => lines.find((line) => line.dropped !== undefined)).toBeDefined();
    const at = lines.findIndex((line) => line.dropped !== undefined);
    const [before, after] = [lines[at - 1], lines.slice(at + 1).find((line) => line.said !== undefined)];
    await expect.poll(() => lines.length).toBeGreaterThan(at + 1);
    const next = after ?? lines[at + 1];
    expect(lines.slice(0, at).map(({ said }) => said)).toEqual(Array.from({ length: at }, (_, i) => i + 1));
    expect(lines[at]?.dropped).toBe((next?.said ?? 0) - (before?.said ?? 0) - 1);
  },
);

test.concurrent('ED-07 an end in doubt comes in time though nobody reads the log', {
  timeout: 40_000,
}, async (context) => {
  const child = begin('socket', context);
  child.stderr.pause();
  await told(child, 3);
  child.stdin.write('die');
  const beganMs = performance.now();
  const [exitCode] = await once(child, 'exit');
  expect(exitCode).toBe(1);
  expect(performance.now() - beganMs).toBeLessThan(5000);
});
