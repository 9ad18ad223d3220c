import { readFileSync } from 'node:fs';
import type { z } from 'zod';
import { complaintsOf, describeComplaints } from '#shared/complaints.ts';
import { type ErrorCode, PilegateError } from '#shared/errors.ts';

/**
 * Reads and checks a document that a person wrote.
 *
 * @throws PilegateError with `code`, naming the file, every path in it and what was expected there
 */
export function readJsonFile<Schema extends z.ZodType>(path: string, schema: Schema, code: ErrorCode): z.infer<Schema> {
  let document: unknown;
  try {
    document = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new PilegateError(code, `${path}: ${reason}`, { cause });
  }
  const parsed = schema.safeParse(document);
  if (parsed.success) return parsed.data;
  const complaints = complaintsOf(parsed.error);
  throw new PilegateError(code, `${path}: ${describeComplaints(complaints)}`, { complaints });
}
