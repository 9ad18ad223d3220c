import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { openControlSocket } from './control-socket.ts';

const PILECTL = join(import.meta.dirname, 'pilectl.ts');

/** A site with one latched connector that refuses to be reset while current flows. */
async function site(refusal: string | null = null) {
  const dataDir = mkdtempSync(join(tmpdir(), 'pilegate-pilectl-'));
  onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }));
  const resets: string[] = [];
  const view = { pileId: 'A1', connectorId: 'DEMO-A1', status: 'faulted', observedAtMs: 0, plugged: true } as const;
  const rest = { sessionId: null, energyWh: 1234, powerW: 0, currentMa: 16_000, temperatureC: null } as const;
  const control = await openControlSocket(dataDir, {
    status: () => ({ siteId: 'demo', connectors: [{ ...view, ...rest, faults: ['stop-not-proven'] }], sync: null }),
    reset: (connectorId) => {
      resets.push(connectorId);
      return refusal === null ? { cleared: ['stop-not-proven'] } : { refused: refusal };
    },
    log: pino({ level: 'silent' }),
  });
  onTestFinished(() => control.close());
  const type = async (...words: string[]) => {
    const child = spawn(process.execPath, [PILECTL, ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
    const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
    return { out, err, code };
  };
  return { dataDir, resets, type };
}

test('ED-16 status shows every connector with units, and what is wrong', async () => {
  const { dataDir, type } = await site();
  const { out, code } = await type('--data', dataDir, 'status');
  expect(code).toBe(0);
  expect(out).toMatch(/DEMO-A1\s+faulted\s+16\.0 A\s+1\.234 kWh\s+-\s+stop-not-proven/);
});

test('ED-16 ED-07 only "reset" and a connector resets; anything else is answered by how to use it', async () => {
  const { dataDir, resets, type } = await site();
  for (const words of [['status', 'DEMO-A1'], ['reset'], ['reset', 'DEMO-A1', 'now'], ['stop'], ['--help'], []]) {
    const { err, code } = await type('--data', dataDir, ...words);
    expect({ words, code, isUsage: err.startsWith('pilectl --data') }).toEqual({ words, code: 2, isUsage: true });
  }
  expect(resets).toEqual([]);
  expect(await type('--data', dataDir, 'reset', 'DEMO-A1')).toMatchObject({ out: 'done\n', code: 0 });
  expect(resets).toEqual(['DEMO-A1']);
});

test('ED-07 a reset that is refused says why', async () => {
  const { dataDir, type } = await site('16.0 A still flow: cut the pile off first');
  expect(await type('--data', dataDir, 'reset', 'DEMO-A1')).toMatchObject({
    err: 'not done: 16.0 A still flow: cut the pile off first\n',
    code: 1,
  });
});
