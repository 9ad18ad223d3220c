/** Text that PostgreSQL can store: no NUL, no lone surrogates, not longer than `limit` characters. */
export const storable = (text: string, limit: number): string =>
  text.replaceAll('\u0000', '\uFFFD').slice(0, limit).toWellFormed();
