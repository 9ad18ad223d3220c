import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ReceivedEvent {
  readonly webhookId: string;
  readonly type: string;
  // biome-ignore lint/suspicious/noExplicitAny: a partner reads documents it has no types for
  readonly data: any;
  /** The signature fits the secret, by the Standard Webhooks rules. */
  readonly isSigned: boolean;
}

/** A partner's webhook endpoint on loopback: checks signatures and drops repeated deliveries. */
export class WebhookReceiver {
  readonly url: string;
  readonly hostPort: string;
  readonly events: ReceivedEvent[] = [];
  /** Given by the platform when the endpoint was registered. */
  secret = '';
  /** Status to answer with; a test may make the endpoint fail. */
  answerStatus = 204;
  readonly #server: ReturnType<typeof createServer>;

  private constructor(server: ReturnType<typeof createServer>) {
    this.#server = server;
    const { port } = server.address() as AddressInfo;
    this.hostPort = `127.0.0.1:${port}`;
    this.url = `http://${this.hostPort}/hooks`;
  }

  static async listen(): Promise<WebhookReceiver> {
    const server = createServer((request, response) => {
      void readBody(request).then((body) => {
        receiver.#take(request, body);
        response.writeHead(receiver.answerStatus).end();
      });
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const receiver = new WebhookReceiver(server);
    return receiver;
  }

  /** Waits for an event about an order. */
  async waitFor(type: string, orderId: string, withinMs: number): Promise<ReceivedEvent> {
    const untilMs = Date.now() + withinMs;
    for (;;) {
      const found = this.events.find((event) => event.type === type && event.data.order_id === orderId);
      if (found !== undefined) return found;
      if (Date.now() > untilMs) throw new Error(`no webhook ${type} for order ${orderId} within ${withinMs} ms`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  close(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
    });
  }

  #take(request: IncomingMessage, body: string): void {
    const id = String(request.headers['webhook-id']);
    const isFresh = this.answerStatus < 300 && !this.events.some((event) => event.webhookId === id);
    if (!isFresh) return;
    const { type, data } = JSON.parse(body);
    this.events.push({ webhookId: id, type, data, isSigned: this.#isSigned(request, id, body) });
  }

  #isSigned(request: IncomingMessage, id: string, body: string): boolean {
    const key = Buffer.from(this.secret.replace(/^whsec_/, ''), 'base64');
    const text = `${id}.${String(request.headers['webhook-timestamp'])}.${body}`;
    const expected = createHmac('sha256', key).update(text).digest();
    return String(request.headers['webhook-signature'])
      .split(' ')
      .some((entry) => {
        const given = Buffer.from(entry.replace(/^v1,/, ''), 'base64');
        return given.length === expected.length && timingSafeEqual(given, expected);
      });
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}
