import { readCardNumber } from '#shared/access/card-number.ts';
import { errorCatalogue, isPilegateError } from '#shared/errors.ts';
import { presentedCard, readCardKey } from '../access/card-reference.ts';
import { loadSite } from '../config/site.ts';

/**
 * The entry of a list for a card whose number is typed in. It needs no running edge.
 *
 * @param number as printed or read: 4 to 10 bytes in hexadecimal, the byte that the card sends first standing first
 */
export function cardEntry(siteFile: string, number: string): { isGood: boolean; text: string } {
  const card = readCardNumber(number);
  if (card === null)
    return { isGood: false, text: 'not a card number: 4 to 10 bytes in hexadecimal, such as D4CD7650' };
  try {
    const { access } = loadSite(siteFile);
    if (access === undefined)
      return { isGood: false, text: `${siteFile}: the site takes no cards: it has no "access"` };
    const { reference, lastFour } = presentedCard(card, readCardKey(access.keyFile));
    return { isGood: true, text: JSON.stringify({ card: reference, lastFour, kind: 'card' }) };
  } catch (error) {
    if (!isPilegateError(error)) throw error;
    const { doEn, doZh } = errorCatalogue[error.code];
    return { isGood: false, text: `${error.message}\n${doEn} ${doZh}` };
  }
}
