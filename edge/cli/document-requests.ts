import type { Logger } from 'pino';
import { z } from 'zod';
import { type DocumentKind, documentKindSchema, documentVersionSchema } from '#shared/documents.ts';
import { isPilegateError } from '#shared/errors.ts';
import type { Door, OfferResult } from '../documents/document-door.ts';
import { type DocumentView, viewOfDocuments } from '../documents/documents-view.ts';
import { refusalText } from './refusal-text.ts';

const by = z.string().min(1).max(64);

const document = {
  documentKind: documentKindSchema,
  name: z.string().min(1).max(256),
  text: z.string(),
} as const;

/** What a technician may ask of the site's documents. */
export const documentRequests = [
  z.strictObject({ do: z.literal('documents') }),
  z.strictObject({
    do: z.literal('show-document'),
    documentKind: documentKindSchema,
    version: documentVersionSchema.nullable(),
  }),
  z.strictObject({
    do: z.literal('load-document'),
    ...document,
    by,
  }),
  /** Nothing is changed: whether it would be taken, and what would be another then. */
  z.strictObject({ do: z.enum(['check-document', 'compare-document']), ...document }),
  z.strictObject({ do: z.literal('roll-back-document'), documentKind: documentKindSchema, by }),
] as const;
export type DocumentRequest = z.infer<(typeof documentRequests)[number]>;

export type DocumentsShown =
  | { readonly kind: 'documents'; readonly documents: readonly DocumentView[] }
  | { readonly kind: 'text'; readonly text: string };
export type DocumentReply =
  | { readonly ok: true; readonly shown: DocumentsShown }
  | { readonly ok: false; readonly error: string };

export interface DocumentDeps {
  readonly documents: { readonly doors: readonly Door[]; door(kind: DocumentKind): Door | null };
  readonly log: Logger;
}

const show = (shown: DocumentsShown): DocumentReply => ({ ok: true, shown });

export function answerDocuments(
  request: DocumentRequest,
  { documents, log }: DocumentDeps,
): DocumentReply | Promise<DocumentReply> {
  if (request.do === 'documents') return show({ kind: 'documents', documents: documents.doors.map(viewOfDocuments) });
  const { documentKind } = request;
  const door = documents.door(documentKind);
  if (door === null) return { ok: false, error: `this site has no documents of the kind ${documentKind}` };
  switch (request.do) {
    case 'show-document': {
      const text = door.show(request.version);
      if (text === null) return { ok: false, error: `there is no such version of ${documentKind}` };
      return show({ kind: 'text', text });
    }
    case 'check-document':
    case 'compare-document':
      return compared(request, door);
    case 'load-document': {
      const { text, name } = request;
      return told(request, door.offer({ text, name, source: 'pilectl', version: null }), log);
    }
    case 'roll-back-document':
      return told(request, door.rollBack(), log);
  }
}

function compared(
  { do: what, text, name }: Extract<DocumentRequest, { do: 'check-document' | 'compare-document' }>,
  door: Door,
): DocumentReply {
  try {
    const lines = what === 'check-document' ? door.check(text, name) : door.compare(text, name);
    return show({ kind: 'text', text: lines.length === 0 ? 'nothing is different' : lines.join('\n') });
  } catch (error) {
    if (isPilegateError(error)) return { ok: false, error: refusalText(error, name) };
    throw error;
  }
}

async function told(
  request: Extract<DocumentRequest, { by: string }>,
  offered: Promise<OfferResult>,
  log: Logger,
): Promise<DocumentReply> {
  const result = await offered;
  const { documentKind, by: technician, do: what } = request;
  log.warn({ what, documentKind, by: `local:${technician}`, ...result }, 'technician changes a document of the site');
  if (result.kind === 'refused') return { ok: false, error: result.reason };
  const { version, status, detail } = result;
  const why = detail === null ? '' : `: ${detail}`;
  return show({ kind: 'text', text: `${documentKind} version ${version} is ${status}${why}` });
}
