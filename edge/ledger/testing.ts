import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { onTestFinished } from 'vitest';
import type { Stamp } from '#shared/stamp.ts';
import type { Ack } from '#shared/wire/messages.ts';
import type { RecordBody, RecordOf } from '#shared/wire/records.ts';
import { defaultStorage } from '../config/storage.ts';
import type { LedgerTransaction } from '../control/connector.ts';
import type { Session } from '../control/session.ts';
import { charging, Rig, START_WALL_MS, startCommand, stopCommand, uuid } from '../control/testing.ts';
import { Ledger } from './ledger.ts';
import { type Damage, LedgerFile, type LedgerFileParts } from './ledger-file.ts';
import { openDatabase } from './open-database.ts';
import { Storage, type StorageParts } from './storage.ts';
import type { StorageHealth } from './storage-health.ts';
import { Store } from './store.ts';

export const at: Stamp = { wallMs: START_WALL_MS, monoMs: 1000, bootId: uuid(900), clock: 'trusted' };

/** A folder that is gone when the test ends. */
export function tempFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'pilegate-ledger-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A ledger on a real file, with a handle on its database and a way to end the process and begin anew. */
export function openLedger(path = join(tempFolder(), 'ledger.db')) {
  const database = openDatabase(path);
  const store = new Store(database);
  const ledger = new Ledger(store, () => crypto.randomUUID());
  onTestFinished(() => {
    if (database.open) database.close();
  });
  const reopen = () => {
    database.close();
    return openLedger(path);
  };
  return { path, database, store, ledger, reopen };
}

/** A session as the control machine makes it, with ids of its own. */
export function sessionOn(n: number, connectorId = `P${n}-1`): Session {
  const rig = new Rig().toCharging(startCommand({ commandId: uuid(1000 + n), connectorId }));
  return { ...rig.session, sessionId: uuid(2000 + n), connectorId };
}

export const open = (session: Session, ...records: RecordBody[]): LedgerTransaction => ({
  session: { session, open: true },
  records,
});

export const alarm = (n: number, detail = 'x'): RecordOf<'alarm.raised'> => ({
  kind: 'alarm.raised',
  alarmId: uuid(n),
  code: 'pile-fault',
  severity: 'critical',
  pileId: 'P1',
  connectorId: 'P1-1',
  sessionId: null,
  detail,
});

export const alarms = (...numbers: number[]): LedgerTransaction => ({
  session: null,
  records: numbers.map((n) => alarm(n)),
});

export const started = (session: Session): RecordOf<'session.started'> => ({
  kind: 'session.started',
  sessionId: session.sessionId,
  pileId: session.pileId,
  connectorId: session.connectorId,
  orderId: session.orderId,
  commandId: session.commandId,
  startedAt: session.startedAt,
  meterStartWh: session.readings[0].registerWh,
  limitMa: session.limitMa,
});

/** The cloud acknowledges records of the store that the ledger has. */
export const acknowledge = (ledger: Ledger, ackedSeq: number, refused: Ack['refused'] = []): string[] =>
  ledger.acknowledge({ storeEpoch: ledger.storeEpoch, ackedSeq, refused });

/** The closing transaction of a whole charge, as the machine orders it: CDR and the stop's answer. */
export function closingOf(n: number): LedgerTransaction {
  const rig = new Rig().toCharging(startCommand({ commandId: uuid(1000 + n) }));
  rig.see({ ...charging, registerWh: 50_004 });
  rig.command(stopCommand(rig.session.sessionId, { commandId: uuid(3000 + n) }));
  rig.proveOff();
  const order = rig.orders.at(-1);
  if (order?.kind !== 'commit') throw new Error('no closing transaction');
  const text = JSON.stringify(order.transaction);
  const oldId = rig.session.sessionId;
  const cdrId = rig.cdr.cdrId;
  return JSON.parse(text.replaceAll(oldId, uuid(2000 + n)).replaceAll(cdrId, uuid(4000 + n)));
}

/** Storage that is as it should be. */
export const storageIsWell: StorageHealth = {
  level: 'ample',
  freeBytes: 12_345_678_901,
  ledgerBytes: 1_234_567,
  samplesBytes: 2_345_678,
  ballast: 'held',
  mayCharge: true,
  reason: null,
  storeEpoch: uuid(800),
  damage: null,
  unconfirmedLoss: [],
  writtenBytes: 98_765_432,
  writtenPerPileDayBytes: 34_567_890,
};

/** A ledger that is rescued from what happens to its file. */
export function openRescued(path = join(tempFolder(), 'ledger.db'), change: Partial<LedgerFileParts> = {}) {
  const damages: Damage[] = [];
  const file = new LedgerFile({
    path,
    maxBytes: 8 * 1_048_576,
    stamp: () => at,
    wallMs: () => at.wallMs,
    newId: () => crypto.randomUUID(),
    relieve: () => {},
    onDamage: (damage) => damages.push(damage),
    ...change,
  });
  const store = file.open();
  const ledger = new Ledger(store, () => crypto.randomUUID());
  onTestFinished(() => store.close());
  return { path, file, store, ledger, damages };
}

/** Storage of a site in a folder, with the time in the hand. */
export function openStorage(dataDir: string, change: Partial<StorageParts> = {}) {
  const time = { wallMs: at.wallMs, monoMs: at.monoMs };
  const told: StorageHealth[] = [];
  const logged: string[] = [];
  const storage = new Storage({
    dataDir,
    config: { ...defaultStorage, ballastMb: 1, ledgerMaxMb: 8, samplesMaxMb: 1 },
    piles: 1,
    clock: { wallMs: () => time.wallMs, monoMs: () => time.monoMs },
    timers: { after: () => () => {} },
    stamp: () => ({ ...at, ...time }),
    newId: () => crypto.randomUUID(),
    log: pino({ level: 'info' }, { write: (line: string) => logged.push(line) }),
    onHealth: (health) => told.push(health),
    disk: () => ({ totalBytes: 8e9, freeBytes: 4e9 }),
    ...change,
  });
  onTestFinished(() => storage.close());
  const pass = (ms: number) => {
    time.wallMs += ms;
    time.monoMs += ms;
  };
  /** Commits through the queue, as the thread does; null while it is in doubt. */
  const commit = (transaction: LedgerTransaction): boolean | null => {
    let stored: boolean | null = null;
    storage.commits.add({
      store: () => storage.ledger.commit(transaction, { ...at, ...time }),
      onStored: () => {
        stored = true;
      },
      onFailed: () => {
        stored = false;
      },
    });
    storage.committed();
    return stored;
  };
  return { storage, time, told, logged, pass, commit };
}

/** A file system in memory of so many bytes, gone when the test ends. Needs root, as the pipeline has. */
export function smallDisk(size: string): string {
  const folder = tempFolder();
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'pilegate-test', folder]);
  onTestFinished(() => {
    execFileSync('umount', ['-l', folder]);
  });
  return folder;
}

export const mayMount = process.getuid?.() === 0 && canMount();

function canMount(): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'pilegate-mount-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'pilegate-test', folder], { stdio: 'ignore' });
    execFileSync('umount', [folder]);
    return true;
  } catch {
    return false;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
