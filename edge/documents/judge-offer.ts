import type { DocumentSource } from '#shared/documents.ts';
import type { Complaint } from '#shared/errors.ts';
import {
  activeIn,
  type DocumentHistory,
  highestVersion,
  knownAs,
  pendingIn,
  type StoredDocument,
} from './document-history.ts';

/** A document that somebody wants in force, read and found good. */
export interface Offer {
  readonly digest: string;
  /** As its document or its sender states it; null: the next one. */
  readonly version: number | null;
  readonly source: DocumentSource;
}

export type Judgement =
  | { readonly kind: 'new'; readonly version: number }
  /** It has been taken before, with this content. */
  | { readonly kind: 'known'; readonly stored: StoredDocument }
  | { readonly kind: 'refused'; readonly complaints: readonly Complaint[] };

/** Judges an offer by its version: versions only rise, and one never changes. Messages may come twice, and in any order. */
export function judgeOffer(history: DocumentHistory, { digest, version }: Offer): Judgement {
  if (version === null) {
    const present = [pendingIn(history), activeIn(history)].find((stored) => stored?.digest === digest) ?? null;
    return present === null
      ? { kind: 'new', version: highestVersion(history) + 1 }
      : { kind: 'known', stored: present };
  }
  const known = knownAs(history, version);
  const next = highestVersion(history) + 1;
  if (known?.digest === digest) return { kind: 'known', stored: known };
  if (known !== null)
    return refused(`${version} is known with another content; changed documents need a new number, from ${next} on`);
  if (version < next)
    return refused(`${version} is older than ${next - 1}, which is known; new documents need a higher number`);
  return { kind: 'new', version };
}

const refused = (reason: string): Judgement => ({ kind: 'refused', complaints: [{ path: 'version', reason }] });
