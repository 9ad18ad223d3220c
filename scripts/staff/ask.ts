import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import type { Ask } from './client.ts';

/** Asks at the terminal; on what is piped in, a line each. */
export function createAsk(input: NodeJS.ReadStream, output: NodeJS.WriteStream): { ask: Ask; close(): void } {
  const shown = { now: true };
  const echo = new Writable({
    write(chunk, _encoding, done) {
      if (shown.now) output.write(chunk);
      done();
    },
  });
  const lines = createInterface({ input, output: echo, terminal: input.isTTY === true, historySize: 0 });
  const waiting = lines[Symbol.asyncIterator]();
  return {
    async ask(question, kind) {
      lines.setPrompt(question);
      lines.prompt();
      shown.now = kind === 'shown';
      const { value, done } = await waiting.next();
      if (!shown.now) output.write('\n');
      shown.now = true;
      if (done === true) throw new Error('nothing was typed');
      return value.trim();
    },
    close: () => lines.close(),
  };
}
