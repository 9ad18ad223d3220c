import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { sessionOf } from '../control/connector.ts';
import { START_WALL_MS, startCommand, stopCommand } from '../control/testing.ts';
import { type RequestNote, RequestNotes, requestNoteFiles } from './request-notes.ts';
import { loopRig } from './testing.ts';

const start = () => startCommand({ expiresAtMs: START_WALL_MS + 600_000, ttlMs: 60_000 });

/** A charge that a partner starts under one request id and stops under another. */
async function wholeCharge(rig: ReturnType<typeof loopRig>): Promise<void> {
  rig.loop.start();
  await rig.time.pass(2000);
  rig.loop.dispatch({ kind: 'command', command: start() });
  await rig.time.pass(3000);
  const sessionId = sessionOf(rig.loop.state.phase)?.sessionId ?? '';
  rig.loop.dispatch({ kind: 'acknowledged', id: sessionId });
  await rig.time.pass(60_000);
  rig.loop.dispatch({ kind: 'command', command: stopCommand(sessionId) });
  await rig.time.pass(5000);
  expect(rig.loop.state.phase.kind).toBe('idle');
  await rig.end();
}

const shortOf = ({ what, detail }: RequestNote): string => {
  const { command, write, registers, to, records } = detail;
  const text = command ?? (Array.isArray(registers) ? `${write} ${registers.join(', ')}` : (write ?? to ?? records));
  return `${what} ${text ?? ''}`.trim();
};

test('OP-25 every step of a request is noted in order, from its command to the register and back', async () => {
  const notes: RequestNote[] = [];
  const rig = loopRig({ onNote: (note) => notes.push(note) });
  await wholeCharge(rig);
  const { requestId } = start();
  const stopId = stopCommand('').requestId;
  const of = (id: string) => notes.filter(({ requestIds }) => requestIds.includes(id)).map(shortOf);
  expect(of(requestId)).toEqual([
    'command start',
    'decided checking',
    'decided preparing',
    'decided starting',
    'written start 259 ← 1, 261 ← 160',
    'decided charging',
    'stored session.started,command.reported done',
    'read-back start',
    'decided stopping',
    'written softStop 261 ← 0',
    'read-back softStop',
    'stop-proven',
    'decided closing',
    'stored session.ended,command.reported done',
    'decided idle',
  ]);
  expect(of(stopId)[0]).toBe('command stop');
  expect(of(stopId)).toContain('written softStop 261 ← 0');
  const readBack = notes.find(({ what, detail }) => what === 'read-back' && detail.write === 'start');
  expect(readBack?.detail).toMatchObject({ status: 'charging', currentMa: 16_000 });
  const proof = notes.find(({ what }) => what === 'stop-proven');
  expect(proof?.detail).toMatchObject({ rung: 'softStop', status: 'plugged', currentMa: 0 });
  const said = rig.logged.filter((line) => Array.isArray(line.requestIds) && line.requestIds.includes(stopId));
  expect(said.map((line) => line.msg)).toEqual(expect.arrayContaining(['pile is written', 'pile is read back']));
});

test('OP-25 a write that the pile does not take is noted with the request that it was for', async () => {
  const notes: RequestNote[] = [];
  const rig = loopRig({ onNote: (note) => notes.push(note) });
  rig.loop.start();
  await rig.time.pass(2000);
  rig.pile.refusesWritesTo = [261];
  rig.loop.dispatch({ kind: 'command', command: start() });
  await rig.time.pass(3000);
  const failed = notes.find(({ what }) => what === 'not-written');
  expect(failed).toMatchObject({ requestIds: [start().requestId], detail: { write: 'start' } });
  await rig.end();
});

test('OP-25 notes are bounded in memory and go on after a restart on disk', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'pilegate-notes-'));
  onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }));
  const place = { dataDir, log: pino({ level: 'silent' }) };
  const note = (n: number): RequestNote => ({
    wallMs: n,
    monoMs: n,
    clock: 'trusted',
    connectorId: 'C1',
    requestIds: [`r-${n}`],
    sessionId: null,
    what: 'command',
    detail: { command: 'start' },
  });
  const first = new RequestNotes(place);
  for (let n = 0; n < 600; n += 1) first.add(note(n));
  expect(first.last()).toHaveLength(500);
  expect(first.last()[0]).toEqual(note(100));
  await first.close();
  const second = new RequestNotes(place);
  second.add(note(600));
  await second.close();
  const lines = readFileSync(requestNoteFiles(dataDir)[0] ?? '', 'utf8')
    .trim()
    .split('\n');
  expect(lines.map((line) => JSON.parse(line).wallMs)).toEqual(Array.from({ length: 601 }, (_, n) => n));
});
