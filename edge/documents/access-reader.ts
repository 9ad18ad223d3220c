import { type AccessList, accessListSchema } from '#shared/access/access-list.ts';
import type { Complaint } from '#shared/errors.ts';
import { complain } from './complain.ts';
import type { DocumentReader } from './document-kind.ts';
import { readDocument } from './read-document.ts';

/** Somebody may have typed a card's number in place of its reference: what was found is not told. */
const NOTHING_FOUND = { tellsFound: false } as const;

/**
 * A list of cards tells them by references, and nothing of it is secret. A list for another site would silently let nobody in.
 *
 * @param connectorIds of the site
 */
export const accessReader = (connectorIds: readonly string[]): DocumentReader<AccessList> => ({
  readAgain: (text, name) => readDocument(text, name, accessListSchema, NOTHING_FOUND).value,
  read(text, name) {
    const { value, place } = readDocument(text, name, accessListSchema, NOTHING_FOUND);
    const complaints = value.cards.flatMap((entry, i) =>
      (entry.connectorIds ?? []).flatMap((connectorId, c): Complaint[] =>
        connectorIds.includes(connectorId)
          ? []
          : [{ path: `cards.${i}.connectorIds.${c}`, reason: `the site has no connector "${connectorId}"` }],
      ),
    );
    if (complaints.length > 0) throw complain(name, place(complaints));
    return value;
  },
  versionOf: ({ version }) => version,
});
