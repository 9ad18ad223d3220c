import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { type FrameRecord, formatFrame, parseFrameLog } from '#shared/frame-log.ts';
import { toMbap } from '../bus/framing.ts';
import { bytesOf, frame, hexOf, ManualTime } from '../bus/testing.ts';
import { frameRecorder } from './frame-recorder.ts';
import { LinesFile } from './lines-file.ts';

const recorder = (isMbap = false) => {
  const time = new ManualTime();
  const recorded: FrameRecord[] = [];
  const frames = frameRecorder({ lineId: 'L1', isMbap, clock: time, record: (entry) => recorded.push(entry) });
  return { time, frames, recorded, lasting: () => frames.last().map(({ direction, hex }) => `${direction} ${hex}`) };
};

test('ED-04 pieces of a reply are one frame, with the time of the last piece', async () => {
  const { time, frames, recorded, lasting } = recorder();
  frames.tap('sent', bytesOf('01 03'));
  await time.pass(20);
  frames.tap('received', bytesOf('01 03 02'));
  await time.pass(5);
  frames.tap('received', bytesOf('00 01'));
  const lastPieceMs = time.monoMs();
  await time.pass(100);
  frames.tap('sent', bytesOf('02 03'));
  expect(lasting()).toEqual(['sent 0103', 'received 0103020001', 'sent 0203']);
  expect(recorded[1]?.monoMs).toBe(lastPieceMs);
});

test('what comes long after a frame is not a part of it', async () => {
  const { time, frames, lasting } = recorder();
  frames.tap('received', bytesOf('01 02'));
  await time.pass(201);
  frames.tap('received', bytesOf('03'));
  expect(lasting()).toEqual(['received 0102', 'received 03']);
});

test('HS-01 Modbus TCP is recorded in RTU form, so that a recording can be replayed on any transport', () => {
  const { frames, lasting } = recorder(true);
  const request = frame('ff 03 03 e8 00 02');
  frames.tap('sent', toMbap(request, 7));
  expect(lasting()).toEqual([`sent ${hexOf(request)}`]);
});

test('the last 60 frames are kept', () => {
  const { frames, lasting } = recorder();
  for (let i = 0; i < 70; i += 1) frames.tap('sent', Uint8Array.of(i));
  expect(lasting()).toHaveLength(60);
  expect(lasting()[0]).toBe('sent 0a');
});

const entry: FrameRecord = { monoMs: 1.5, wallMs: 2, lineId: 'L1', direction: 'sent', hex: '0103' };

function frameFile(maxBytes: number) {
  const folder = mkdtempSync(join(tmpdir(), 'pilegate-frames-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const warned: string[] = [];
  const log = pino({}, { write: (text: string) => warned.push(text) });
  return { folder, warned, log, file: new LinesFile({ folder, name: 'L1', what: 'frames', maxBytes, log }) };
}

test('a recording is read back as it was written', async () => {
  const { folder, file } = frameFile(100_000);
  file.write(formatFrame(entry));
  file.write(formatFrame({ ...entry, direction: 'received' }));
  await file.close();
  expect(parseFrameLog(readFileSync(join(folder, 'L1.jsonl'), 'utf8'))).toEqual({
    ok: true,
    value: [entry, { ...entry, direction: 'received' }],
  });
});

test('a recording goes on after a restart', async () => {
  const { folder, log, file } = frameFile(100_000);
  file.write(formatFrame(entry));
  await file.close();
  const again = new LinesFile({ folder, name: 'L1', what: 'frames', maxBytes: 100_000, log });
  again.write(formatFrame(entry));
  await again.close();
  expect(readFileSync(join(folder, 'L1.jsonl'), 'utf8').trim().split('\n')).toHaveLength(2);
});

test('ED-11 a recording stays below its limit, whatever the line carries', async () => {
  const { folder, file } = frameFile(4000);
  for (let i = 0; i < 50; i += 1) {
    for (let j = 0; j < 10; j += 1) file.write(formatFrame(entry));
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await file.close();
  const names = readdirSync(folder);
  const sizes = names.map((name) => statSync(join(folder, name)).size);
  expect(names).toContain('L1.before.jsonl');
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(4000 + 1000);
});

test('a disk that cannot be written ends the recording, is told once, and nothing else happens', async () => {
  const { folder, warned, file } = frameFile(2000);
  rmSync(folder, { recursive: true, force: true });
  for (let i = 0; i < 60; i += 1) {
    for (let j = 0; j < 10; j += 1) file.write(formatFrame(entry));
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await file.close();
  expect(warned).toHaveLength(1);
});

test('a folder that cannot be made ends the recording, is told once, and the edge starts', async () => {
  const { folder, warned, log, file } = frameFile(2000);
  await file.close();
  const notAFolder = join(folder, 'file');
  writeFileSync(notAFolder, '');
  const recording = new LinesFile({
    folder: join(notAFolder, 'frames'),
    name: 'L1',
    what: 'frames',
    maxBytes: 2000,
    log,
  });
  for (let i = 0; i < 60; i += 1) recording.write(formatFrame(entry));
  await recording.close();
  expect(warned.map((line) => JSON.parse(line).msg)).toEqual(['recording of frames ends']);
});
