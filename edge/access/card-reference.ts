import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { lastFourOf } from '#shared/access/card-number.ts';
import { PilegateError } from '#shared/errors.ts';

/** A card that has been presented, as everything behind its reader knows it. */
export interface PresentedCard {
  /** Stable for the card under one key; see `cardReferenceSchema`. */
  readonly reference: string;
  readonly lastFour: string;
}

const REFERENCE_DIGITS = 32;
const LEAST_KEY_BYTES = 16;

/**
 * Names a card. HMAC-SHA-256 over the digits of its number, cut to 128 bits: card numbers are so short that all of them
 * can be tried, which a hash without a key would not hinder.
 */
export function presentedCard(number: string, key: string): PresentedCard {
  const reference = createHmac('sha256', key).update(number).digest('hex').slice(0, REFERENCE_DIGITS);
  return { reference, lastFour: lastFourOf(number) };
}

/**
 * The key of a site's cards, without the line end that editors add.
 *
 * @throws PilegateError `config.invalid` when it cannot be read, or is too short to be one
 */
export function readCardKey(path: string): string {
  let key: string;
  try {
    key = readFileSync(path, 'utf8').trim();
  } catch (cause) {
    throw new PilegateError('config.invalid', `${path}: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
  if (Buffer.byteLength(key) >= LEAST_KEY_BYTES) return key;
  throw new PilegateError('config.invalid', `${path}: a key has at least ${LEAST_KEY_BYTES} bytes`);
}
