import { type ErrorCode, errorCatalogue } from '#shared/errors.ts';
import type { RecordBody } from '#shared/wire/records.ts';
import type { ChargeWish } from './charge-wish.ts';
import type { Order } from './connector.ts';
import { commandDone, commandFailed } from './report.ts';

/** Why something that was asked for is not done; without words of its own it has those of its code. */
export interface Refusal {
  readonly code: ErrorCode;
  readonly detail?: string;
}

/** A record for an order of the cloud, or a word to whoever stands before the pile. */
export interface Answer {
  readonly records: readonly RecordBody[];
  readonly orders: readonly Order[];
}

type Asked = Pick<ChargeWish, 'commandId' | 'requestId'>;

/** The charge does not begin. */
export function refused({ commandId, requestId }: Asked, refusal: Refusal, sessionId: string | null = null): Answer {
  const { code, detail = errorCatalogue[code].en } = refusal;
  if (commandId !== null) return { records: [commandFailed(commandId, code, detail, sessionId)], orders: [] };
  return { records: [], orders: [{ kind: 'answer', requestId, refusal: { code, detail } }] };
}

/** The charge has begun. */
export function accepted({ commandId, requestId }: Asked, sessionId: string): Answer {
  if (commandId !== null) return { records: [commandDone(commandId, sessionId)], orders: [] };
  return { records: [], orders: [{ kind: 'answer', requestId, refusal: null }] };
}
