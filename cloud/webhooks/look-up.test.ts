import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { afterAll, expect, test } from 'vitest';
import { createLookUp } from './look-up.ts';

const A_RECORD = 1;
const sockets: Socket[] = [];
afterAll(() => {
  for (const socket of sockets) socket.close();
});

/** A name server on this machine. @param answer null: it keeps silent */
async function nameServer(answer: ((question: Buffer) => Buffer) | null): Promise<string> {
  const socket = createSocket('udp4');
  sockets.push(socket);
  socket.on('message', (question, from) => {
    if (answer !== null) socket.send(answer(question), from.port, from.address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return `127.0.0.1:${socket.address().port}`;
}

/** The question with an answer of one address (RFC 1035, 4.1), of the kind that was asked for; of any other kind there is none. */
function oneAddress(question: Buffer): Buffer {
  const end = question.indexOf(0, 12) + 5;
  const isA = question.readUInt16BE(end - 4) === A_RECORD;
  const head = Buffer.from(question.subarray(0, 12));
  head.writeUInt16BE(0x8180, 2);
  head.writeUInt16BE(isA ? 1 : 0, 6);
  head.writeUInt16BE(0, 10);
  const record = Buffer.from('c00c00010001000000000004', 'hex');
  const parts = [head, question.subarray(12, end), ...(isA ? [record, Buffer.from([93, 184, 216, 34])] : [])];
  return Buffer.concat(parts);
}

test('OP-20 XC-12 names whose servers keep silent are given up, and keep nobody else waiting meanwhile', async () => {
  const silent = createLookUp([await nameServer(null)]);
  const good = createLookUp([await nameServer(oneAddress)]);
  const beganMs = performance.now();
  const slow = Promise.allSettled(Array.from({ length: 200 }, (_, n) => silent(`hook-${n}.slow.example`)));
  for (let n = 0; n < 20; n += 1)
    expect(await good(`hook-${n}.good.example`)).toEqual([{ address: '93.184.216.34', family: 4 }]);
  expect((await good('localhost')).length).toBeGreaterThan(0);
  expect(performance.now() - beganMs, 'long before the slow ones').toBeLessThan(2_000);
  expect(new Set((await slow).map(({ status }) => status))).toEqual(new Set(['rejected']));
  expect(performance.now() - beganMs).toBeLessThan(15_000);
});
