import { z } from 'zod';

const messageSchema = z.looseObject({
  id: z.int().optional(),
  method: z.string().optional(),
  params: z.unknown().optional(),
});
type Message = z.infer<typeof messageSchema>;
const attachedSchema = z.object({ sessionId: z.string() });

/** What makes a running edge wait for its debugger, on a free port. */
export const INSPECTED = { NODE_OPTIONS: '--inspect=127.0.0.1:0' } as const;

/** Where the debugger of a process listens, as it has said on standard error. */
export function inspectorUrlIn(text: string): string | null {
  return /ws:\/\/127\.0\.0\.1:\d+\/[0-9a-f-]+/.exec(text)?.[0] ?? null;
}

/** A busy loop, as a bug would be: nothing else happens on its thread. */
const busyFor = (ms: number) => `{ const end = performance.now() + ${ms}; while (performance.now() < end); }`;

/** Hangs one thread of a running program and leaves the other one alone. */
export class Inspector {
  readonly #socket: WebSocket;
  #id = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
  }

  static open(url: string): Promise<Inspector> {
    const socket = new WebSocket(url);
    return new Promise((resolve, reject) => {
      socket.addEventListener('open', () => resolve(new Inspector(socket)));
      socket.addEventListener('error', () => reject(new Error(`no debugger at ${url}`)));
    });
  }

  /** Keeps the main thread busy. Resolves when it is: it has answered the question before, and answers no more. */
  async hangMainThread(ms: number): Promise<void> {
    const answered = this.#next(({ id }) => id !== undefined);
    this.#send('Runtime.evaluate', { expression: '0' });
    this.#send('Runtime.evaluate', { expression: busyFor(ms) });
    await answered;
  }

  /** Keeps the only worker thread busy. Resolves when it has been told to. */
  async hangWorker(ms: number): Promise<void> {
    const attached = this.#next(({ method }) => method === 'NodeWorker.attachedToWorker');
    this.#send('NodeWorker.enable', { waitForDebuggerOnStart: false });
    const { sessionId } = attachedSchema.parse((await attached).params);
    const message = JSON.stringify({ id: 1, method: 'Runtime.evaluate', params: { expression: busyFor(ms) } });
    this.#send('NodeWorker.sendMessageToWorker', { sessionId, message });
  }

  close(): void {
    this.#socket.close();
  }

  #send(method: string, params: object): void {
    this.#id += 1;
    this.#socket.send(JSON.stringify({ id: this.#id, method, params }));
  }

  #next(fits: (message: Message) => boolean): Promise<Message> {
    return new Promise((resolve) => {
      const hear = ({ data }: MessageEvent) => {
        const message = messageSchema.parse(JSON.parse(String(data)));
        if (!fits(message)) return;
        this.#socket.removeEventListener('message', hear);
        resolve(message);
      };
      this.#socket.addEventListener('message', hear);
    });
  }
}
