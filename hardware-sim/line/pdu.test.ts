import { expect, test } from 'vitest';
import { answerPdu } from './pdu.ts';
import type { RegisterImage } from './register-image.ts';

function memoryImage() {
  const words = [10, 20, 30, 40];
  const bits = [1, 0, 0, 1, 1, 0, 0, 0, 1, 1];
  const slice = (source: number[], address: number, count: number) =>
    address + count > source.length
      ? ({ ok: false, exceptionCode: 2 } as const)
      : ({ ok: true, words: source.slice(address, address + count) } as const);
  const store = (target: number[], address: number, values: readonly number[]) =>
    ({ ok: true, apply: () => void target.splice(address, values.length, ...values) }) as const;
  const image: RegisterImage = {
    functions: new Set([1, 2, 3, 4, 5, 6, 15, 16]),
    readHolding: (address, count) => slice(words, address, count),
    readInput: (address, count) => slice(words, address, count),
    writeHolding: (address, values) => store(words, address, values),
    bits: {
      readCoils: (address, count) => slice(bits, address, count),
      readDiscreteInputs: (address, count) => slice(bits, address, count),
      writeCoils: (address, values) => store(bits, address, values),
    },
  };
  const ask = (...request: number[]) => [...answerPdu(Uint8Array.from(request), image, true).reply];
  return { image, words, bits, ask };
}

test('HS-01 registers are read by FC03 and FC04', () => {
  const { ask } = memoryImage();
  expect(ask(3, 0, 1, 0, 2)).toEqual([3, 4, 0, 20, 0, 30]);
  expect(ask(4, 0, 3, 0, 1)).toEqual([4, 2, 0, 40]);
});

test('HS-01 bits are read by FC01 and FC02, the first bit lowest', () => {
  const { ask } = memoryImage();
  expect(ask(1, 0, 0, 0, 10)).toEqual([1, 2, 0b0001_1001, 0b11]);
  expect(ask(2, 0, 3, 0, 2)).toEqual([2, 1, 0b11]);
});

test('HS-01 FC05, FC06, FC15 and FC16 write and echo their start', () => {
  const { ask, words, bits } = memoryImage();
  expect(ask(6, 0, 0, 0x3e, 0x80)).toEqual([6, 0, 0, 0x3e, 0x80]);
  expect(ask(16, 0, 1, 0, 2, 4, 0, 1, 0, 2)).toEqual([16, 0, 1, 0, 2]);
  expect(words).toEqual([16000, 1, 2, 40]);
  expect(ask(5, 0, 1, 0xff, 0)).toEqual([5, 0, 1, 0xff, 0]);
  expect(ask(15, 0, 2, 0, 3, 1, 0b101)).toEqual([15, 0, 2, 0, 3]);
  expect(bits.slice(0, 5)).toEqual([1, 1, 1, 0, 1]);
});

test('HS-01 an unknown function is exception 1, an unknown address 2', () => {
  const { ask } = memoryImage();
  expect(ask(0x2b, 0)).toEqual([0xab, 1]);
  expect(ask(3, 0, 3, 0, 2)).toEqual([0x83, 2]);
});

test.each([
  ['a read of nothing', [3, 0, 0, 0, 0]],
  ['a read beyond 125 words', [3, 0, 0, 0, 126]],
  ['a cut request', [3, 0, 0, 0]],
  ['a coil value other than on and off', [5, 0, 0, 0x12, 0]],
  ['an FC16 with a wrong byte count', [16, 0, 0, 0, 1, 4, 0, 1]],
  ['an FC15 with missing bytes', [15, 0, 0, 0, 9, 2, 1]],
])('HS-01 %s is exception 3', (_name, request) => {
  const { ask } = memoryImage();
  expect(ask(...request)).toEqual([(request[0] ?? 0) | 0x80, 3]);
});

test('HS-03 a device that closes the connection gives no reply at all, to reads and to writes', () => {
  const hangUp = { ok: false, exceptionCode: 'hang-up' } as const;
  const image = { ...memoryImage().image, readHolding: () => hangUp, writeHolding: () => hangUp };
  for (const request of [Uint8Array.of(3, 0, 0, 0, 1), Uint8Array.of(6, 0, 0, 0, 1)]) {
    expect(answerPdu(request, image, true)).toEqual({ reply: new Uint8Array(0), kind: 'hang-up' });
  }
});

test('HS-03 a write that must not take effect is acknowledged all the same', () => {
  const { image, words } = memoryImage();
  const answer = answerPdu(Uint8Array.of(6, 0, 0, 0, 99), image, false);
  expect([...answer.reply]).toEqual([6, 0, 0, 0, 99]);
  expect(words[0]).toBe(10);
});
