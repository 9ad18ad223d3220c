import { once } from 'node:events';
import { SerialPort } from 'serialport';
import { expect, onTestFinished, test } from 'vitest';
import { zeroCounters } from './counters.ts';
import { lineService } from './line-service.ts';
import { openPtyLine } from './pty-line.ts';
import { processClock, processScheduler } from './real-time.ts';
import { createSlave, type Slave } from './slave.ts';
import { NO_EFFECTS, type WireEffects } from './wire-damage.ts';

const REQUEST = Buffer.from('010301010001d436', 'hex');
const REPLY = Buffer.from('0103023a98ab4e', 'hex');
const device = { execute: () => ({ reply: Uint8Array.of(3, 2, 0x3a, 0x98), kind: 'read' as const }) };

async function openLine(baud: number, turnaroundMs: number, effects: () => WireEffects = () => NO_EFFECTS) {
  const slave: Slave = createSlave(new Map([[1, device]]), zeroCounters([1]), effects);
  const line = await openPtyLine(
    { lineId: 'L' },
    lineService({ transport: 'serial', baud, turnaroundMs }, slave, processClock, processScheduler),
  );
  onTestFinished(line.close);
  if (line.address.transport !== 'serial') throw new Error('not a serial line');
  const port = new SerialPort({ path: line.address.path, baudRate: baud, autoOpen: false });
  port.open();
  await once(port, 'open');
  onTestFinished(async () => {
    port.close();
    await once(port, 'close');
  });
  const heard: Buffer[] = [];
  port.on('data', (chunk: Buffer) => heard.push(chunk));
  return { slave, port, bytes: () => Buffer.concat(heard), forget: () => heard.splice(0) };
}

type Opened = Awaited<ReturnType<typeof openLine>>;

async function exchange({ port, bytes, forget }: Opened): Promise<number> {
  forget();
  const startMs = processClock.monoMs();
  port.write(REQUEST);
  while (bytes().length < REPLY.length) await once(port, 'data');
  const elapsedMs = processClock.monoMs() - startMs;
  expect(bytes()).toEqual(REPLY);
  return elapsedMs;
}

test('HS-01 a unit that is not there is silent while its neighbour answers', async () => {
  const line = await openLine(19200, 2);
  line.port.write(Buffer.from('020301010001d405', 'hex'));
  await expect.poll(() => line.slave.counters.unknownUnit).toBe(1);
  expect(line.bytes()).toHaveLength(0);
  await exchange(line);
  expect(line.slave.counters).toMatchObject({ requests: 2, replies: 1, unknownUnit: 1 });
});

test('HS-01 a request with a broken checksum is not answered', async () => {
  const line = await openLine(19200, 2);
  line.port.write(Buffer.from('010301010001d437', 'hex'));
  await expect.poll(() => line.slave.counters.crcErrors).toBe(1);
  await exchange(line);
  expect(line.slave.counters).toMatchObject({ requests: 1, crcErrors: 1 });
});

test('HS-01 two bytes of noise do not wedge the slave: the frame after the silence is answered', async () => {
  const line = await openLine(19200, 2);
  line.port.write(Buffer.from('ff00', 'hex'));
  await expect.poll(() => line.slave.counters.crcErrors, { interval: 5 }).toBe(1);
  await exchange(line);
  expect(line.slave.counters.crcErrors).toBe(1);
});

test('HS-03 a reply can come with a broken checksum, cut short, or from the wrong unit', async () => {
  const faults: WireEffects[] = [
    { ...NO_EFFECTS, crcError: true },
    { ...NO_EFFECTS, keepBytes: 'half' },
    { ...NO_EFFECTS, replyUnit: 2 },
  ];
  const line = await openLine(115200, 1, () => faults.shift() ?? NO_EFFECTS);
  for (const reply of ['0103023a98ab4f', '010302', '0203023a98ef4e']) {
    line.forget();
    line.port.write(REQUEST);
    await expect.poll(() => line.bytes().toString('hex'), { interval: 5 }).toBe(reply);
  }
  await exchange(line);
});
