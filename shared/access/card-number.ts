import { z } from 'zod';

/**
 * The number that a card tells a reader without being asked for anything secret: 4, 7 or 10 bytes of an ISO 14443 card,
 * 5 of a 125 kHz tag (EM4100). Upper-case hexadecimal digits, the byte that the card sends first standing first; a
 * reader that tells it the other way round is turned about by its profile.
 */
export const cardNumberSchema = z
  .string()
  .regex(/^([0-9A-F]{2}){4,10}$/, '4 to 10 bytes as pairs of upper-case hexadecimal digits');

/** A card number as people and devices write it: spaces, ":" and "-" between bytes, either case. Null: it is none. */
export function readCardNumber(text: string): string | null {
  const number = text
    .trim()
    .replaceAll(/[\s:-]/g, '')
    .toUpperCase();
  return cardNumberSchema.safeParse(number).success ? number : null;
}

/** The same bytes the other way round. */
export const reversedBytes = (number: string): string => (number.match(/../g) ?? []).reverse().join('');

/** What may be shown of a card: as much as its holder can tell it by, and nobody can copy it from. */
export const lastFourOf = (number: string): string => number.slice(-4);

/** "…7650" */
export const maskedCard = (lastFour: string): string => `…${lastFour}`;
