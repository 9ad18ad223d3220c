import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createFaultBoard } from '../faults/board.ts';
import { seededRandom } from '../faults/random.ts';
import { zeroCounters } from './counters.ts';
import { lineSettingsSchema } from './line-settings.ts';
import { openStationLine } from './open-station-line.ts';
import { processClock, processScheduler } from './real-time.ts';
import { createSlave } from './slave.ts';
import { oneRegister, READ, READ_REPLY } from './testing.ts';
import { NO_EFFECTS } from './wire-damage.ts';

const SERIAL = { lineId: 'L', transport: 'serial', baud: 115_200, parity: 'even', stopBits: 1, turnaroundMs: 0 };
const GATEWAY = { lineId: 'L', transport: 'rtu-over-tcp', host: '127.0.0.1', port: 0, baud: 115_200, turnaroundMs: 0 };

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'unplug-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

async function open(settings: Record<string, unknown>) {
  const board = createFaultBoard(seededRandom(1));
  const station = await openStationLine(lineSettingsSchema.parse(settings), {
    slave: createSlave(new Map([[1, oneRegister]]), zeroCounters([1]), () => NO_EFFECTS),
    faults: board,
    clock: processClock,
    scheduler: processScheduler,
    onError: () => {},
  });
  onTestFinished(station.close);
  return { board, station };
}

/**
 * A master program as it is in the field: a process of its own, that asks once and then holds the port open. Not with the
 * serialport package's stream: a device that goes while that one is about to read is read for ever (bindings-cpp #162).
 */
const MASTER = `
  const { constants, openSync } = require('node:fs');
  const { ReadStream } = require('node:tty');
  process.stdin.once('data', (path) => {
    const port = new ReadStream(openSync(path.toString(), constants.O_RDWR | constants.O_NOCTTY));
    port.on('data', (bytes) => process.stdout.write(bytes.toString('hex')));
    port.on('error', () => {});
    port.on('close', () => process.stdout.write('; closed'));
    port.write(Buffer.from('${READ}', 'hex'));
  });
`;

/** To be started before the line is opened: a child inherits the terminals that are open, and would hold them open. */
function startMaster() {
  const child = spawn(process.execPath, ['-e', MASTER], { stdio: ['pipe', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  return {
    open: (path: string) => void child.stdin.write(path),
    said: () => expect.poll(() => said, { interval: 10 }),
  };
}

async function readOnce(port: NodeJS.ReadWriteStream): Promise<string> {
  let heard = '';
  port.write(Buffer.from(READ, 'hex'));
  while (heard.length < READ_REPLY.length) heard += ((await once(port, 'data')) as [Buffer])[0].toString('hex');
  return heard;
}

test('HS-03 an unplugged adapter hangs up on its master and its path is gone; plugged again it answers there', async () => {
  const path = join(temporaryFolder(), 'by-id', 'usb-rs485');
  const [master, later] = [startMaster(), startMaster()];
  const { board, station } = await open({ ...SERIAL, path });
  expect(station.line.address).toEqual({ lineId: 'L', transport: 'serial', path });
  master.open(path);
  await master.said().toBe(READ_REPLY);
  const faultId = board.add('line:L', { kind: 'unplugged' });
  await station.plug.settled();
  await master.said().toBe(`${READ_REPLY}; closed`);
  expect(existsSync(path)).toBe(false);
  expect(readdirSync(join(path, '..'))).toEqual([]);
  board.remove(faultId);
  await station.plug.settled();
  later.open(path);
  await later.said().toBe(READ_REPLY);
});

test('HS-03 an adapter that was unplugged for a time comes back by itself', async () => {
  const path = join(temporaryFolder(), 'usb-rs485');
  const master = startMaster();
  const { board, station } = await open({ ...SERIAL, path });
  board.add('line:L', { kind: 'unplugged', durationMs: 500 });
  await station.plug.settled();
  expect(existsSync(path)).toBe(false);
  while (!existsSync(path)) await new Promise((resolve) => setTimeout(resolve, 5));
  await station.plug.settled();
  master.open(path);
  await master.said().toBe(READ_REPLY);
});

test('HS-03 an unplugged gateway drops its sockets and its port; plugged again it listens at the same port', async () => {
  const { board, station } = await open(GATEWAY);
  const { address } = station.line;
  if (address.transport !== 'rtu-over-tcp') throw new Error('not a gateway');
  const socket = connect(address.port, address.host);
  await once(socket, 'connect');
  expect(await readOnce(socket)).toBe(READ_REPLY);
  const gone = once(socket, 'close');
  const faultId = board.add('line:L', { kind: 'unplugged' });
  await gone;
  await station.plug.settled();
  const refused = connect(address.port, address.host);
  await expect(once(refused, 'connect')).rejects.toThrow('ECONNREFUSED');
  board.remove(faultId);
  await station.plug.settled();
  const again = connect(address.port, address.host);
  await once(again, 'connect');
  expect(await readOnce(again)).toBe(READ_REPLY);
  again.destroy();
});

test.runIf(process.platform === 'linux').each([
  ['serial', SERIAL],
  ['gateway', GATEWAY],
])('HS-03 a hundred times unplugged and plugged, a %s line leaks no descriptor', async (_name, settings) => {
  const { board, station } = await open(settings);
  const cycle = async (): Promise<void> => {
    const faultId = board.add('line:L', { kind: 'unplugged' });
    await station.plug.settled();
    board.remove(faultId);
    await station.plug.settled();
  };
  await cycle();
  const before = readdirSync('/proc/self/fd').length;
  for (let round = 0; round < 100; round += 1) await cycle();
  expect(readdirSync('/proc/self/fd').length).toBe(before);
});

test('HS-01 a link that an earlier run left behind is replaced, and removed at the end', async () => {
  const path = join(temporaryFolder(), 'usb-rs485');
  symlinkSync('/dev/pts/4093', path);
  const { station } = await open({ ...SERIAL, path });
  expect(readlinkSync(path)).toMatch(/^\/dev\/pts\/\d+$/);
  expect(readlinkSync(path)).not.toBe('/dev/pts/4093');
  await station.close();
  expect(existsSync(path)).toBe(false);
});

test.each([
  ['a file', (path: string) => writeFileSync(path, 'precious')],
  ['a link to elsewhere', (path: string) => symlinkSync('/dev/null', path)],
])('HS-01 %s in the place of the link is left alone, and the line does not open', async (_name, occupy) => {
  const folder = temporaryFolder();
  const path = join(folder, 'usb-rs485');
  occupy(path);
  await expect(open({ ...SERIAL, path })).rejects.toThrow('is left alone');
  expect(readdirSync(folder)).toEqual(['usb-rs485']);
});
