import type { DocumentKind } from '#shared/documents.ts';
import { type Complaint, PilegateError } from '#shared/errors.ts';

/** JSON values by name. */
export type SiteValues = Readonly<Record<string, unknown>>;

/** A place for a site's own value, within quotes or without: "{{limitMa}}" and {{limitMa}} both become 16000. */
const PLACE = /"\{\{(\w+)\}\}"|\{\{(\w+)\}\}/g;

/**
 * The document of one site: the common text with the site's values as JSON in their places.
 *
 * @param path of the site in the request
 * @throws PilegateError `request.invalid` for a place without a value, and for a value without a place
 */
export function siteText(text: string, values: SiteValues, path: string): string {
  const complaints: Complaint[] = [];
  const used = new Set<string>();
  const filled = text.replace(PLACE, (place, quoted?: string, bare?: string) => {
    const name = quoted ?? bare ?? '';
    // Every object has more names than it was given, such as `constructor`.
    const value = Object.hasOwn(values, name) ? values[name] : undefined;
    used.add(name);
    if (value === undefined) complaints.push({ path: `${path}.values.${name}`, reason: `the text has a place for it` });
    return value === undefined ? place : JSON.stringify(value);
  });
  for (const name of Object.keys(values).filter((name) => !used.has(name)))
    complaints.push({ path: `${path}.values.${name}`, reason: 'the text has no place for it' });
  if (complaints.length > 0) throw new PilegateError('request.invalid', 'values do not fit the text', { complaints });
  return filled;
}

/**
 * The text under a version of its own: documents that state their version state this one. A configuration states none, and stays byte
 * for byte.
 *
 * @param text plain JSON, unless it is a configuration. @throws PilegateError `request.invalid` when it is not
 */
export function numbered(kind: DocumentKind, text: string, version: number): string {
  if (kind === 'site') return text;
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (cause) {
    throw new PilegateError('request.invalid', 'plain JSON is expected', { cause });
  }
  if (typeof document !== 'object' || document === null || Array.isArray(document))
    throw new PilegateError('request.invalid', 'an object is expected');
  return JSON.stringify({ ...document, version }, null, 2);
}
