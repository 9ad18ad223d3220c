import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Stamp } from '#shared/stamp.ts';
import type { RecordBody, RecordOf } from '#shared/wire/records.ts';
import type { LedgerTransaction } from '../control/connector.ts';
import type { Session } from '../control/session.ts';
import { charging, Rig, START_WALL_MS, startCommand, stopCommand, uuid } from '../control/testing.ts';
import { Ledger } from './ledger.ts';
import { openDatabase } from './open-database.ts';

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
  const ledger = new Ledger(database, () => crypto.randomUUID());
  onTestFinished(() => {
    if (database.open) database.close();
  });
  const reopen = () => {
    database.close();
    return openLedger(path);
  };
  return { path, database, ledger, reopen };
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
