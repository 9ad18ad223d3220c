import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { createAsk } from './ask.ts';

/** A terminal, as far as a line that is edited can tell. */
function terminal() {
  const [input, output] = [new PassThrough(), new PassThrough()];
  const shown: string[] = [];
  output.on('data', (chunk: Buffer) => shown.push(chunk.toString()));
  const isTTY = { isTTY: true };
  return { input: Object.assign(input, isTTY), output: Object.assign(output, isTTY), shown: () => shown.join('') };
}

test('XC-01 what was typed in secret is not brought back at the next question', async () => {
  const { input, output, shown } = terminal();
  const { ask, close } = createAsk(input as never, output as never);
  const password = ask('Password: ', 'secret');
  input.write('correct horse battery\r');
  expect(await password).toBe('correct horse battery');
  const code = ask('Code: ', 'shown');
  input.write('\u001b[A');
  await new Promise((resolve) => setTimeout(resolve, 50));
  input.write('\u0015123456\r');
  expect(await code).toBe('123456');
  expect(shown()).toContain('123456');
  expect(shown()).not.toContain('correct horse');
  close();
});
