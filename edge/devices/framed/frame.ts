import { MORE, type Verdict } from '../../bus/exchange.ts';
import { crc16 } from '../../bus/framing.ts';
import { checksumBytes, type DeviceFraming, hexBytes } from './framing-schema.ts';

/** A command or its reply, without what is wrapped around it. */
export interface Message {
  readonly command: number;
  readonly payload: Uint8Array;
}

type Direction = 'request' | 'reply';
type Checksum = DeviceFraming['checksum']['kind'];

const checksums: Record<Checksum, (bytes: Uint8Array) => Uint8Array> = {
  xor8: (bytes) => Uint8Array.of(bytes.reduce((xor, byte) => xor ^ byte, 0)),
  sum8: (bytes) => Uint8Array.of(bytes.reduce((sum, byte) => (sum + byte) & 0xff, 0)),
  'crc16-modbus': (bytes) => {
    const crc = crc16(bytes);
    return Uint8Array.of(crc & 0xff, crc >>> 8);
  },
};

const joined = (parts: readonly Uint8Array[]): Uint8Array => Uint8Array.from(parts.flatMap((part) => [...part]));
const equal = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;
const mismatch = (detail: string): Verdict<never> => ({ kind: 'broken', reason: 'mismatch', detail });

/** How many bytes a part takes in a frame with so large a payload. */
function sizeOf(framing: DeviceFraming, part: string, payloadBytes: number): number {
  switch (part) {
    case 'length':
      return framing.length?.bytes ?? 0;
    case 'address':
      return framing.address.bytes;
    case 'command':
      return 1;
    case 'payload':
      return payloadBytes;
    case 'checksum':
      return checksumBytes[framing.checksum.kind];
    default:
      return hexBytes(framing.constants[part]?.request ?? '').length;
  }
}

/** How many bytes a whole frame takes. */
export const frameBytes = (framing: DeviceFraming, payloadBytes: number): number =>
  framing.layout.reduce((sum, part) => sum + sizeOf(framing, part, payloadBytes), 0);

function lengthBytes(framing: DeviceFraming, payloadBytes: number): Uint8Array {
  const { length } = framing;
  if (length === undefined) return new Uint8Array();
  const count = length.counts.reduce((sum, part) => sum + sizeOf(framing, part, payloadBytes), 0);
  if (length.bytes === 1) return Uint8Array.of(count);
  const bytes = Uint8Array.of(count >>> 8, count & 0xff);
  return length.order === 'high-first' ? bytes : bytes.reverse();
}

const addressBytes = (framing: DeviceFraming, address: number): Uint8Array =>
  Uint8Array.from(Buffer.from(address.toString(16).padStart(2 * framing.address.bytes, '0'), 'hex'));

/** Every part of a frame but its checksum, by name. */
function partsOf(framing: DeviceFraming, direction: Direction, address: number, message: Message) {
  const parts = new Map<string, Uint8Array>();
  for (const [name, constant] of Object.entries(framing.constants)) parts.set(name, hexBytes(constant[direction]));
  parts.set('length', lengthBytes(framing, message.payload.length));
  parts.set('address', addressBytes(framing, address));
  parts.set('command', Uint8Array.of(message.command));
  parts.set('payload', message.payload);
  return parts;
}

const checksumOf = ({ checksum }: DeviceFraming, parts: ReadonlyMap<string, Uint8Array>): Uint8Array =>
  checksums[checksum.kind](joined(checksum.covers.map((part) => parts.get(part) ?? new Uint8Array())));

/** The bytes of a question. */
export function encodeRequest(framing: DeviceFraming, address: number, message: Message): Uint8Array {
  const parts = partsOf(framing, 'request', address, message);
  parts.set('checksum', checksumOf(framing, parts));
  return joined(framing.layout.map((part) => parts.get(part) ?? new Uint8Array()));
}

/**
 * Recognises one reply at the beginning of what was received, and looks for it at no other place.
 *
 * @param payloadBytesOf the size of the payload that a reply with this command has; null when no such reply can come
 */
export function decodeReply(
  framing: DeviceFraming,
  address: number,
  received: Uint8Array,
  payloadBytesOf: (command: number) => number | null,
): Verdict<Message> {
  const parts = new Map<string, Uint8Array>();
  let from = 0;
  let payloadBytes = 0;
  for (const part of framing.layout) {
    const to = from + sizeOf(framing, part, payloadBytes);
    if (received.length < to) return MORE;
    parts.set(part, received.slice(from, to));
    from = to;
    const command = parts.get('command')?.[0] ?? 0;
    if (part === 'command') {
      const size = payloadBytesOf(command);
      if (size === null) return mismatch(`command ${command.toString(16)}`);
      payloadBytes = size;
    }
    const wrong = wrongPart(framing, address, parts, part, payloadBytes);
    if (wrong !== null) return wrong;
  }
  const payload = parts.get('payload') ?? new Uint8Array();
  return { kind: 'answer', answer: { command: parts.get('command')?.[0] ?? 0, payload } };
}

/** Why the part just received cannot be the reply's, or null. */
function wrongPart(
  framing: DeviceFraming,
  address: number,
  parts: ReadonlyMap<string, Uint8Array>,
  part: string,
  payloadBytes: number,
): Verdict<never> | null {
  const bytes = parts.get(part) ?? new Uint8Array();
  const constant = framing.constants[part];
  if (constant !== undefined) return equal(bytes, hexBytes(constant.reply)) ? null : mismatch(`wrong ${part}`);
  if (part === 'address') return equal(bytes, addressBytes(framing, address)) ? null : mismatch('another device');
  if (part === 'checksum')
    return equal(bytes, checksumOf(framing, parts)) ? null : { kind: 'broken', reason: 'crc', detail: 'checksum' };
  // The length stands before the payload, but only the command says how long it must be.
  const isHeadComplete = parts.has('command') && (framing.length === undefined || parts.has('length'));
  if (part !== 'payload' && isHeadComplete && framing.length !== undefined) {
    const length = parts.get('length') ?? new Uint8Array();
    if (!equal(length, lengthBytes(framing, payloadBytes))) return mismatch('wrong length');
  }
  return null;
}
