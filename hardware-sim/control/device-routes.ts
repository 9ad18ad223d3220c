import { z } from 'zod';
import { CHANNELS } from '../io/io-settings.ts';
import type { StationWorld } from '../world.ts';
import { type Answer, notFound, withBody } from './answer.ts';

const baySchema = z.strictObject({ occupied: z.boolean() });
const contactSchema = z.strictObject({ closed: z.boolean() });
const breakerSchema = z.strictObject({ closed: z.literal(true) });
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

/** The truth about one board with inputs and relays. */
export function oneBoard(world: StationWorld, boardId: string): Answer {
  const board = world.io.get(boardId);
  return board === undefined ? notFound(`board ${boardId}`) : { status: 200, body: board.truth() };
}

/** Closes or opens the contact at an input. Answers with the truth. */
export function setInput(world: StationWorld, boardId: string, channel: string, body: unknown): Answer {
  const board = world.io.get(boardId);
  if (board === undefined || !isChannel(channel)) return notFound(`input ${channel} of board ${boardId}`);
  return withBody(contactSchema, body, ({ closed }) => {
    board.setInput(Number(channel), closed);
    return { status: 200, body: board.truth() };
  });
}

/** A hand closes the breaker behind a relay; nothing else but the relay opens it. Answers with the truth. */
export function closeBreaker(world: StationWorld, boardId: string, channel: string, body: unknown): Answer {
  const board = world.io.get(boardId);
  if (board === undefined || !isChannel(channel)) return notFound(`output ${channel} of board ${boardId}`);
  return withBody(breakerSchema, body, () =>
    board.closeFeeder(Number(channel))
      ? { status: 200, body: board.truth() }
      : notFound(`breaker behind output ${channel} of board ${boardId}`),
  );
}

const isChannel = (text: string): boolean => /^[1-9]\d?$/.test(text) && Number(text) <= CHANNELS;

/** Switches a pile off and on again; `offMs` is 2000 when left out. */
export function powerCycle(world: StationWorld, pileId: string, body: unknown): Answer {
  const pile = world.piles.get(pileId);
  if (pile === undefined) return notFound(`pile ${pileId}`);
  return withBody(powerCycleSchema, body ?? {}, ({ offMs }) => {
    pile.powerCycle(offMs);
    return { status: 200, body: pile.truth() };
  });
}
