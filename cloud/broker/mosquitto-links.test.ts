import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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

/** The links to a broker that is not there. */
async function openLinks() {
  const folder = mkdtempSync(join(tmpdir(), 'pilegate-broker-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const clock = createTestClock();
  const db = await openTestDatabase();
  onTestFinished(() => db.destroy());
  const nowMs = clock.wallMs();
  const authority = await openAuthority(await makeAuthority('Test', '01aa', nowMs, nowMs + 86_400_000));
  const pidFile = join(folder, 'broker.pid');
  const revokedFile = join(folder, 'revoked.crl');
  const links = mosquittoLinks(
    { db, clock, random: systemRandom, timers: systemTimers, logger: pino({ level: 'silent' }) },
    { url: 'mqtt://127.0.0.1:1' },
    { authority, revokedFile, pidFile },
  );
  return { links, clock, db, pidFile, readList: () => readFileSync(revokedFile, 'utf8') };
}

test('SY-06 nothing is signalled but the process that the broker has written down', async () => {
  const { links, pidFile } = await openLinks();
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

test('SY-06 the list is handed over again when certificates have ended, whoever has written that down, and not at every look', async () => {
  const { links, clock, db, readList } = await openLinks();
  const end = async (serial: string) => {
    const fingerprint = serial.repeat(32);
    const times = {
      end_reason: 'revoked' as const,
      granted_at_ms: 1,
      expires_at_ms: clock.wallMs() + 86_400_000,
      ended_at_ms: clock.wallMs(),
    };
    await db
      .insertInto('site_credentials')
      .values({
        fingerprint,
        site_id: 's',
        kind: 'certificate',
        granted_by: 'claim',
        certificate: 'x',
        serial,
        ...times,
      })
      .execute();
  };
  await db
    .insertInto('sites')
    .values({
      site_id: 's',
      name: 's',
      environment: 'live',
      timezone: 'UTC',
      shard: 1,
      created_at_ms: 1,
      updated_at_ms: 1,
    })
    .execute();
  const lists: string[] = [];
  // Two signatures over the same are never the same.
  const refresh = async () => {
    await links.refresh();
    lists.push(readList());
    return new Set(lists).size;
  };
  expect([await refresh(), await refresh()]).toEqual([1, 1]);
  await end('0a');
  expect([await refresh(), await refresh()]).toEqual([2, 2]);
  links.forget();
  expect([await refresh(), await refresh()]).toEqual([3, 3]);
  clock.advance(600_000);
  expect(await refresh(), 'nobody has answered').toBe(4);
});
