import type { MeterCore } from '../meter-core.ts';
import { dataOf } from './data.ts';
import { addressBytes, type Dlt645Request, decodeRequest, encodeReply, WILDCARD } from './frame.ts';

const READ = 0x11;
const READ_FOLLOWING = 0x12;
const READ_ADDRESS = 0x13;
const WRITE = 0x14;
const FROM_METER = 0x80;
const ABNORMAL = 0x40;
const MORE_FOLLOWS = 0x20;

/** Error byte: bit 1, no such data; bit 2, password wrong or not authorised. */
const NO_SUCH_DATA = 0x02;
const NOT_AUTHORISED = 0x04;

/** A read reply has at most 200 bytes of data: 4 of the identifier, 1 of the sequence number, whole values of 4 in the rest. */
const VALUE_BYTES_PER_FRAME = 192;

/** What makes one DL/T 645 meter different from another. */
export interface Dlt645Settings {
  /** Twelve digits. */
  readonly address: string;
  /** 0xFE bytes before each reply, 0..4. */
  readonly preamble: number;
  readonly initialRegisterWh: number;
  readonly tariffs: number;
}

/**
 * A meter of DL/T 645-2007 as its line hears it: returns a function that takes a frame and gives the whole reply frame, or
 * nothing for a frame that is unsound or for another meter.
 */
export function dlt645Meter(settings: Dlt645Settings, core: MeterCore): (frame: Uint8Array) => Uint8Array | undefined {
  const address = addressBytes(settings.address);
  let block: { readonly identifier: readonly number[]; readonly parts: readonly (readonly number[])[] } | undefined;

  const reply = (control: number, data: readonly number[]): Uint8Array =>
    encodeReply(address, control | FROM_METER, data, settings.preamble);
  const refuse = (control: number, error: number): Uint8Array => reply(control | ABNORMAL, [error]);

  const read = (data: readonly number[]): Uint8Array => {
    const identifier = data.slice(0, 4);
    const answer = dataOf(numberOf(identifier), { ...settings, reading: core.read() });
    block = undefined;
    if (data.length !== 4 || !answer.ok) return refuse(READ, NO_SUCH_DATA);
    const parts = inParts(answer.bytes);
    if (parts.length > 1) block = { identifier, parts };
    return reply(parts.length > 1 ? READ | MORE_FOLLOWS : READ, [...identifier, ...(parts[0] ?? [])]);
  };

  const readFollowing = (data: readonly number[]): Uint8Array => {
    const identifier = data.slice(0, 4);
    const sequence = data[4] ?? 0;
    const part = block?.parts[sequence];
    const same = block !== undefined && identifier.every((byte, index) => byte === block?.identifier[index]);
    if (!same || part === undefined || data.length !== 5 || sequence === 0) return refuse(READ_FOLLOWING, NO_SUCH_DATA);
    const more = block?.parts[sequence + 1] !== undefined;
    return reply(more ? READ_FOLLOWING | MORE_FOLLOWS : READ_FOLLOWING, [...identifier, ...part, sequence]);
  };

  const answer = ({ control, data }: Dlt645Request): Uint8Array | undefined => {
    if (control === READ) return read(data);
    if (control === READ_FOLLOWING) return readFollowing(data);
    if (control === READ_ADDRESS && data.length === 0) return reply(READ_ADDRESS, address);
    return control === WRITE ? refuse(WRITE, NOT_AUTHORISED) : undefined;
  };

  return (frame) => {
    const request = decodeRequest(frame);
    if (request === undefined) return undefined;
    const meant = request.address.every((byte, index) => byte === address[index] || byte === WILDCARD);
    return meant ? answer(request) : undefined;
  };
}

function numberOf(identifier: readonly number[]): number {
  return identifier.reduceRight((value, byte) => value * 256 + byte, 0);
}

function inParts(bytes: readonly number[]): readonly (readonly number[])[] {
  const parts: (readonly number[])[] = [];
  for (let at = 0; at < bytes.length; at += VALUE_BYTES_PER_FRAME)
    parts.push(bytes.slice(at, at + VALUE_BYTES_PER_FRAME));
  return parts;
}
