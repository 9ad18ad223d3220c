/**
 * Why a request on a line has no answer.
 * `timeout`, `crc`, `mismatch`: try again later. `exception`: the device understood and refused; `exceptionCode` is its
 * protocol's code. `unreachable`: port or host cannot be opened. `closed`: the line was shut down or lost with the
 * request pending. `queue-full`: more is asked of the line than it can carry. `silent`: not sent, because the device has
 * not answered for a while and its next probe is not due. `superseded`: withdrawn before it went out,
 * because a stop came or what it was decided on is old.
 */
export type LineFailure =
  | 'timeout'
  | 'crc'
  | 'mismatch'
  | 'exception'
  | 'unreachable'
  | 'closed'
  | 'queue-full'
  | 'silent'
  | 'superseded';

export class LineError extends Error {
  readonly failure: LineFailure;
  readonly exceptionCode: number | null;

  constructor(failure: LineFailure, detail: string, exceptionCode: number | null = null) {
    super(`${failure}: ${detail}`);
    this.name = 'LineError';
    this.failure = failure;
    this.exceptionCode = exceptionCode;
  }
}
