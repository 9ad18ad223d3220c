import { expect, test } from 'vitest';
import { encodeRtu } from './rtu.ts';
import { addressEcho, openBench } from './testing.ts';
import { exchangeMs, frameSilenceMs } from './timing.ts';

const DUE_MS = exchangeMs(19200, 8, 7, 10);
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const read = (address: number): string => hexOf(encodeRtu(1, Uint8Array.of(3, 0, address, 0, 1)));
const reply = (address: number): string => hexOf(encodeRtu(1, Uint8Array.of(3, 2, 0, address)));

const openGateway = () =>
  openBench({ transport: 'rtu-over-tcp', replyTimeoutMs: 300 }, { devices: new Map([[1, addressEcho]]) });
type Gateway = Awaited<ReturnType<typeof openGateway>>;

function ask({ write, time, heard }: Gateway, address: number, waitMs = 400): string[] {
  heard.splice(0);
  write(read(address));
  time.passMs(waitMs);
  return heard.map(({ hex }) => hex);
}

test('HS-01 a gateway speaks RTU with checksum on a socket, at the pace of its serial side', async () => {
  const gateway = await openGateway();
  expect(ask(gateway, 5)).toEqual([reply(5)]);
  expect(gateway.heard[0]?.atMs).toBeCloseTo(DUE_MS, 9);
});

test('HS-01 two sockets share one serial side: the second waits for the first, and each hears its own', async () => {
  const { time, write, heard, connect } = await openGateway();
  const other = await connect();
  write(read(1));
  other.master.write(Buffer.from(read(2), 'hex'));
  time.passMs(400);
  expect(heard.map(({ hex }) => hex)).toEqual([reply(1)]);
  expect(other.heard.map(({ hex }) => hex)).toEqual([reply(2)]);
  expect(other.heard[0]?.atMs).toBeCloseTo(DUE_MS + frameSilenceMs(19200) + DUE_MS, 9);
});

test('HS-03 a reply after the gateway has given up is thrown away and harms nobody', async () => {
  const gateway = await openGateway();
  gateway.board.add('line:L', { kind: 'delay', delayMs: 350, count: 1 });
  expect(ask(gateway, 1, 500)).toEqual([]);
  expect(ask(gateway, 2)).toEqual([reply(2)]);
});

test('HS-03 a late reply that meets the next request is taken for its answer', async () => {
  const gateway = await openGateway();
  gateway.board.add('line:L', { kind: 'delay', delayMs: 350, count: 1 });
  expect(ask(gateway, 1, 320)).toEqual([]);
  expect(ask(gateway, 2)).toEqual([reply(1)]);
  expect(ask(gateway, 3)).toEqual([reply(3)]);
});

test('HS-03 a stale reply is handed out before the next one', async () => {
  const gateway = await openGateway();
  gateway.board.add('line:L', { kind: 'stale-reply', count: 1 });
  expect(ask(gateway, 1)).toEqual([]);
  expect(ask(gateway, 2)).toEqual([reply(1), reply(2)]);
  expect(ask(gateway, 3)).toEqual([reply(3)]);
});

test('HS-03 replies that are off by one stay so until the socket is closed', async () => {
  const gateway = await openGateway();
  gateway.board.add('line:L', { kind: 'off-by-one', count: 1 });
  expect([1, 2, 3, 4].map((address) => ask(gateway, address))).toEqual([[], [reply(1)], [reply(2)], [reply(3)]]);
  await gateway.master.close();
  const again = await gateway.connect();
  again.master.write(Buffer.from(read(9), 'hex'));
  gateway.time.passMs(400);
  expect(again.heard.map(({ hex }) => hex)).toEqual([reply(9)]);
});

test('HS-03 a gateway may deliver a reply in pieces', async () => {
  const gateway = await openGateway();
  gateway.board.add('line:L', { kind: 'split', pieces: 2, pauseMs: 40 });
  const pieces = ask(gateway, 6);
  expect(pieces).toHaveLength(2);
  expect(pieces.join('')).toBe(reply(6));
  expect(ask(gateway, 7).join('')).toBe(reply(7));
});

test('HS-03 a reply that a device sends twice goes to the socket twice', async () => {
  const gateway = await openGateway();
  gateway.board.add('line:L', { kind: 'duplicate-reply', count: 1 });
  expect(ask(gateway, 6)).toEqual([reply(6), reply(6)]);
  expect(ask(gateway, 7)).toEqual([reply(7)]);
});

test('HS-03 idle noise reaches a socket only while the gateway waits for a reply', async () => {
  const gateway = await openGateway();
  gateway.board.add('line:L', { kind: 'noise', mode: 'idle', bytes: 2, everyMs: 50 });
  gateway.time.passMs(1000);
  expect(gateway.heard).toEqual([]);
});

test('HS-03 a unit that is not there costs the gateway its timeout, then the next request goes on the wire', async () => {
  const { time, write, heard, connect } = await openGateway();
  const other = await connect();
  write(hexOf(encodeRtu(9, Uint8Array.of(3, 0, 1, 0, 1))));
  other.master.write(Buffer.from(read(2), 'hex'));
  time.passMs(1000);
  expect(heard).toEqual([]);
  expect(other.heard[0]?.atMs).toBeCloseTo(300 + DUE_MS, 9);
});
