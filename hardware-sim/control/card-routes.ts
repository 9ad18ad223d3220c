import { z } from 'zod';
import { heldCardSchema } from '../readers/reader-settings.ts';
import type { StationWorld } from '../world.ts';
import { type Answer, notFound, withBody } from './answer.ts';

const heldSchema = z.strictObject({
  card: heldCardSchema,
  holdMs: z.number().positive().max(600_000).default(500),
});
const shownSchema = z.strictObject({ card: heldCardSchema.nullable() });

/** The truth about one card reader. */
export function oneReader(world: StationWorld, readerId: string): Answer {
  const reader = world.readers.get(readerId);
  return reader === undefined ? notFound(`reader ${readerId}`) : { status: 200, body: reader.truth() };
}

/** Holds a card to a reader for `holdMs` (500 when left out). Answers with the truth. */
export function presentCard(world: StationWorld, readerId: string, body: unknown): Answer {
  const reader = world.readers.get(readerId);
  if (reader === undefined) return notFound(`reader ${readerId}`);
  return withBody(heldSchema, body, ({ card, holdMs }) => {
    reader.present(card.toUpperCase(), holdMs);
    return { status: 200, body: reader.truth() };
  });
}

/** What the pile's own reader has seen last, as its register shows it from now on; null: none. Answers with the truth. */
export function showCard(world: StationWorld, pileId: string, body: unknown): Answer {
  const pile = world.piles.get(pileId);
  if (pile === undefined) return notFound(`pile ${pileId}`);
  return withBody(shownSchema, body, ({ card }) => {
    pile.showCard(card?.toUpperCase() ?? null);
    return { status: 200, body: pile.truth() };
  });
}
