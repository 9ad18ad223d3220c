import { PilegateError } from '#shared/errors.ts';

/** Deeper than anything that is taken here; what walks through a body afterwards may then do so by calling itself. */
const MOST_LEVELS = 32;

/** NUL, which no text in the database can hold, and halves of surrogate pairs, which no UTF-8 can. */
const isStorable = (text: string): boolean => !text.includes('\0') && text.isWellFormed();

/**
 * Refuses a body that is JSON and nothing that can be stored and told again as it was sent.
 *
 * @throws PilegateError `request.invalid`, with the place
 */
export function refuseUnstorable(document: unknown): void {
  const waiting: { value: unknown; path: string; level: number }[] = [{ value: document, path: '', level: 0 }];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { value, path, level } = next;
    if (typeof value === 'string' && !isStorable(value)) throw refusal(path, 'text with NUL, or half a surrogate pair');
    if (typeof value !== 'object' || value === null) continue;
    if (level >= MOST_LEVELS) throw refusal(path, `more than ${MOST_LEVELS} levels`);
    for (const [name, inner] of Object.entries(value)) {
      if (!isStorable(name)) throw refusal(path, 'a name with NUL, or half a surrogate pair');
      // The name under which every object has another one: what is assigned to it is no field.
      if (name === '__proto__') throw refusal(path, 'a field __proto__');
      waiting.push({ value: inner, path: path === '' ? name : `${path}.${name}`, level: level + 1 });
    }
  }
}

const refusal = (path: string, reason: string): PilegateError =>
  new PilegateError('request.invalid', reason, {
    complaints: [{ path: path === '' ? '(document)' : path.slice(0, 200), reason }],
  });

/** Whether an address, as it was sent, has something in it that no text in the database can hold. */
export const isStorableAddress = (url: string): boolean => !/%00/.test(url);
