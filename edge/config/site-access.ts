import { z } from 'zod';
import { cardReaderIdSchema, connectorIdSchema, lineIdSchema } from '#shared/ids.ts';
import { accessPolicySchema } from '../access/access-policy.ts';
import type { AddIssue } from '../devices/profile/checks.ts';
import type { SiteShape } from './site.ts';

/** Charges that begin on site, without an order of the cloud. Without it there are none. */
export const siteAccessSchema = accessPolicySchema.extend({
  /** File with the key that card numbers are named by. */
  keyFile: z.string().min(1),
});

/** A card reader on a serial line of its own. */
export const cardReaderSchema = z.strictObject({
  readerId: cardReaderIdSchema,
  profile: z.string(),
  lineId: lineIdSchema,
  /** The connectors that a card presented there may mean. */
  connectorIds: z.array(connectorIdSchema).min(1).max(16),
});
export type CardReaderConfig = z.infer<typeof cardReaderSchema>;

/** What holds between the card readers and the rest of a site. */
export function checkAccess({ access, readers, piles, lines, ...rest }: SiteShape, add: AddIssue): void {
  if (access === undefined && (readers.length > 0 || piles.some(({ readsCards }) => readsCards === true)))
    add(['access'], 'needed where cards are read: nobody is let in by default');
  const others = [...piles, ...rest.meters, ...rest.parking, ...rest.io].map(({ lineId }) => lineId);
  readers.forEach(({ lineId, connectorIds }, i) => {
    const isShared = others.includes(lineId) || readers.findIndex((other) => other.lineId === lineId) < i;
    if (isShared) add(['readers', i, 'lineId'], `a reader speaks by itself: "${lineId}" must be its alone`);
    const line = lines.findIndex((other) => other.lineId === lineId);
    if (lines[line]?.frameLog !== undefined)
      add(['lines', line, 'frameLog'], 'card numbers are not recorded: leave it out on the line of a reader');
    connectorIds.forEach((connectorId, c) => {
      if (!piles.some((pile) => pile.connectorId === connectorId))
        add(['readers', i, 'connectorIds', c], `no pile has the connector "${connectorId}"`);
      if (connectorIds.indexOf(connectorId) < c)
        add(['readers', i, 'connectorIds', c], `"${connectorId}" is named twice`);
    });
  });
}
