import { basename } from 'node:path';
import { documentKindSchema } from '#shared/documents.ts';
import type { DocumentView, VersionView } from '../documents/documents-view.ts';
import { readTextFile } from '../documents/read-text.ts';
import type { DocumentRequest } from './document-requests.ts';

/**
 * What the words after `documents` ask for; null when they are not understood.
 *
 * @param by who sits at the keyboard
 * @throws PilegateError `config.invalid` when a file cannot be read
 */
export function documentRequestOf(words: readonly string[], by: string): DocumentRequest | null {
  const [verb, kind, subject, ...more] = words;
  if (verb === undefined) return { do: 'documents' };
  const documentKind = documentKindSchema.safeParse(kind).data;
  if (documentKind === undefined || more.length > 0) return null;
  switch (verb) {
    case 'show': {
      if (subject === undefined) return { do: 'show-document', documentKind, version: null };
      return /^[1-9]\d{0,8}$/.test(subject) ? { do: 'show-document', documentKind, version: Number(subject) } : null;
    }
    case 'load':
      if (subject === undefined) return null;
      return { do: 'load-document', documentKind, name: basename(subject), text: readTextFile(subject), by };
    case 'check':
    case 'diff': {
      if (subject === undefined) return null;
      const what = verb === 'check' ? 'check-document' : 'compare-document';
      return { do: what, documentKind, name: subject.slice(-256), text: readTextFile(subject) };
    }
    case 'rollback':
      return subject === undefined ? { do: 'roll-back-document', documentKind, by } : null;
    default:
      return null;
  }
}

/** The documents of a running edge as text for a terminal. */
export const documentsText = (documents: readonly DocumentView[]): string => documents.map(kindText).join('\n');

function kindText({ kind, versions, refused }: DocumentView): string {
  const active = versions.find(({ state }) => state === 'active');
  const head = active === undefined ? `${kind}: none is in force` : `${kind}: version ${active.version} is in force`;
  return [head, ...(refused === null ? [] : [`  refused last: ${refused}`]), ...versions.map(versionText)].join('\n');
}

function versionText({ version, state, source, digest, reason, takenAt }: VersionView): string {
  const taken = new Date(takenAt.wallMs).toISOString();
  const why = reason === null ? '' : `: ${reason}`;
  return `  ${String(version).padStart(4)}  ${state.padEnd(11)} ${source.padEnd(7)} ${taken}  ${digest.slice(0, 12)}${why}`;
}
