import { randomUUID } from 'node:crypto';
import type { ApiReply, PartnerClient } from '../../../scripts/start/partner-client.ts';
import { pass } from './supervised.ts';

export type AskedKind = 'start' | 'stop' | 'reserve' | 'cancel-reservation';

/** What a partner asked for and was told. */
export interface Asked {
  readonly requestId: string;
  readonly kind: AskedKind;
  readonly operationId: string;
  readonly orderId: string | null;
  readonly reservationId: string | null;
  /** The first final outcome that he has seen; null: none while the car was there. */
  readonly outcome: string | null;
}

export const ASK_EVERY_MS = 200;
/** A partner gives one attempt up after so long, and the whole request after more. */
const PATIENCE_MS = 8000;
const ANSWERED_WITHIN_MS = 150_000;

export const outcomeText = (status: string, code: string | null): string => `${status} ${code ?? ''}`.trim();

/** A partner as his documentation wants him: the same request again until somebody has answered it. */
export class Asker {
  readonly #partner: Pick<PartnerClient, 'send'>;

  constructor(partner: Pick<PartnerClient, 'send'>) {
    this.#partner = partner;
  }

  /** @param refused takes the code of a refusal @returns what was accepted; null: it was refused, and has left nothing behind */
  async ask(kind: AskedKind, body: object, refused: string[]): Promise<Asked | null> {
    const requestId = `${kind}-${randomUUID()}`;
    const untilMs = performance.now() + ANSWERED_WITHIN_MS;
    for (;;) {
      const reply = await this.call('POST', `/v1/operations/${kind}`, { request_id: requestId, ...body });
      if (reply?.status === 202) {
        const { operation_id: operationId, order_id: orderId, reservation_id: reservationId } = reply.body;
        return { requestId, kind, operationId, orderId, reservationId, outcome: null };
      }
      if (reply !== null && reply.status < 500) {
        refused.push(String(reply.body.code));
        return null;
      }
      if (performance.now() > untilMs) throw new Error(`nobody has answered ${requestId}`);
      await pass(ASK_EVERY_MS);
    }
  }

  async outcomeOf(asked: Asked): Promise<Asked> {
    const reply = await this.call('GET', `/v1/operations/${asked.operationId}`);
    if (reply?.status !== 200 || reply.body.status === 'accepted') return asked;
    return { ...asked, outcome: outcomeText(reply.body.status, reply.body.failure?.code ?? null) };
  }

  outcomesOf(asked: readonly Asked[]): Promise<Asked[]> {
    return Promise.all(asked.map((one) => this.outcomeOf(one)));
  }

  /** Null: no answer came, for whatever reason, or not in time. */
  call(method: 'GET' | 'POST', path: string, body?: object): Promise<ApiReply | null> {
    const sent = this.#partner.send(method, path, body === undefined ? '' : JSON.stringify(body));
    return Promise.race([sent, pass(PATIENCE_MS)]).then(
      (reply) => reply ?? null,
      () => null,
    );
  }
}
