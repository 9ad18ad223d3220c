import { join } from 'node:path';
import { expect, test } from 'vitest';
import { plugged, Rig, reserveCommand, START_WALL_MS, uuid } from '../control/testing.ts';
import type { Ledger } from './ledger.ts';
import { openDatabase } from './open-database.ts';
import { salvage } from './salvage.ts';
import { acknowledge, at, openLedger, tempFolder } from './testing.ts';

const RESERVATION = uuid(81);
const ALL = { records: 1000, bytes: 1_000_000 };

/** A connector that is reserved, by what its machine has ordered. */
function reserved(ledger: Ledger): Rig {
  const rig = new Rig();
  rig.see({ ...plugged, status: 'unplugged' });
  ledger.admit(reserveCommand(), at);
  rig.command(reserveCommand());
  commitAll(ledger, rig);
  return rig;
}

function commitAll(ledger: Ledger, rig: Rig): void {
  for (const order of rig.orders.splice(0)) if (order.kind === 'commit') ledger.commit(order.transaction, at);
}

const kinds = (ledger: Ledger) => ledger.nextBatch(ALL)?.records.map(({ body }) => body.kind);

test('OP-24 ED-08 a hold and its outcome are kept over a restart, together', () => {
  const { ledger, reopen } = openLedger();
  reserved(ledger);
  const again = reopen().ledger;
  expect(again.reservations()).toEqual([{ reservationId: RESERVATION, connectorId: 'P1-1' }]);
  expect(again.statusOf(uuid(80))).toBe('done');
  expect(kinds(again)).toEqual(['command.reported', 'reservation.active', 'command.reported']);
  const held = again.openWork(at).reservations.get('P1-1');
  expect(held).toMatchObject({ reservationId: RESERVATION, untilMs: START_WALL_MS + 1_800_000, acknowledged: false });
  expect(again.openWork(at).commands).toEqual([]);
});

test('OP-16 that the cloud knows of a hold is told by its acknowledgement, and known after a restart', () => {
  const { ledger, reopen } = openLedger();
  reserved(ledger);
  expect(acknowledge(ledger, 1)).toEqual([]);
  expect(acknowledge(ledger, 3)).toEqual([RESERVATION]);
  expect(reopen().ledger.openWork(at).reservations.get('P1-1')?.acknowledged).toBe(true);
});

test('one that the cloud has refused to hear of is not known to it', () => {
  const { ledger, reopen } = openLedger();
  reserved(ledger);
  expect(acknowledge(ledger, 3, [{ seq: 2, code: 'record.refused', detail: 'no' }])).toEqual([]);
  expect(reopen().ledger.openWork(at).reservations.get('P1-1')?.acknowledged).toBe(false);
});

test('OP-24 a hold that is over is gone with the record that tells of it', () => {
  const { ledger } = openLedger();
  const rig = reserved(ledger);
  rig.send({ kind: 'release', by: 'local:li', why: 'no show' });
  commitAll(ledger, rig);
  expect(ledger.reservations()).toEqual([]);
  expect(kinds(ledger)?.at(-1)).toBe('reservation.ended');
});

test('SY-04 a reserve that was taken back while the process was away is undone by the next one', () => {
  const { ledger, reopen } = openLedger();
  reserved(ledger);
  ledger.cancel(uuid(80), at);
  expect(reopen().ledger.openWork(at).cancelled).toEqual([uuid(80)]);
});

test('ED-13 out of a damaged store holds come over, and out of a backup they do not: they have ended since', () => {
  for (const [origin, count] of [
    ['recovered', 1],
    ['restored', 0],
  ] as const) {
    const { ledger, path } = openLedger();
    reserved(ledger);
    const to = openDatabase(join(tempFolder(), 'ledger.db'), 8 * 1_048_576);
    salvage(path, to, origin, at.wallMs);
    expect(to.prepare('SELECT count(*) AS n FROM reservations').get()).toEqual({ n: count });
    to.close();
  }
});
