import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, expect, onTestFinished, test, vi } from 'vitest';
import { systemRandom } from '../random.ts';
import { makeAuthority, openAuthority } from '../sites/authority.ts';
import { systemTimers } from '../system-timers.ts';
import { createTestClock } from '../testing/test-clock.ts';
import { openTestDatabase } from '../testing/test-database.ts';
import { mosquittoLinks } from './mosquitto-links.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

test('SY-06 nothing is signalled but the process that the broker has written down', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pilegate-broker-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const clock = createTestClock();
  const db = await openTestDatabase();
  onTestFinished(() => db.destroy());
  const nowMs = clock.wallMs();
  const authority = await openAuthority(await makeAuthority('Test', '01aa', nowMs, nowMs + 86_400_000));
  const pidFile = join(folder, 'broker.pid');
  const links = mosquittoLinks(
    { db, clock, random: systemRandom, timers: systemTimers, logger: pino({ level: 'silent' }) },
    { url: 'mqtt://127.0.0.1:1' },
    { authority, revokedFile: join(folder, 'revoked.crl'), pidFile },
  );
  const kill = vi.spyOn(process, 'kill').mockReturnValue(true);
  // 0 would be the whole group of this process, and a negative number the group of another.
  for (const text of ['', '0\n', '-7', '1', 'mosquitto']) {
    writeFileSync(pidFile, text);
    await expect(links.cut('site-1', 'a'.repeat(64)), JSON.stringify(text)).rejects.toThrow(pidFile);
  }
  expect(kill).not.toHaveBeenCalled();
  writeFileSync(pidFile, '4711\n');
  await expect(links.cut('site-1', 'a'.repeat(64))).resolves.toBe(true);
  expect(kill.mock.calls).toEqual([[4711, 'SIGHUP']]);
});
