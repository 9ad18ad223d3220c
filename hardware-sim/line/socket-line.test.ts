import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { zeroCounters } from './counters.ts';
import { lineService } from './line-service.ts';
import { processClock, processScheduler } from './real-time.ts';
import { createSlave } from './slave.ts';
import { openSocketLine } from './socket-line.ts';
import { NO_EFFECTS } from './wire-damage.ts';

const echo = { execute: (request: Uint8Array) => ({ reply: request, kind: 'write' as const }) };

async function openLine(turnaroundMs: number): Promise<Socket> {
  const slave = createSlave(new Map([[255, echo]]), zeroCounters([255]), () => NO_EFFECTS);
  const settings = { lineId: 'T', transport: 'tcp', host: '127.0.0.1', port: 0, turnaroundMs } as const;
  const line = await openSocketLine(settings, lineService(settings, slave, processClock, processScheduler));
  onTestFinished(line.close);
  if (line.address.transport !== 'tcp') throw new Error('not a TCP line');
  const socket = connect(line.address.port, line.address.host);
  await once(socket, 'connect');
  onTestFinished(() => void socket.destroy());
  return socket;
}

test('HS-01 a request is answered with its own transaction after the turnaround', async () => {
  const socket = await openLine(5);
  const request = Buffer.from('000700000006ff06138c3e80', 'hex');
  const startMs = processClock.monoMs();
  socket.write(request);
  const [reply] = (await once(socket, 'data')) as [Buffer];
  expect(processClock.monoMs() - startMs).toBeGreaterThanOrEqual(5);
  expect(reply).toEqual(request);
});

test('HS-01 a unit that is not there stays silent and the connection lives on', async () => {
  const socket = await openLine(1);
  socket.write(Buffer.from('000100000006010613 8c3e80'.replace(' ', ''), 'hex'));
  socket.write(Buffer.from('000200000006ff06138c3e80', 'hex'));
  const [reply] = (await once(socket, 'data')) as [Buffer];
  expect(reply.readUInt16BE(0)).toBe(2);
});

test('HS-01 a stream that is not Modbus TCP is closed', async () => {
  const socket = await openLine(1);
  socket.write('GET / HTTP/1.1\r\n\r\n');
  await once(socket, 'close');
  expect(socket.destroyed).toBe(true);
});
