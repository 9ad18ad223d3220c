import jsonc, { type Node, type ParseError } from 'jsonc-parser';
import { MAX_DOCUMENT_BYTES } from '#shared/documents.ts';
import type { Complaint } from '#shared/errors.ts';
import { complain } from './complain.ts';
import { sizeReason } from './read-text.ts';

/** Line and column from 1; a column counts UTF-16 units, as editors do. */
export interface Place {
  readonly line: number;
  readonly column: number;
}
export type DocumentPath = readonly PropertyKey[];

/** A document's value, and where each part of it stands. */
export interface ParsedDocument {
  readonly value: unknown;
  /** Where the value at a path stands, or, where there is none, the part of the document that it is missing from. */
  readonly placeOf: (path: DocumentPath) => Place;
  /** Where a key stands. */
  readonly placeOfKey: (path: DocumentPath) => Place;
}

/** No document of ours is nested deeper; without a bound a hostile one would exhaust the stack. */
const DEEPEST = 64;

/**
 * Parses JSON with comments and, as editors allow, commas after the last entry. Two entries under one key are an error: which
 * of them counts, nobody could see.
 *
 * @param name what the document is called in a refusal
 * @throws PilegateError `config.invalid` with every error of syntax
 */
export function parseJsonc(text: string, name: string): ParsedDocument {
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_DOCUMENT_BYTES) throw complain(name, [{ path: '(document)', reason: sizeReason(bytes) }]);
  const placeAt = placesIn(text);
  const deep = firstTooDeep(text);
  if (deep !== null)
    throw complain(name, [{ path: '(document)', reason: `nested deeper than ${DEEPEST}`, ...placeAt(deep) }]);
  const errors: ParseError[] = [];
  const root = jsonc.parseTree(text, errors, { allowTrailingComma: true });
  const syntax = errors.map((error) => ({
    path: '(document)',
    reason: reasonOf(error, text),
    ...placeAt(error.offset),
  }));
  if (syntax.length > 0 || root === undefined)
    throw complain(name, root === undefined && syntax.length === 0 ? [emptyDocument] : syntax);
  const twice = [...keysTwice(root, [], placeAt)];
  if (twice.length > 0) throw complain(name, twice);
  const nodeAt = (path: DocumentPath) => nodeIn(root, path);
  return {
    value: jsonc.getNodeValue(root),
    placeOf: (path) => placeAt(nearest(nodeAt, path).offset),
    placeOfKey: (path) => placeAt((nodeAt(path)?.parent ?? nearest(nodeAt, path)).offset),
  };
}

const emptyDocument: Complaint = { path: '(document)', reason: 'found nothing; expected {', line: 1, column: 1 };

function nearest(nodeAt: (path: DocumentPath) => Node | undefined, path: DocumentPath): Node {
  for (let length = path.length; length >= 0; length -= 1) {
    const node = nodeAt(path.slice(0, length));
    if (node !== undefined) return node;
  }
  throw new TypeError('a document has a root');
}

function nodeIn(root: Node, path: DocumentPath): Node | undefined {
  const segments = path.filter((segment) => typeof segment !== 'symbol');
  return jsonc.findNodeAtLocation(root, segments);
}

function placesIn(text: string): (offset: number) => Place {
  const starts = [0, ...[...text.matchAll(/\r\n|\n|\r/g)].map((found) => found.index + found[0].length)];
  return (offset) => {
    const line = starts.findLastIndex((start) => start <= offset);
    return { line: line + 1, column: offset - (starts[line] ?? 0) + 1 };
  };
}

function firstTooDeep(text: string): number | null {
  const scanner = jsonc.createScanner(text, true);
  let depth = 0;
  for (;;) {
    const kind = scanner.scan();
    if (kind === EOF) return null;
    if (kind === OPEN_BRACE || kind === OPEN_BRACKET) depth += 1;
    if (kind === CLOSE_BRACE || kind === CLOSE_BRACKET) depth -= 1;
    if (depth > DEEPEST) return scanner.getTokenOffset();
  }
}

/** The package declares its token kinds as a const enum, which is gone when types are stripped. */
const [OPEN_BRACE, CLOSE_BRACE, OPEN_BRACKET, CLOSE_BRACKET, EOF] = [1, 2, 3, 4, 17];

function* keysTwice(
  node: Node,
  path: readonly (string | number)[],
  placeAt: (offset: number) => Place,
): Generator<Complaint> {
  if (node.type === 'array')
    for (const [i, child] of (node.children ?? []).entries()) yield* keysTwice(child, [...path, i], placeAt);
  if (node.type !== 'object') return;
  const seen = new Map<string, Node>();
  for (const property of node.children ?? []) {
    const [key, value] = property.children ?? [];
    if (key === undefined || value === undefined) continue;
    const name = String(key.value);
    const own = [...path, name];
    const first = seen.get(name);
    // Read as a value it would change the object and not be in it.
    const isMagic = name === '__proto__';
    if (isMagic) yield { path: own.join('.'), reason: 'unknown key', ...placeAt(key.offset) };
    if (first !== undefined)
      yield {
        path: own.join('.'),
        reason: `found "${name}" a second time; the first is on line ${placeAt(first.offset).line}`,
        ...placeAt(key.offset),
      };
    seen.set(name, first ?? key);
    yield* keysTwice(value, own, placeAt);
  }
}

const LONGEST_SHOWN = 20;

const expectations: Readonly<Record<string, string>> = {
  InvalidSymbol: 'expected a value, such as "text", 1, true, [ or {',
  InvalidNumberFormat: 'expected a number',
  PropertyNameExpected: 'expected a key in double quotes',
  ValueExpected: 'expected a value',
  ColonExpected: 'expected : after the key',
  CommaExpected: 'expected , between two entries',
  CloseBraceExpected: 'expected }',
  CloseBracketExpected: 'expected ]',
  EndOfFileExpected: 'expected the end of the document',
  InvalidCommentToken: 'expected // or /*',
  UnexpectedEndOfComment: 'expected */ at the end of the comment',
  UnexpectedEndOfString: 'expected " at the end of the text',
  UnexpectedEndOfNumber: 'expected another digit',
  InvalidUnicode: 'expected four hex digits after \\u',
  InvalidEscapeCharacter: 'expected one of " \\ / b f n r t u after \\',
  InvalidCharacter: 'expected no control character within a text: write it as \\u and four hex digits',
};

function reasonOf({ error, offset, length }: ParseError, text: string): string {
  const found = text.slice(offset, offset + Math.min(length, LONGEST_SHOWN)).trim();
  const what = found === '' ? (offset >= text.trimEnd().length ? 'the end' : 'a line break') : JSON.stringify(found);
  return `found ${what}; ${expectations[jsonc.printParseErrorCode(error)] ?? 'expected JSON'}`;
}
