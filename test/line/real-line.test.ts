import { mkdtempSync, readdirSync, rmSync, symlinkSync, unlinkSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { ModbusJob, ModbusPort } from '../../edge/bus/modbus-master.ts';
import { serialStream } from '../../edge/bus/serial-stream.ts';
import { silenceMsAt } from '../../edge/bus/serial-time.ts';
import { obligingReply, outcomeOf } from '../../edge/bus/testing.ts';
import type { LineConfig } from '../../edge/config/site.ts';
import { openPtyPair, type PtyPair } from '../../hardware-sim/line/pty-pair.ts';
import { configOf, listen, openRealWire, productionLine, serialConfig, sleep } from './real-lines.ts';
import { runTrap, type TrapWorld, trapFaults } from './seeded-trap.ts';

// Real pseudo-terminals and real sockets: what a slow, late or unplugged device does to the line.

/** Patient enough for a machine that lets the test wait: its slave runs in this process. */
const timing = { gapMs: 0, responseTimeoutMs: 500, slowestReplyMs: 1500 };
const LATE_MS = 700;
const READ_LENGTH = 8;

const readJob = (address: number): ModbusJob => ({
  unit: 1,
  priority: 'poll',
  request: { fc: 3, address, count: 2 },
  timing,
});
const read = (modbus: ModbusPort, address: number): Promise<string> => outcomeOf(modbus.request(readJob(address)));

/**
 * A slave that answers with the addresses that were asked for, each time after its own delay; null is never. As real
 * devices with a receive buffer do, it takes the next request when it is done with the last.
 */
function playSlave(pair: PtyPair, delaysMs: (number | null)[]): void {
  let received = Buffer.alloc(0);
  let done: Promise<void> = Promise.resolve();
  const answer = async (reply: Uint8Array, delayMs: number | null): Promise<void> => {
    if (delayMs === null) return;
    await sleep(delayMs);
    pair.device.write(reply);
  };
  pair.device.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    while (received.length >= READ_LENGTH) {
      const reply = obligingReply(received.subarray(0, READ_LENGTH));
      received = received.subarray(READ_LENGTH);
      const delayMs = delaysMs.shift();
      done = done.then(() => answer(reply, delayMs === undefined ? 0 : delayMs));
    }
  });
}

async function ptyPair(): Promise<PtyPair> {
  const pair = await openPtyPair();
  onTestFinished(() => pair.close());
  return pair;
}

function opened(config: LineConfig) {
  const line = productionLine(config);
  onTestFinished(() => line.line.close());
  return line;
}

test('ED-04 trap 1: after one late reply, no following read returns the registers of the request before', async () => {
  const pair = await ptyPair();
  playSlave(pair, [0, LATE_MS, 0, 0]);
  const { line, modbus } = opened(serialConfig(pair.path));
  const outcomes: string[] = [];
  for (const address of [0, 100, 200, 300, 400]) outcomes.push(await read(modbus, address));
  expect(outcomes).toEqual(['0 1', 'timeout', '200 201', '300 301', '400 401']);
  expect(line.counters).toMatchObject({ timeouts: 1, crcErrors: 0, mismatches: 0, opened: 1 });
});

test('ED-04 trap 1: requests asked for all at once are served one by one, each with its own registers', async () => {
  const pair = await ptyPair();
  playSlave(pair, [30, LATE_MS, 0, 20, 0]);
  const { modbus } = opened(serialConfig(pair.path));
  const asked = [0, 100, 200, 300, 400].map((address) => read(modbus, address));
  expect(await Promise.all(asked)).toEqual(['0 1', 'timeout', '200 201', '300 301', '400 401']);
});

test('ED-04 trap 2: an adapter that is pulled settles the request, and is used again when it is back', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pilegate-line-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'adapter');
  const first = await openPtyPair();
  symlinkSync(first.path, path);
  playSlave(first, [0, null]);
  const { line, modbus } = opened(serialConfig(path));
  expect(await read(modbus, 0)).toBe('0 1');

  const pending = outcomeOf(modbus.request({ ...readJob(1), timing: { ...timing, responseTimeoutMs: 5000 } }));
  const pulledMs = Date.now();
  setTimeout(() => void first.close(), 50);
  expect(await pending).toBe('closed');
  expect(Date.now() - pulledMs).toBeLessThan(3000);

  unlinkSync(path);
  expect(await read(modbus, 2)).toBe('unreachable');
  const second = await ptyPair();
  symlinkSync(second.path, path);
  playSlave(second, []);
  await expect.poll(() => read(modbus, 3), { interval: 100 }).toBe('3 4');
  expect(line.counters.opened).toBe(2);
});

