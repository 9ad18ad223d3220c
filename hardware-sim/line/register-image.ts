/** Modbus exception codes used by the simulated devices (Modbus application protocol V1.1b3, section 7). */
export const ILLEGAL_FUNCTION = 1;
export const ILLEGAL_ADDRESS = 2;
export const ILLEGAL_VALUE = 3;

/** How a device turns a request down: an exception code, or it closes the connection without a reply. */
export interface Refusal {
  readonly ok: false;
  readonly exceptionCode: number | 'hang-up';
}

/** 16-bit words, or how the device refuses to give them. */
export type ReadOutcome = { readonly ok: true; readonly words: readonly number[] } | Refusal;

/** A checked write that takes effect only when `apply` is called, or how the device refuses it. */
export type WriteOutcome = { readonly ok: true; readonly apply: () => void } | Refusal;

/** Single-bit tables; bits travel as 0 or 1 in `words`. */
export interface BitImage {
  readCoils(address: number, count: number): ReadOutcome;
  readDiscreteInputs(address: number, count: number): ReadOutcome;
  writeCoils(address: number, bits: readonly number[]): WriteOutcome;
}

/** What a Modbus master can see and change of one device. Addresses are 0-based, as on the wire. */
export interface RegisterImage {
  /** Function codes the device knows; any other is answered with exception 1. */
  readonly functions: ReadonlySet<number>;
  readHolding(address: number, count: number): ReadOutcome;
  readInput(address: number, count: number): ReadOutcome;
  /** `functionCode` is 6 or 16: some devices take a register by one of them only. */
  writeHolding(address: number, words: readonly number[], functionCode: number): WriteOutcome;
  readonly bits?: BitImage;
}

/** The refusal with `exceptionCode`, fit for either outcome. */
export function refuse(exceptionCode: Refusal['exceptionCode']): Refusal {
  return { ok: false, exceptionCode };
}
