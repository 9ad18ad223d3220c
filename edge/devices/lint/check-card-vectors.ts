import { hexBytes } from '../framed/framing-schema.ts';
import { CardFrames } from '../readers/card-frames.ts';
import type { CardReaderProfile } from '../readers/card-reader-profile.ts';
import type { Find } from './finding.ts';

/** Runs every frame vector of a card reader: each tells its card, and at least one tells any. */
export function checkCardVectors(profile: CardReaderProfile, find: Find): void {
  profile.vectors.forEach(({ bytes, card }, i) => {
    const [told = null] = new CardFrames(profile).push(hexBytes(bytes), 0);
    if (told !== card) find(['vectors', i, 'card'], `reads ${JSON.stringify(told)}, expected ${JSON.stringify(card)}`);
  });
  for (const digits of profile.frame.digits)
    if (!profile.vectors.some(({ card }) => card?.length === digits))
      find(['frame', 'digits'], `no vector shows a number of ${digits} digits`);
}
