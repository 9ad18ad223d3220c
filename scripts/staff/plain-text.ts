/** Text of whoever it is, as it can be shown on a terminal: what would move its cursor, or end the line, is written out. */
export const plainText = (text: string): string =>
  text.replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, (sign) => `\\u{${sign.codePointAt(0)?.toString(16)}}`);
