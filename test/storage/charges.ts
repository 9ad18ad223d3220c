import Database from 'better-sqlite3';
import { expect } from 'vitest';
import type { Cdr } from '#shared/wire/cdr.ts';
import type { PileTruth } from '../../hardware-sim/piles/truth.ts';
import { type Stand, until } from '../stand/stand.ts';

/** What a charge is judged by: what truly flowed at the pile before it, beside the records of the cloud. */
export interface Charge {
  readonly pileId: string;
  readonly before: PileTruth;
}

/** From a command that stops to the contactor that opens. */
export const ACTS_WITHIN_MS = 3000;
/** A register in whole Wh, read at both ends. */
const ROUNDING_WH = 1;

/** Plugs the car in, where it is not, and starts a charge; resolves when it runs and the cloud knows of it. */
export async function beginCharge(stand: Stand, pileId: string): Promise<Charge> {
  const before = await stand.station.pile(pileId);
  if (!before.plugged) await stand.plug(pileId);
  expect(await stand.outcome(stand.start(pileId))).toMatchObject({ status: 'done', code: null });
  await stand.status(pileId, 'charging');
  await until(`current flows at ${pileId}`, 20_000, async () => (await stand.station.pile(pileId)).powerW > 1000);
  return { pileId, before };
}

export async function flowedWh(stand: Stand, { pileId, before }: Charge): Promise<number> {
  return (await stand.station.pile(pileId)).energyTruthWh - before.energyTruthWh;
}

/** The record of the last charge at the pile: what it bills is what flowed. */
export async function expectTrueCdr(stand: Stand, charge: Charge, atLeastWh = 1): Promise<Cdr> {
  const cdr = await stand.cdr(charge.pileId);
  const trueWh = await flowedWh(stand, charge);
  expect(trueWh).toBeGreaterThan(atLeastWh);
  expect({ pileId: charge.pileId, offByWh: Math.abs(cdr.energyWh - trueWh) }).toSatisfy(
    ({ offByWh }: { offByWh: number }) => offByWh <= ROUNDING_WH,
    `${cdr.energyWh} Wh are billed, ${trueWh.toFixed(2)} Wh have flowed`,
  );
  return cdr;
}

/** When the pile's contactor opened last, by the simulator's clock; null while it is closed. */
export function openedMonoMs({ contactorEvents }: PileTruth): number | null {
  const last = contactorEvents.at(-1);
  return last === undefined || last.closed ? null : last.monoMs;
}

export const closings = ({ contactorEvents }: PileTruth): number =>
  contactorEvents.filter(({ closed }) => closed).length;

/** Does something that stops the charge at a pile. @returns ms until its contactor opened, by the simulator's clock */
export async function stopTakesMs(stand: Stand, pileId: string, stop: () => unknown): Promise<number> {
  const { nowMonoMs } = await stand.station.truth();
  await stop();
  const openedAt = await until(`the contactor of ${pileId} opens`, 60_000, async () =>
    openedMonoMs(await stand.station.pile(pileId)),
  );
  return openedAt - nowMonoMs;
}

/**
 * Nothing is there twice and nothing is missing: every session that the cloud was told of has one record, a record of another
 * one is void and empty, and no command has two outcomes. A message that the edge could not store, and said so, is no complaint.
 */
export function expectOnce({ cloud }: Stand, commandIds: readonly string[] = []): void {
  const started = cloud.recordsOf('session.started').map(({ sessionId }) => sessionId);
  const ended = cloud.recordsOf('session.ended').map(({ cdr }) => cdr.sessionId);
  expect({ started, ended }).toEqual({ started: [...new Set(started)], ended: [...new Set(ended)] });
  expect(started.filter((sessionId) => !ended.includes(sessionId))).toEqual([]);
  const untold = cloud.recordsOf('session.ended').filter(({ cdr }) => !started.includes(cdr.sessionId));
  expect(untold.filter(({ cdr }) => cdr.voidReason === null || cdr.energyWh !== 0)).toEqual([]);
  for (const commandId of commandIds) expect(cloud.outcomesOf(commandId).length).toBeLessThanOrEqual(1);
  expect(cloud.complaints.filter((complaint) => !complaint.includes('store.unavailable'))).toEqual([]);
}

/** What the ledger on disk knows of sessions, as another process reads it. */
export function storedSessions(stand: Stand): { sessionId: string; commandId: string; isOpen: boolean }[] {
  const database = new Database(stand.ledgerFile, { readonly: true });
  try {
    return database
      .prepare<[], { sessionId: string; commandId: string; isOpen: number }>(
        `SELECT session_id AS sessionId, body ->> 'commandId' AS commandId, is_open AS isOpen FROM sessions`,
      )
      .all()
      .map((row) => ({ ...row, isOpen: row.isOpen === 1 }));
  } finally {
    database.close();
  }
}
