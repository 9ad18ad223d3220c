import type { ReaderModel } from './reader-settings.ts';

const STX = 0x02;
const ETX = 0x03;
const CRLF = [0x0d, 0x0a];

/** How a reader speaks, and how often: null for one that tells a card once. */
interface ReaderBehaviour {
  readonly frame: (number: string) => Uint8Array;
  readonly repeatMs: number | null;
  /** Where the last character of the checksum stands, counted from the end; the last digit where there is none. */
  readonly checksumFromEnd: number;
}

const ascii = (text: string): number[] => [...text].map((character) => character.charCodeAt(0));

/** Two characters: the exclusive or of the five bytes of a tag. */
function checksumOf(number: string): string {
  const bytes = number.match(/../g)?.map((pair) => Number.parseInt(pair, 16)) ?? [];
  return bytes
    .reduce((xor, byte) => xor ^ byte, 0)
    .toString(16)
    .toUpperCase()
    .padStart(2, '0');
}

const tag = (number: string): number[] => ascii(`${number.toUpperCase()}${checksumOf(number)}`);

export const READERS: Readonly<Record<ReaderModel, ReaderBehaviour>> = {
  /** RDM6300 data sheet: a tag that lies there is sent again and again. */
  'em4100-module': {
    frame: (number) => Uint8Array.of(STX, ...tag(number), ETX),
    repeatMs: 65,
    checksumFromEnd: 2,
  },
  /** ID-12 data sheet, ASCII output: once for each time that a tag comes into the field. */
  'em4100-ascii': {
    frame: (number) => Uint8Array.of(STX, ...tag(number), ...CRLF, ETX),
    repeatMs: null,
    checksumFromEnd: 4,
  },
  /** A USB-serial reader for 13.56 MHz cards: the number as a line, once. */
  'hex-line': {
    frame: (number) => Uint8Array.of(...ascii(number.toUpperCase()), ...CRLF),
    repeatMs: null,
    checksumFromEnd: 3,
  },
};
