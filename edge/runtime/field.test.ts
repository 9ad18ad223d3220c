import { pino } from 'pino';
import { expect, test } from 'vitest';
import { ManualTime } from '../bus/testing.ts';
import type { SiteConfig } from '../config/site.ts';
import type { LedgerTransaction } from '../control/connector.ts';
import { onDisk, Rig, uuid } from '../control/testing.ts';
import { Field } from './field.ts';
import type { Opened } from './ledger-client.ts';

/** A site whose only pile has been taken away, with a charge of that pile still open in the ledger. */
function fieldWithLeftSession(commit: (transaction: LedgerTransaction) => Promise<void>) {
  const time = new ManualTime();
  const session = onDisk(new Rig().toCharging().acknowledge());
  const opened = {
    sessions: [session],
    restored: new Set<string>(),
    inputs: [],
    rules: [],
    latches: new Map(),
    service: new Map(),
    devices: new Map(),
    occupancies: new Map(),
    reservations: new Map(),
  } as unknown as Opened;
  const site = {
    siteId: 'site-1',
    supplyLimitMa: 63_000,
    lines: [],
    piles: [],
    meters: [],
    parking: [],
    io: [],
    readers: [],
  } as unknown as SiteConfig;
  const field = new Field({
    site,
    devices: { piles: [], meters: [], parking: [], io: [], readers: [] },
    opened,
    clock: time,
    timers: time,
    stamp: () => ({ wallMs: time.wallMs(), monoMs: time.monoMs(), bootId: uuid(901), clock: 'trusted' }),
    newId: () => uuid(800),
    log: pino({ level: 'silent' }),
    commit,
    onView: () => {},
    cardKey: null,
    documents: { tariffs: () => null, cards: () => null },
    onTurn: () => {},
    storeRules: () => Promise.resolve(),
    surroundings: () => ({ storageLevel: null, isLinkUp: null }),
  });
  return { field, time, session };
}

test('ED-09 a session that nobody can adopt is closed as soon as the store takes it, and blocks its connector no longer', async () => {
  const stored: LedgerTransaction[] = [];
  let tries = 0;
  const { field, time, session } = fieldWithLeftSession((transaction) => {
    tries += 1;
    if (tries <= 3) return Promise.reject(new Error('disk is full'));
    stored.push(transaction);
    return Promise.resolve();
  });
  field.start();
  await time.pass(10_000);
  expect(tries).toBe(4);
  expect(stored).toMatchObject([{ session: { open: false, session: { sessionId: session.sessionId } } }]);
  await field.close();
});

test('ED-09 at the end of the process it is tried once more, and no longer', async () => {
  let tries = 0;
  const { field, time } = fieldWithLeftSession(() => {
    tries += 1;
    return Promise.reject(new Error('disk is full'));
  });
  field.start();
  await time.pass(2500);
  const before = tries;
  const closed = field.close();
  await time.pass(5000);
  await closed;
  expect(tries).toBe(before + 1);
});