test('ED-04 a serial port that is given up while it is being opened is not left open', async () => {
  const pair = await ptyPair();
  const holders = () => readdirSync('/proc/self/fd').length;
  const before = holders();
  for (let i = 0; i < 5; i += 1) {
    const stream = serialStream({ path: pair.path, baud: 19_200, parity: 'none', stopBits: 1 });
    const opening = stream.open({ onBytes: () => {}, onClosed: () => {} }).catch(() => {});
    await stream.close();
    await opening;
    expect(stream.isOpen).toBe(false);
  }
  await expect.poll(holders).toBe(before);
});

test('ED-01 a pile behind Modbus TCP: answers, drops the connection, and is connected again', async () => {
  const sockets: Socket[] = [];
  const server = await listen((socket) => {
    sockets.push(socket);
    socket.on('data', (bytes) => {
      const address = bytes.readUInt16BE(8);
      if (address === 666) return void socket.destroy();
      const words = Buffer.from([bytes[6] ?? 0, bytes[7] ?? 0, 4, 0, address, 0, address + 1]);
      const head = Buffer.from([bytes[0] ?? 0, bytes[1] ?? 0, 0, 0, 0, words.length]);
      // In two pieces, as a network may deliver it.
      socket.write(head);
      setTimeout(() => socket.write(words), 5);
    });
  });
  onTestFinished(() => server.close());
  const { modbus } = opened({ lineId: 'T1', transport: 'tcp', host: '127.0.0.1', port: server.port });
  expect(await read(modbus, 10)).toBe('10 11');
  expect(await read(modbus, 666)).toBe('closed');
  await expect.poll(() => read(modbus, 20), { interval: 100 }).toBe('20 21');
  expect(sockets).toHaveLength(2);
});

test('ED-04 a host that is not there is unreachable, not a hang', async () => {
  const server = await listen(() => {});
  await server.close();
  const { modbus } = opened({ lineId: 'T1', transport: 'tcp', host: '127.0.0.1', port: server.port });
  expect(await read(modbus, 10)).toBe('unreachable');
});

const realWorld: TrapWorld = {
  faultsMs: 1000,
  recoveryMs: 0,
  async open(settings, slave) {
    const wire = await openRealWire(settings, slave);
    const line = productionLine(
      configOf(wire, settings.baud === 9600 ? 9600 : settings.baud === 19_200 ? 19_200 : 115_200),
    );
    return {
      ...line,
      pass: sleep,
      pause: sleep,
      async close() {
        await line.line.close();
        await wire.close();
      },
    };
  },
};

test.each(['serial', 'rtu-over-tcp'] as const)(
  'ED-04 %s: thirty seeded runs on real devices of the system, not one word of another register',
  { timeout: 60_000 },
  async (transport) => {
    const faults = trapFaults.filter((fault) => fault !== 'duplicate');
    let answers = 0;
    // A busy machine answers less in the same time; then there are more of them.
    for (let batch = 0; batch < 5 || (answers <= 300 && batch < 25); batch += 1) {
      const seeds = Array.from({ length: 6 }, (_, i) => 7000 + batch * 6 + i);
      const results = await Promise.all(seeds.map((seed) => runTrap({ seed, transport, faults }, realWorld)));
      for (const [i, result] of results.entries())
        expect({ seed: seeds[i], wrong: result.wrong }).toEqual({ seed: seeds[i], wrong: [] });
      answers += results.reduce((sum, result) => sum + result.answers, 0);
    }
    expect(answers).toBeGreaterThan(300);
  },
);

test.each([
  [9600, 4.01],
  [19_200, 2.005],
  [38_400, 1.75],
  [115_200, 1.75],
])('ED-04 at %i baud a frame is preceded by %f ms of silence', (baud, ms) => {
  expect(silenceMsAt(baud)).toBeCloseTo(ms, 2);
});
