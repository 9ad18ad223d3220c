import type { z } from 'zod';
import type { Complaint } from '#shared/errors.ts';
import { complain } from './complain.ts';
import { knownKeys, meant } from './known-keys.ts';
import { type DocumentPath, type ParsedDocument, parseJsonc } from './parse-jsonc.ts';

/** A document as its schema has it. */
export interface ReadDocument<Value> {
  readonly value: Value;
  /** Adds to complaints about its value where in its text they stand. */
  readonly place: (complaints: readonly Complaint[]) => Complaint[];
}

/**
 * Reads a document that a person wrote, or a program.
 *
 * @param name what it is called in a refusal
 * @param options `tellsFound`: false where what stands in it must not be told
 * @throws PilegateError `config.invalid`: each complaint with line, column and path, what was found and what was expected there
 */
export function readDocument<Schema extends z.ZodType>(
  text: string,
  name: string,
  schema: Schema,
  { tellsFound = true }: { readonly tellsFound?: boolean } = {},
): ReadDocument<z.infer<Schema>> {
  const document = parseJsonc(text, name);
  const parsed = schema.safeParse(document.value);
  if (!parsed.success) {
    const complaints = parsed.error.issues.flatMap((issue) => complaintsIn(issue, document, schema, tellsFound));
    throw complain(name, complaints.toSorted(byPlace));
  }
  return {
    value: parsed.data,
    place: (complaints) => complaints.map((complaint) => placed(complaint, document)).toSorted(byPlace),
  };
}

const byPlace = (a: Complaint, b: Complaint): number =>
  (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0);

function placed(complaint: Complaint, { placeOf }: ParsedDocument): Complaint {
  if (complaint.line !== undefined) return complaint;
  const path =
    complaint.path === ROOT ? [] : complaint.path.split('.').map((part) => (/^\d+$/.test(part) ? Number(part) : part));
  return { ...complaint, ...placeOf(path) };
}

const ROOT = '(document)';
const textOfPath = (path: DocumentPath): string => (path.length === 0 ? ROOT : path.map(String).join('.'));

function complaintsIn(
  issue: z.core.$ZodIssue,
  document: ParsedDocument,
  schema: z.ZodType,
  tellsFound: boolean,
): Complaint[] {
  const { path } = issue;
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey([...path, key], document, schema));
  const shapes = issue.code === 'invalid_union' ? issue.errors : [];
  // Of several shapes it has one, and is wrong deeper down.
  const near = shapes.find((shape) => shape.every((one) => one.path.length > 0));
  if (near !== undefined)
    return near.flatMap((one) => complaintsIn({ ...one, path: [...path, ...one.path] }, document, schema, tellsFound));
  const expected = shapes.length > 0 ? eitherOf(shapes.flat().map((one) => plain(one.message))) : plain(issue.message);
  // What one of our own checks says speaks for itself.
  const found = issue.code === 'custom' || !tellsFound ? '' : `; found ${shown(valueAt(document.value, path))}`;
  const complaint = { path: textOfPath(path), reason: `${expected}${found}`, ...document.placeOf(path) };
  return issue.code === 'invalid_union' && issue.discriminator !== undefined
    ? [complaint, ...unknownBeside(path, document, schema)]
    : [complaint];
}

function unknownKey(path: DocumentPath, document: ParsedDocument, schema: z.ZodType): Complaint {
  const probably = meant(String(path.at(-1)), knownKeys(schema, path.slice(0, -1)));
  const reason = probably === null ? 'unknown key' : `unknown key; did you mean "${probably}"?`;
  return { path: textOfPath(path), reason, ...document.placeOfKey(path) };
}

/** While nobody knows which of several shapes is meant, the schema looks no further: a key that none of them has is told here. */
function unknownBeside(path: DocumentPath, document: ParsedDocument, schema: z.ZodType): Complaint[] {
  const around = path.slice(0, -1);
  const value = valueAt(document.value, around);
  if (typeof value !== 'object' || value === null) return [];
  const known = knownKeys(schema, around);
  const unknown = Object.keys(value).filter((key) => !known.includes(key));
  return unknown.map((key) => unknownKey([...around, key], document, schema));
}

const eitherOf = (shapes: readonly string[]): string =>
  [...new Set(shapes)].map((shape, i) => (i === 0 ? shape : shape.replace(/^expected /, ''))).join(', or ');

const plain = (message: string): string =>
  message.replace(/^Invalid (input|option): /, '').replace(/, received [\w ]+$/, '');

function valueAt(value: unknown, path: DocumentPath): unknown {
  return path.reduce<unknown>(
    (inside, segment) => (typeof inside === 'object' && inside !== null ? Reflect.get(inside, segment) : undefined),
    value,
  );
}

const LONGEST_SHOWN = 40;

/** Of what is long, the kind only; so of objects and lists. */
function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'object' && value !== null) return 'an object';
  const text = JSON.stringify(value);
  return text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}…` : text;
}
