/** Modbus exception codes used by the simulated devices (Modbus application protocol V1.1b3, section 7). */
export const ILLEGAL_FUNCTION = 1;
export const ILLEGAL_ADDRESS = 2;
export const ILLEGAL_VALUE = 3;

/** 16-bit words, or the exception that the device answers instead. */
export type ReadOutcome =
  | { readonly ok: true; readonly words: readonly number[] }
  | { readonly ok: false; readonly exceptionCode: number };

/** A checked write that takes effect only when `apply` is called, or the exception that the device answers instead. */
export type WriteOutcome =
  | { readonly ok: true; readonly apply: () => void }
  | { readonly ok: false; readonly exceptionCode: number };

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
export function refuse(exceptionCode: number): { readonly ok: false; readonly exceptionCode: number } {
  return { ok: false, exceptionCode };
}
