/** What an answer tells, where its shape is not known beforehand. */
export const isPlainObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The value of a field, or of one of a field within; undefined: there is none. */
export function fieldOf(value: unknown, ...names: readonly (string | number)[]): unknown {
  let inner = value;
  for (const name of names) {
    if (typeof inner !== 'object' || inner === null) return undefined;
    inner = Reflect.get(inner, name);
  }
  return inner;
}

/** @throws Error where there is no text, which an answer that is as declared has */
export function textOf(value: unknown, ...names: readonly (string | number)[]): string {
  const text = fieldOf(value, ...names);
  if (typeof text === 'string') return text;
  throw new Error(`there is no text at ${names.join('.')}`);
}
