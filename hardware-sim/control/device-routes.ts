import { z } from 'zod';
import type { StationWorld } from '../world.ts';
import { type Answer, notFound, withBody } from './answer.ts';

const baySchema = z.strictObject({ occupied: z.boolean() });
const powerCycleSchema = z.strictObject({ offMs: z.number().positive().max(86_400_000).default(2000) });

/** The truth about one external meter. */
export function oneMeter(world: StationWorld, meterId: string): Answer {
  const meter = world.meters.get(meterId);
  return meter === undefined ? notFound(`meter ${meterId}`) : { status: 200, body: meter.truth() };
}

/** The truth about one ground lock or barrier. */
export function oneLock(world: StationWorld, lockId: string): Answer {
  const lock = world.locks.get(lockId);
  return lock === undefined ? notFound(`lock ${lockId}`) : { status: 200, body: lock.truth() };
}

/** A car comes into the bay (below the boom), or leaves it. Answers with the truth. */
export function setBay(world: StationWorld, lockId: string, body: unknown): Answer {
  const lock = world.locks.get(lockId);
  if (lock === undefined) return notFound(`lock ${lockId}`);
  return withBody(baySchema, body, ({ occupied }) => {
    lock.setOccupied(occupied);
    return { status: 200, body: lock.truth() };
  });
}

/** Switches a pile off and on again; `offMs` is 2000 when left out. */
export function powerCycle(world: StationWorld, pileId: string, body: unknown): Answer {
  const pile = world.piles.get(pileId);
  if (pile === undefined) return notFound(`pile ${pileId}`);
  return withBody(powerCycleSchema, body ?? {}, ({ offMs }) => {
    pile.powerCycle(offMs);
    return { status: 200, body: pile.truth() };
  });
}
