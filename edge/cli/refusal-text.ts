import type { Complaint, PilegateError } from '#shared/errors.ts';
import { errorCatalogue } from '#shared/errors.ts';

/**
 * A refused document for a person: what is wrong in both languages, then each mistake in a line of its own, as editors find it.
 *
 * @param file what the document is called: what is refused may be something else, as a profile, which names itself
 */
export function refusalText({ code, detail, complaints }: PilegateError, file: string | null): string {
  const { en, zh, doEn, doZh } = errorCatalogue[code];
  const isPlaced = file !== null && complaints.length > 0 && detail.startsWith(file);
  const lines = isPlaced ? complaints.map((complaint) => lineOf(complaint, file)) : [detail];
  return [`${code}: ${en} ${zh}`, ...lines, `${doEn} ${doZh}`].join('\n');
}

function lineOf({ path, reason, line, column }: Complaint, file: string): string {
  const place = line === undefined ? '' : `:${line}${column === undefined ? '' : `:${column}`}`;
  return `${file}${place}: ${path}: ${reason}`;
}
