import { readFileSync, statSync } from 'node:fs';
import { PilegateError } from '#shared/errors.ts';
import { MAX_DOCUMENT_BYTES } from './rule-set.ts';

/**
 * The text of a rule set's file, before anything in it is believed.
 *
 * @throws PilegateError `config.invalid` when it cannot be read, or is larger than any rule set may be
 */
export function readRulesFile(path: string): string {
  try {
    const about = statSync(path);
    // A pipe would be waited for without end.
    if (!about.isFile()) throw new TypeError('not a file');
    const { size } = about;
    if (size <= MAX_DOCUMENT_BYTES) return readFileSync(path, 'utf8');
    throw new RangeError(`${size} bytes; a rule set has at most ${MAX_DOCUMENT_BYTES}`);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new PilegateError('config.invalid', `${path}: ${reason}`, { cause });
  }
}
