import { readFileSync } from 'node:fs';

/** For the environment of a process whose garbage is to be collected: it takes an inspector on a free port. */
export const INSPECTED = { NODE_OPTIONS: '--inspect=127.0.0.1:0' };

const ANSWERS_WITHIN_MS = 30_000;

/**
 * The garbage collector of another process, by its inspector: what is left of its memory afterwards is what it needs. Chrome
 * DevTools Protocol, HeapProfiler.collectGarbage.
 *
 * @param logFile where the process, started with {@link INSPECTED}, has told the inspector's address
 * @returns collects all that can be collected
 * @throws Error when the process has told no address, or does not answer
 */
export async function openCollector(logFile: string): Promise<{ collect(): Promise<void>; close(): void }> {
  const url = /ws:\/\/127\.0\.0\.1:\d+\/[0-9a-f-]+/.exec(readFileSync(logFile, 'utf8'))?.[0];
  if (url === undefined) throw new Error(`no inspector in ${logFile}`);
  const socket = new WebSocket(url);
  const waiting = new Map<number, () => void>();
  socket.addEventListener('message', ({ data }) => waiting.get(JSON.parse(String(data)).id)?.());
  await new Promise<void>((resolve, reject) => {
    socket.addEventListener('open', () => resolve());
    socket.addEventListener('error', () => reject(new Error(`nobody answers at ${url}`)));
  });
  let asked = 0;
  return {
    async collect() {
      asked += 1;
      const id = asked;
      socket.send(JSON.stringify({ id, method: 'HeapProfiler.collectGarbage' }));
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error('garbage is not collected')), ANSWERS_WITHIN_MS);
        waiting.set(id, () => {
          clearTimeout(timer);
          waiting.delete(id);
          resolve();
        });
      });
    },
    close: () => socket.close(),
  };
}
