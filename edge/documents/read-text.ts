import { readFileSync, statSync } from 'node:fs';
import { MAX_DOCUMENT_BYTES } from '#shared/documents.ts';
import { PilegateError } from '#shared/errors.ts';
import { complain } from './complain.ts';

/**
 * The text of a document's file, before anything in it is believed. A byte order mark of UTF-8 is left out.
 *
 * @throws PilegateError `config.invalid` when it cannot be read, is too large, or is not UTF-8; then with the place
 */
export function readTextFile(path: string): string {
  return textOf(readFileBytes(path), path);
}

/** @param name what the document is called in a refusal @throws PilegateError `config.invalid` */
export function textOf(bytes: Uint8Array, name: string): string {
  if (bytes.length > MAX_DOCUMENT_BYTES)
    throw complain(name, [{ path: '(document)', reason: sizeReason(bytes.length) }]);
  const [first, second] = bytes;
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff))
    throw complain(name, [
      { path: '(document)', reason: 'found UTF-16; expected UTF-8: save the file as UTF-8', line: 1, column: 1 },
    ]);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    const { line, column } = firstBadByte(bytes);
    const reason = 'found bytes that are not UTF-8, as of GBK or Latin-1; expected UTF-8: save the file as UTF-8';
    throw complain(name, [{ path: '(document)', reason, line, column }]);
  }
}

export const sizeReason = (bytes: number): string => `found ${bytes} bytes; expected at most ${MAX_DOCUMENT_BYTES}`;

/** @throws PilegateError `config.invalid` when it is no file, cannot be read, or is too large */
export function readFileBytes(path: string): Uint8Array {
  try {
    const about = statSync(path);
    // A pipe would be waited for without end.
    if (!about.isFile()) throw new TypeError('not a file');
    if (about.size > MAX_DOCUMENT_BYTES) throw new RangeError(sizeReason(about.size));
    return readFileSync(path);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new PilegateError('config.invalid', `${path}: ${reason}`, { cause });
  }
}

/** Where the longest good beginning ends: what a lenient decoder puts in place of a bad byte tells it. */
function firstBadByte(bytes: Uint8Array): { line: number; column: number } {
  const lenient = new TextDecoder('utf-8').decode(bytes);
  const good = lenient.slice(0, lenient.indexOf('\ufffd'));
  const line = good.split('\n').length;
  return { line, column: good.length - good.lastIndexOf('\n') };
}
