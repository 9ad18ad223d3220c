import { pileCodeSchema } from '#shared/ids.ts';

/** What of a scanned code is ours. */
export interface OwnCodes {
  /** The address that our codes lead to; null: there is none, and no address is taken for ours. */
  readonly publicUrl: string | null;
  /** Nine characters, in codes of the form that Chinese platforms share; null: none of these is ours. */
  readonly operatorId: string | null;
}

/** Where a code that is an address leads: `<public address>/q/<code>`. */
const PATH = /^(.*)\/q\/([^/]+)\/?$/;

/**
 * `hlht://<connector code>.<operator id>/…`: what Chinese operators print on piles so that any platform's app can read it. The operator id is the nine
 * characters of the organisation code. The form is read from what several public programs make and take, not from the text of the standard.
 */
const SHARED = /^hlht:\/\/([^./]+)\.([0-9A-Z]{9})(?:\/.*)?$/i;

/**
 * The pile code in what was scanned: the code itself, our address with the code in it, or the form that Chinese platforms share. Another operator's
 * code may be spelt as one of ours, so what names somebody else is nobody's.
 *
 * @returns null: it is not a code of ours
 */
export function codeIn(content: string, own: OwnCodes): string | null {
  const text = content.trim();
  const code = partOf(text, own);
  return code !== null && pileCodeSchema.safeParse(code).success ? code : null;
}

function partOf(text: string, { publicUrl, operatorId }: OwnCodes): string | null {
  const shared = SHARED.exec(text);
  if (shared !== null) return shared[2]?.toUpperCase() === operatorId ? (shared[1] ?? null) : null;
  if (!/^https?:/i.test(text)) return text;
  if (publicUrl === null || !URL.canParse(text)) return null;
  const [address, ours] = [new URL(text), new URL(publicUrl)];
  const [, before = '', code = ''] = PATH.exec(address.pathname) ?? [];
  const isOurs = address.host === ours.host && before === ours.pathname.replace(/\/$/, '');
  return isOurs ? code : null;
}
