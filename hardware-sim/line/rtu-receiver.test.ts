import { expect, test } from 'vitest';
import { createRtuReceiver } from './rtu-receiver.ts';
import { frameSilenceMs, transmissionMs } from './timing.ts';

const BAUD = 19200;
const REQUEST = Uint8Array.of(1, 3, 1, 1, 0, 1, 0xd4, 0x36);
const requestMs = transmissionMs(BAUD, REQUEST.length) + frameSilenceMs(BAUD);

test('HS-01 a frame that came in one piece ends when its last byte plus the silence would have passed', () => {
  const receiver = createRtuReceiver(BAUD);
  receiver.push(REQUEST, 100);
  expect(receiver.frameEndMs()).toBeCloseTo(100 + requestMs, 9);
  expect(receiver.take(100 + requestMs - 0.01)).toBeUndefined();
  expect(receiver.take(100 + requestMs)).toEqual(REQUEST);
  expect(receiver.frameEndMs()).toBeUndefined();
});

test('HS-01 pieces without a silence between them are one frame', () => {
  const receiver = createRtuReceiver(BAUD);
  receiver.push(REQUEST.subarray(0, 3), 100);
  expect(receiver.push(REQUEST.subarray(3), 102)).toBeUndefined();
  expect(receiver.take(120)).toEqual(REQUEST);
});

test('HS-01 noise of two bytes and a silence leave the next frame whole', () => {
  const receiver = createRtuReceiver(BAUD);
  receiver.push(Uint8Array.of(0xff, 0x00), 100);
  expect(receiver.push(REQUEST, 110)).toEqual(Uint8Array.of(0xff, 0x00));
  expect(receiver.take(130)).toEqual(REQUEST);
});

test('HS-01 noise glued to a frame spoils that frame only', () => {
  const receiver = createRtuReceiver(BAUD);
  receiver.push(Uint8Array.of(0xff, 0x00, ...REQUEST), 100);
  expect(receiver.take(120)).toHaveLength(10);
  receiver.push(REQUEST, 200);
  expect(receiver.take(220)).toEqual(REQUEST);
});
