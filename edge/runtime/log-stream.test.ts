import { pino } from 'pino';
import { expect, test } from 'vitest';
import { createLineGate, LogStream, MOST_KEPT_BYTES } from './log-stream.ts';

/** A reader that takes so many bytes and no more until it is given room again. */
class Reader {
  text = '';
  room = Number.POSITIVE_INFINITY;

  readonly write = (bytes: Uint8Array): number => {
    const taken = bytes.subarray(0, this.room);
    if (taken.length === 0) throw Object.assign(new Error('would block'), { code: 'EAGAIN' });
    this.room -= taken.length;
    this.text += Buffer.from(taken).toString();
    return taken.length;
  };
}

const streamTo = (reader: Reader, gate = createLineGate(), dropped: number[] = []) =>
  new LogStream({ write: reader.write, gate, onDropped: (lines) => dropped.push(lines) });

test('ED-07 a line is out when it has been written: what kills the process then takes nothing with it', () => {
  const reader = new Reader();
  streamTo(reader).write('a\n');
  expect(reader.text).toBe('a\n');
});

test('ED-07 a line that has begun to go out is finished before another thread writes', async () => {
  const reader = new Reader();
  const gate = createLineGate();
  const [one, other] = [streamTo(reader, gate), streamTo(reader, gate)];
  reader.room = 3;
  one.write('from one\n');
  reader.room = Number.POSITIVE_INFINITY;
  other.write('from the other\n');
  expect(reader.text).toBe('fro');
  await expect.poll(() => reader.text).toBe('from one\nfrom the other\n');
});

test('ED-07 what is beyond the bound is dropped as a whole, and counted when there is room again', async () => {
  const reader = new Reader();
  const dropped: number[] = [];
  const stream = streamTo(reader, createLineGate(), dropped);
  reader.room = 0;
  const line = `${'x'.repeat(9999)}\n`;
  const fitting = Math.floor(MOST_KEPT_BYTES / line.length);
  for (let i = 0; i < fitting + 3; i += 1) stream.write(line);
  stream.write('short\n');
  expect(dropped).toEqual([]);
  reader.room = Number.POSITIVE_INFINITY;
  stream.flushSync();
  expect(reader.text).toBe(line.repeat(fitting));
  expect(dropped).toEqual([4]);
  stream.write('after\n');
  await expect.poll(() => reader.text.endsWith('\nafter\n')).toBe(true);
});

test('ED-07 a fatal line is kept beyond the bound, and waits only so long for a reader', () => {
  const reader = new Reader();
  const log = pino({ base: null }, streamTo(reader));
  reader.room = 0;
  for (let i = 0; i < 400; i += 1) log.warn('x'.repeat(1000));
  const beganMs = performance.now();
  log.fatal('the edge ends');
  expect(performance.now() - beganMs).toBeGreaterThan(400);
  expect(performance.now() - beganMs).toBeLessThan(5000);
  reader.room = Number.POSITIVE_INFINITY;
  log.flush();
  expect(reader.text.trimEnd().split('\n').at(-1)).toContain('the edge ends');
});
