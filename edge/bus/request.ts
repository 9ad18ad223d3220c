/** Read of bits (01 coils, 02 discrete inputs) or registers (03 holding, 04 input): answered by bits or 16-bit words. */
export interface ReadRequest {
  readonly fc: 1 | 2 | 3 | 4;
  readonly address: number;
  readonly count: number;
}

/** Write of one coil (05), one register (06) or several registers (16). */
export type WriteRequest =
  | { readonly fc: 5; readonly address: number; readonly on: boolean }
  | { readonly fc: 6; readonly address: number; readonly word: number }
  | { readonly fc: 16; readonly address: number; readonly words: readonly number[] };

export type ModbusRequest = ReadRequest | WriteRequest;

export const isRead = (request: ModbusRequest): request is ReadRequest => request.fc <= 4;

/** Bytes of data in the reply to a read: registers have two each, eight bits share one. */
export const replyByteCount = ({ fc, count }: ReadRequest): number => (fc <= 2 ? Math.ceil(count / 8) : count * 2);

/** Bytes of a request and of its reply as RTU frames. Modbus application protocol V1.1b3, section 6. */
export function frameBytes(request: ModbusRequest): { readonly request: number; readonly reply: number } {
  if (isRead(request)) return { request: 8, reply: 5 + replyByteCount(request) };
  return { request: request.fc === 16 ? 9 + 2 * request.words.length : 8, reply: 8 };
}
