import { createMbapReader } from '../line/mbap.ts';
import type { PileRig } from './pile-rig.ts';

type ReadFunction = 3 | 4;

/** Sends a Modbus TCP request given as hex and returns the reply PDU as hex; throws when the frame is none. */
export function askTcp(rig: PileRig, hex: string): string {
  const pushed = createMbapReader()(Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex')));
  const message = pushed.ok ? pushed.messages[0] : undefined;
  if (message === undefined) throw new Error(`not a Modbus TCP frame: ${hex}`);
  return toHex(rig.ask(...message.pdu));
}

/** Sends a request PDU given as hex and returns the reply PDU as hex. */
export function askHex(rig: PileRig, hex: string): string {
  return toHex(rig.ask(...Buffer.from(hex.replaceAll(' ', ''), 'hex')));
}

/** u32 with the high word first. */
export function u32(rig: PileRig, functionCode: ReadFunction, address: number): number {
  return bytes(rig, functionCode, address, 2).readUInt32BE();
}

/** u32 with the low word first. */
export function u32Low(rig: PileRig, functionCode: ReadFunction, address: number): number {
  const [low = 0, high = 0] = rig.read(functionCode, address, 2);
  return high * 65_536 + low;
}

/** u64 with the high word first. */
export function u64(rig: PileRig, functionCode: ReadFunction, address: number): number {
  return Number(bytes(rig, functionCode, address, 4).readBigUInt64BE());
}

/** u64 with the low word first. */
export function u64Low(rig: PileRig, functionCode: ReadFunction, address: number): number {
  const words = rig.read(functionCode, address, 4);
  return words.reduceRight((sum, word) => sum * 65_536 + word, 0);
}

/** Single with the high word first. */
export function f32(rig: PileRig, functionCode: ReadFunction, address: number): number {
  return bytes(rig, functionCode, address, 2).readFloatBE();
}

/** Double with the high word first. */
export function f64(rig: PileRig, functionCode: ReadFunction, address: number): number {
  return bytes(rig, functionCode, address, 4).readDoubleBE();
}

/** ASCII up to the first zero. */
export function text(rig: PileRig, functionCode: ReadFunction, address: number, registers: number): string {
  return bytes(rig, functionCode, address, registers).toString('latin1').split('\0')[0] ?? '';
}

function bytes(rig: PileRig, functionCode: ReadFunction, address: number, registers: number): Buffer {
  return Buffer.from(rig.read(functionCode, address, registers).flatMap((word) => [word >> 8, word & 0xff]));
}

function toHex(pdu: readonly number[]): string {
  return Buffer.from(pdu).toString('hex');
}
