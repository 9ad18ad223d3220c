import type { Dice } from '../sim/dice.ts';

const MOST_OF_A_NAME = 40;
/** Names under which the API gives back what it takes elsewhere under another one. */
const alsoKnownAs: Readonly<Record<string, string>> = { next_cursor: 'cursor' };
const isWorthKeeping = (name: string): boolean =>
  /(^|_)(id|cursor|token|secret|invitation|challenge|etag|code|level|currency|version)$/.test(name);

/** What the API has told, by the names of the fields: ids, cursors and the like, to be used again. */
export class KnownValues {
  readonly #byName = new Map<string, string[]>();
  readonly #preferred = new Map<string, readonly string[]>();

  /** Takes in an answer, wherever in it something is. What is old gives way. */
  learn(value: unknown): void {
    if (Array.isArray(value)) for (const item of value.slice(0, 50)) this.learn(item);
    else if (typeof value === 'object' && value !== null)
      for (const [name, inner] of Object.entries(value)) {
        const isText = typeof inner === 'string' || Number.isSafeInteger(inner);
        if (isText && isWorthKeeping(name)) this.add(alsoKnownAs[name] ?? name, String(inner));
        else this.learn(inner);
      }
  }

  add(name: string, value: string): void {
    const values = this.#byName.get(name) ?? [];
    this.#byName.set(name, values);
    if (values.includes(value)) return;
    values.push(value);
    if (values.length > MOST_OF_A_NAME) values.splice(values.length % 7, 1);
  }

  /** Values that are drawn as often as all the others of this name together: they lead furthest. */
  prefer(name: string, values: readonly string[]): void {
    this.#preferred.set(name, values);
  }

  pick(name: string, dice: Dice): string | null {
    const preferred = this.#preferred.get(name);
    if (preferred !== undefined && dice.chance(0.5)) return dice.pick(preferred);
    const values = this.#byName.get(name) ?? [];
    return values.length === 0 ? null : dice.pick(values);
  }
}
