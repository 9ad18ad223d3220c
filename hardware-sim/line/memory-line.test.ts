import { expect, test } from 'vitest';
import { mbapRead, openBench, READ, READ_REPLY } from './testing.ts';
import { exchangeMs } from './timing.ts';

test.each([9600, 19200, 115200])(
  'HS-01 in simulated time a reply at %i baud comes at its exact instant',
  async (baud) => {
    const { time, write, heard } = await openBench({ baud });
    time.passMs(1000);
    write(READ);
    time.passMs(100);
    expect(heard.map(({ hex }) => hex)).toEqual([READ_REPLY]);
    expect(heard[0]?.atMs).toBeCloseTo(1000 + exchangeMs(baud, 8, 7, 10), 9);
  },
);

test('HS-01 Modbus TCP in memory answers each socket with its own transaction', async () => {
  const { time, write, heard, connect } = await openBench({ transport: 'tcp' });
  const other = await connect();
  write(mbapRead(7, 0x0101));
  other.master.write(Buffer.from(mbapRead(9, 0x0101), 'hex'));
  time.passMs(100);
  expect(heard).toEqual([{ atMs: 10, hex: '000700000005010302 3a98'.replace(' ', '') }]);
  expect(other.heard).toEqual([{ atMs: 20, hex: '0009000000050103023a98' }]);
});

test('HS-01 a closed end hears nothing more, and opens again', async () => {
  const { time, master, write, heard, closed } = await openBench();
  write(READ);
  time.passMs(1);
  await master.close();
  expect(master.isOpen).toBe(false);
  time.passMs(100);
  expect(heard).toEqual([]);
  expect(closed).toEqual([]);
  await master.open({ onBytes: () => {}, onClosed: () => {} });
  expect(master.isOpen).toBe(true);
  await expect(master.open({ onBytes: () => {}, onClosed: () => {} })).rejects.toThrow('open already');
});

test('HS-03 an unplugged line is gone at once and comes back by itself after its time', async () => {
  const { time, board, master, write, heard, closed } = await openBench();
  write(READ);
  time.passMs(1);
  board.add('line:L', { kind: 'unplugged', durationMs: 500 });
  expect(closed).toEqual(['unplugged']);
  expect(master.isOpen).toBe(false);
  time.passMs(499);
  expect(board.list()).toHaveLength(1);
  await expect(master.open({ onBytes: () => {}, onClosed: () => {} })).rejects.toThrow('unplugged');
  time.passMs(1);
  expect(board.list()).toEqual([]);
  const again: string[] = [];
  await master.open({ onBytes: (bytes) => again.push(Buffer.from(bytes).toString('hex')), onClosed: () => {} });
  write(READ);
  time.passMs(100);
  expect(again).toEqual([READ_REPLY]);
  expect(heard).toEqual([]);
});

test('HS-03 of two unplugged faults the line waits for the last to end', async () => {
  const { time, board, master } = await openBench();
  board.add('line:L', { kind: 'unplugged', durationMs: 100 });
  const second = board.add('line:L', { kind: 'unplugged' });
  time.passMs(200);
  const open = () => master.open({ onBytes: () => {}, onClosed: () => {} });
  await expect(open()).rejects.toThrow('unplugged');
  board.remove(second);
  await open();
  expect(master.isOpen).toBe(true);
});
