import { once } from 'node:events';
import { readdirSync, readlinkSync } from 'node:fs';
import { SerialPort } from 'serialport';
import { expect, onTestFinished, test } from 'vitest';
import { openPtyPair } from './pty-pair.ts';

const ALL_BYTES = Buffer.from(Array.from({ length: 256 }, (_, value) => value));

async function openMaster(path: string): Promise<SerialPort> {
  const port = new SerialPort({ path, baudRate: 19200, parity: 'even', autoOpen: false });
  port.open();
  await once(port, 'open');
  return port;
}

async function closeMaster(port: SerialPort): Promise<void> {
  if (!port.isOpen) return;
  port.close();
  await once(port, 'close');
}

function collect(source: NodeJS.ReadableStream, count: number): Promise<Buffer> {
  return new Promise((resolve) => {
    let received = Buffer.alloc(0);
    const onData = (chunk: Buffer): void => {
      received = Buffer.concat([received, chunk]);
      if (received.length < count) return;
      source.off('data', onData);
      resolve(received);
    };
    source.on('data', onData);
  });
}

test('HS-01 all 256 byte values pass unchanged in both directions, with no echo', async () => {
  const pair = await openPtyPair();
  onTestFinished(pair.close);
  const port = await openMaster(pair.path);
  onTestFinished(() => closeMaster(port));
  const [atDevice, atMaster] = [collect(pair.device, 256), collect(port, 256)];
  port.write(ALL_BYTES);
  pair.device.write(ALL_BYTES);
  expect(await atDevice).toEqual(ALL_BYTES);
  expect(await atMaster).toEqual(ALL_BYTES);
});

test('HS-01 the terminal is raw before any master has opened it: nothing echoes', async () => {
  const pair = await openPtyPair();
  onTestFinished(pair.close);
  let echoed = 0;
  pair.device.on('data', (chunk: Buffer) => {
    echoed += chunk.length;
  });
  pair.device.write(ALL_BYTES);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(echoed).toBe(0);
});

test('HS-01 the line outlives a master that closes its port and opens it again', async () => {
  const pair = await openPtyPair();
  onTestFinished(pair.close);
  for (let round = 0; round < 3; round += 1) {
    const port = await openMaster(pair.path);
    const atDevice = collect(pair.device, 256);
    port.write(ALL_BYTES);
    expect(await atDevice).toEqual(ALL_BYTES);
    await closeMaster(port);
  }
});

test('HS-01 nobody but the master reads the line: of many small replies none is missing', async () => {
  const pair = await openPtyPair();
  onTestFinished(pair.close);
  const port = await openMaster(pair.path);
  onTestFinished(() => closeMaster(port));
  const replies = 200;
  let heardBytes = 0;
  port.on('data', (chunk: Buffer) => {
    heardBytes += chunk.length;
  });
  for (let reply = 0; reply < replies; reply += 1) {
    pair.device.write(ALL_BYTES.subarray(0, 8));
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await expect.poll(() => heardBytes).toBe(replies * 8);
});

test.runIf(process.platform === 'linux')('HS-01 closing leaves no descriptor of the terminal open', async () => {
  const pair = await openPtyPair();
  expect(descriptorsOf(pair.path)).toBeGreaterThan(0);
  await pair.close();
  expect(descriptorsOf(pair.path)).toBe(0);
});

/** Our descriptors on the terminal; a terminal whose other end is gone reads as "<path> (deleted)". */
function descriptorsOf(path: string): number {
  return readdirSync('/proc/self/fd').filter((descriptor) => {
    try {
      const target = readlinkSync(`/proc/self/fd/${descriptor}`);
      return target === path || target.startsWith(`${path} `);
    } catch {
      return false;
    }
  }).length;
}
