import { z } from 'zod';
import { chargeLimitsSchema } from '../charge-limits.ts';
import { connectorIdSchema } from '../ids.ts';

export const MAX_CARDS = 2000;

const instantSchema = z.iso.datetime({
  offset: true,
  error: 'an instant with its offset, such as 2026-12-31T00:00:00+08:00',
});

/**
 * What a card is called wherever it is kept or told: made from its number with a key that is kept apart, so that a list
 * that gets lost is no set of keys to charge with.
 */
export const cardReferenceSchema = z.string().regex(/^[0-9a-f]{32}$/, '32 lower-case hexadecimal digits');
export const lastFourSchema = z.string().regex(/^[0-9A-F]{4}$/, '4 upper-case hexadecimal digits');

export const cardKinds = ['card', 'technician'] as const;

const cardEntrySchema = z
  .strictObject({
    card: cardReferenceSchema,
    /** The last four digits of its number, for people. */
    lastFour: lastFourSchema,
    /** A technician's card may charge without a tariff, and ends charges that others began. */
    kind: z.enum(cardKinds),
    /** From this instant on, and until just before this one. */
    validFrom: instantSchema.optional(),
    validUntil: instantSchema.optional(),
    /** Never let in, whatever the rest of the entry or the policy of the site says. */
    blocked: z.boolean().optional(),
    /** Where each of its charges ends by itself. */
    limits: chargeLimitsSchema.strict().optional(),
    /** The only ones that it is for; missing: all of the site. */
    connectorIds: z.array(connectorIdSchema).min(1).max(64).optional(),
    note: z.string().max(100).optional(),
  })
  .superRefine(({ validFrom, validUntil }, context) => {
    if (validFrom !== undefined && validUntil !== undefined && Date.parse(validFrom) >= Date.parse(validUntil))
      context.addIssue({ code: 'custom', path: ['validUntil'], message: 'not after "validFrom"' });
  });
export type CardEntry = z.infer<typeof cardEntrySchema>;

/** Who may charge at a site without asking the cloud: a document that people or the cloud write. */
export const accessListSchema = z
  .strictObject({
    /** The schema, for the editor. */
    $schema: z.string().optional(),
    /** Versions only rise, and one never changes. */
    version: z.int().positive(),
    /** From this instant on the list lets nobody in: a site that has long been away no longer knows who may. */
    validUntil: instantSchema,
    cards: z.array(cardEntrySchema).max(MAX_CARDS),
  })
  .superRefine(({ cards }, context) => {
    const firsts = new Map<string, number>();
    cards.forEach(({ card }, i) => {
      const first = firsts.get(card);
      if (first === undefined) firsts.set(card, i);
      else context.addIssue({ code: 'custom', path: ['cards', i, 'card'], message: `is cards.${first} already` });
    });
  });
export type AccessList = z.infer<typeof accessListSchema>;
