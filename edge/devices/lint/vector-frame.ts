import { crc16, judgeReply, MbapReader } from '../../bus/framing.ts';
import { ModbusCodec } from '../../bus/modbus-codec.ts';
import type { ReadRequest } from '../../bus/request.ts';
import type { Vector } from '../profile/device-shape.ts';

/** A frame of a vector without its framing. */
export interface BareFrame {
  /** Unit, PDU and CRC, whatever framing it came in. */
  readonly adu: Uint8Array;
  /** Null on a serial line, which has none. */
  readonly transactionId: number | null;
}
export type Parsed<Value> = { readonly value: Value } | { readonly reason: string };

const SHORTEST_ADU = 4;

/** Takes the framing off: the checksum of RTU, or the header of Modbus TCP. */
export function bareFrame(hex: string, framing: Vector['framing']): Parsed<BareFrame> {
  const digits = hex.replaceAll(/\s/g, '');
  if (!/^([0-9a-f]{2})+$/i.test(digits)) return { reason: 'not whole bytes in hex' };
  const bytes = Uint8Array.from(Buffer.from(digits, 'hex'));
  return framing === 'rtu' ? bareRtu(bytes) : bareMbap(bytes);
}

function bareRtu(bytes: Uint8Array): Parsed<BareFrame> {
  if (bytes.length < SHORTEST_ADU) return { reason: 'too short for unit, function and checksum' };
  if (crc16(bytes) !== 0) return { reason: 'the checksum does not fit' };
  return { value: { adu: bytes, transactionId: null } };
}

function bareMbap(bytes: Uint8Array): Parsed<BareFrame> {
  const [message, ...more] = new MbapReader().push(bytes) ?? [];
  // Six bytes of header in front stand where the checksum's two are behind.
  if (message === undefined || more.length > 0 || message.adu.length !== bytes.length - 4)
    return { reason: 'not one Modbus TCP message: its header does not fit its length' };
  return { value: message };
}

/** The question of a read, or null when the frame asks for none. */
export function readRequestOf({ adu }: BareFrame): ReadRequest | null {
  const [, fc = 0, a = 0, b = 0, c = 0, d = 0] = adu;
  if (adu.length !== 8 || (fc !== 1 && fc !== 2 && fc !== 3 && fc !== 4)) return null;
  return { fc, address: (a << 8) | b, count: (c << 8) | d };
}

/** The registers or bits of a reply to a read; or why the bytes are not its reply. */
export function answerOf(request: BareFrame, read: ReadRequest, reply: BareFrame): Parsed<readonly number[]> {
  const mismatch = replyMismatch(request, reply);
  if (mismatch !== null) return { reason: mismatch };
  const codec = new ModbusCodec();
  codec.encode(request.adu[0] ?? 0, read);
  const decoded = codec.decode(reply.adu);
  return decoded.kind === 'answer' ? { value: decoded.answer } : { reason: decoded.detail };
}

/** Why a frame is not the reply to a request, by the rules by which the edge takes replies; null when it is. */
export function replyMismatch(request: BareFrame, reply: BareFrame): string | null {
  if (request.transactionId !== reply.transactionId) return 'the transaction id is not the one of the request';
  const verdict = judgeReply(request.adu, reply.adu);
  if (verdict.kind === 'broken') return verdict.detail;
  if (verdict.kind !== 'answer' || verdict.answer.length !== reply.adu.length)
    return 'not as long as a reply to this request';
  return null;
}
