import { isPilegateError } from '#shared/errors.ts';
import type { CloudContext } from '../../cloud/context.ts';
import type { OperationRow } from '../../cloud/db/schema.ts';
import type { Answered } from '../../cloud/operations/first-answer.ts';
import { raiseHold } from '../../cloud/operations/raise-hold.ts';
import { startCharge } from '../../cloud/operations/start.ts';
import { stopCharge } from '../../cloud/operations/stop.ts';
import type { Caller } from '../../cloud/partners/caller.ts';
import { cancelReservation } from '../../cloud/reservations/cancel.ts';
import { reserve } from '../../cloud/reservations/reserve.ts';
import type { CloudProcess } from './cloud-process.ts';
import type { Dice } from './dice.ts';
import type { Scheduler } from './scheduler.ts';
import type { Trace } from './trace.ts';

type Work = (context: CloudContext, caller: Caller) => Promise<Answered>;
type Outcome = { readonly operation: OperationRow } | { readonly refused: string } | 'no-answer';

const PATIENCE_MS = 20_000;
const TRIES = 8;

export interface PartnerParts {
  readonly caller: Caller;
  readonly scheduler: Scheduler;
  readonly dice: Dice;
  readonly trace: Trace;
  /** Null while the cloud is down. */
  readonly cloud: () => CloudProcess | null;
}

/** Drives charges by the cloud's own operations, and asks again under the same request id when no answer comes. */
export class Partner {
  readonly #parts: PartnerParts;
  #requests = 0;

  constructor(parts: PartnerParts) {
    this.#parts = parts;
  }

  start(
    connectorId: string,
    { holdMinor, reservationId }: { readonly holdMinor: number | null; readonly reservationId: string | null },
    then: (outcome: Outcome) => void,
  ): void {
    const body = {
      request_id: this.#requestId('start'),
      connector_id: connectorId,
      ...(holdMinor !== null && { hold_minor: holdMinor }),
      ...(reservationId !== null && { reservation_id: reservationId }),
    };
    this.#ask(`start ${connectorId}`, (context, caller) => startCharge(context, caller, body), then);
  }

  stop(orderId: string): void {
    const body = { request_id: this.#requestId('stop'), order_id: orderId };
    this.#ask(
      `stop ${orderId}`,
      (context, caller) => stopCharge(context, caller, body),
      () => {},
    );
  }

  raise(orderId: string, holdMinor: number): void {
    const body = { request_id: this.#requestId('raise'), order_id: orderId, hold_minor: holdMinor };
    this.#ask(
      `raise ${orderId}`,
      (context, caller) => raiseHold(context, caller, body),
      () => {},
    );
  }

  reserve(connectorId: string, untilMs: number, then: (outcome: Outcome) => void): void {
    const until = new Date(untilMs).toISOString();
    const body = { request_id: this.#requestId('reserve'), connector_id: connectorId, until };
    this.#ask(`reserve ${connectorId}`, (context, caller) => reserve(context, caller, body), then);
  }

  cancel(reservationId: string): void {
    const body = { request_id: this.#requestId('cancel'), reservation_id: reservationId };
    this.#ask(
      `cancel ${reservationId}`,
      (context, caller) => cancelReservation(context, caller, body),
      () => {},
    );
  }

  #requestId(kind: string): string {
    this.#requests += 1;
    return `${this.#parts.caller.partnerId}-${kind}-${this.#requests}`;
  }

  #ask(what: string, work: Work, then: (outcome: Outcome) => void, tries = 1): void {
    const { scheduler, dice, trace, cloud, caller } = this.#parts;
    let isOver = false;
    const end = (how: () => void) => () => {
      if (isOver) return;
      isOver = true;
      cancel();
      how();
    };
    const again = () => {
      if (tries >= TRIES) return then('no-answer');
      scheduler.after(dice.between(500, 10_000), () => this.#ask(what, work, then, tries + 1));
    };
    const cancel = scheduler.after(PATIENCE_MS, end(again));
    const process = cloud();
    if (process === null) return;
    work(process.context, caller).then(
      ({ operation, hit }) =>
        end(() => {
          trace.note(caller.partnerId, `${what}: ${hit ? 'again ' : ''}${operation.status}`);
          then({ operation });
        })(),
      (error: unknown) =>
        end(() => {
          if (!isPilegateError(error)) return again();
          trace.note(caller.partnerId, `${what}: ${error.code}`);
          then({ refused: error.code });
        })(),
    );
  }
}
