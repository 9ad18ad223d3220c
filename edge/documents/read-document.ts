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
 * @throws PilegateError `config.invalid`: each complaint with line, column and path, what was found and what was expected there
 */
export function readDocument<Schema extends z.ZodType>(
  text: string,
  name: string,
  schema: Schema,
): ReadDocument<z.infer<Schema>> {
  const document = parseJsonc(text, name);
  const parsed = schema.safeParse(document.value);
  if (!parsed.success)
    throw complain(
      name,
      parsed.error.issues.flatMap((issue) => complaintsIn(issue, document, schema)),
    );
  return { value: parsed.data, place: (complaints) => complaints.map((complaint) => placed(complaint, document)) };
}

function placed(complaint: Complaint, { placeOf }: ParsedDocument): Complaint {
  if (complaint.line !== undefined) return complaint;
  const path =
    complaint.path === ROOT ? [] : complaint.path.split('.').map((part) => (/^\d+$/.test(part) ? Number(part) : part));
  return { ...complaint, ...placeOf(path) };
}

const ROOT = '(document)';
const textOfPath = (path: DocumentPath): string => (path.length === 0 ? ROOT : path.map(String).join('.'));

function complaintsIn(issue: z.core.$ZodIssue, document: ParsedDocument, schema: z.ZodType): Complaint[] {
  const { path } = issue;
  if (issue.code === 'unrecognized_keys') {
    const known = knownKeys(schema, path);
    return issue.keys.map((key) => {
      const probably = meant(key, known);
      const reason = probably === null ? 'unknown key' : `unknown key; did you mean "${probably}"?`;
      return { path: textOfPath([...path, key]), reason, ...document.placeOfKey([...path, key]) };
    });
  }
  // A value that may have several shapes: what each of them would have wanted.
  const shapes =
    issue.code === 'invalid_union' ? issue.errors.flatMap((shape) => shape.map((one) => plain(one.message))) : [];
  const expected = shapes.length > 0 ? [...new Set(shapes)].join(', or ') : plain(issue.message);
  const found = shown(valueAt(document.value, path));
  return [{ path: textOfPath(path), reason: `${expected}; found ${found}`, ...document.placeOf(path) }];
}

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
