import type { Complaint, PilegateError } from '#shared/errors.ts';
import { errorCatalogue } from '#shared/errors.ts';

/**
 * A refused document for a person: what is wrong in both languages, then each mistake in a line of its own, as editors find it.
 *
 * @param file what the document is called
 */
export function refusalText({ code, detail, complaints }: PilegateError, file: string): string {
  const { en, zh, doEn, doZh } = errorCatalogue[code];
  const lines = complaints.length === 0 ? [detail] : complaints.map((complaint) => lineOf(complaint, file));
  return [`${code}: ${en} ${zh}`, ...lines, `${doEn} ${doZh}`].join('\n');
}

function lineOf({ path, reason, line, column }: Complaint, file: string): string {
  const place = line === undefined ? '' : `:${line}${column === undefined ? '' : `:${column}`}`;
  return `${file}${place}: ${path}: ${reason}`;
}
