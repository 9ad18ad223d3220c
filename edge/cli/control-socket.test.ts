import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pino } from 'pino';
import { describe, expect, onTestFinished, test } from 'vitest';
import { storageIsWell } from '../ledger/testing.ts';
import { controlSocketPath, openControlSocket } from './control-socket.ts';

const status = { siteId: 'site-1', connectors: [], sync: null };

function dataFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'pilegate-control-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function open(dataDir = dataFolder()) {
  const resets: string[] = [];
  const control = await openControlSocket(dataDir, {
    status: () => status,
    lines: () => [],
    devices: () => [],
    parking: () => [],
    power: () => null,
    storage: () => storageIsWell,
    documents: { doors: [], door: () => null },
    confirmLoss: () => Promise.resolve(),
    backUp: () => Promise.resolve(),
    deadLetters: () => Promise.resolve({ letters: [], refused: null }),
    move: () => null,
    io: {
      inputs: () => [],
      outputs: () => [],
      resetInput: () => ({ done: true }),
      resetOutput: () => Promise.resolve({ done: true }),
    },
    rules: {
      view: () => ({ version: null, rules: [], versions: [], trouble: null, refused: null }),
      apply: () => Promise.resolve({ kind: 'refused', reason: 'no' }),
      rollBack: () => Promise.resolve({ kind: 'refused', reason: 'no' }),
    },
    access: {
      view: () => ({ version: null, validUntil: null, cards: [], readers: [], denials: [], denialCounts: {} }),
      beginByHand: () => Promise.resolve(null),
      endByHand: () => null,
    },
    maintain: () => Promise.resolve(null),
    release: () => null,
    reset: (connectorId) => {
      resets.push(connectorId);
      return connectorId === 'P1-1' ? { cleared: ['over-current'] } : { refused: `no connector ${connectorId}` };
    },
    log: pino({ level: 'silent' }),
  });
  onTestFinished(() => control.close());
  return { path: control.path, resets, close: control.close };
}

/** Sends pieces with a pause in between; returns everything that came back until the other side hung up. */
function say(path: string, ...pieces: string[]): Promise<string> {
  return new Promise((resolve) => {
    let received = '';
    const socket = connect(path, async () => {
      for (const piece of pieces) {
        if (socket.writable) socket.write(piece);
        await new Promise((next) => setTimeout(next, 10));
      }
    });
    socket.on('data', (chunk) => {
      received += chunk.toString();
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(received));
  });
}

describe('ED-16 who may use the socket is decided by file permissions', () => {
  const modeOf = (path: string) => statSync(path).mode & 0o777;

  test("the folder is the owner's alone", async () => {
    const { path } = await open();
    expect(modeOf(dirname(path))).toBe(0o700);
  });

  test('a folder that was there already, open to others, is closed', async () => {
    const dataDir = dataFolder();
    mkdirSync(join(dataDir, 'run'), { mode: 0o755 });
    const { path } = await open(dataDir);
    expect(modeOf(dirname(path))).toBe(0o700);
  });

  test('what a killed process left behind does not stand in the way', async () => {
    const dataDir = dataFolder();
    mkdirSync(join(dataDir, 'run'), { mode: 0o700 });
    writeFileSync(controlSocketPath(dataDir), '');
    const { path } = await open(dataDir);
    expect(JSON.parse(await say(path, '{"do":"status"}\n'))).toEqual({ ok: true, shown: { kind: 'status', status } });
  });
});

describe('ED-16 one line in, one line out', () => {
  test('status, also when the line comes in pieces', async () => {
    const { path } = await open();
    expect(JSON.parse(await say(path, '{"do":', '"status"', '}\n'))).toEqual({
      ok: true,
      shown: { kind: 'status', status },
    });
  });

  test('reset of a connector, and of one that is not there', async () => {
    const { path, resets } = await open();
    expect(JSON.parse(await say(path, '{"do":"reset","connectorId":"P1-1"}\n'))).toEqual({
      ok: true,
      shown: { kind: 'done' },
    });
    expect(JSON.parse(await say(path, '{"do":"reset","connectorId":"P9"}\n'))).toEqual({
      ok: false,
      error: 'no connector P9',
    });
    expect(resets).toEqual(['P1-1', 'P9']);
  });

  test.each([
    ['no JSON', 'status\n', 'not JSON'],
    ['nothing', '\n', 'not JSON'],
    ['a command nobody knows', '{"do":"dance"}\n', 'do: '],
    ['a key nobody knows', '{"do":"status","all":true}\n', 'all: unknown key'],
    ['an input name that is none', '{"do":"reset-input","inputId":"a b"}\n', 'inputId: '],
    ['a connector name that is none', '{"do":"reset","connectorId":"../x"}\n', 'connectorId: '],
    ['maintenance by nobody', '{"do":"reboot","connectorId":"P1-1","stopRunning":false,"by":""}\n', 'by: '],
    ['a line without an end', `{"do":"${'x'.repeat(1_200_000)}`, 'line too long'],
  ])('XC-08 %s gets a clear answer', async (_, line, error) => {
    const { path } = await open();
    const reply = JSON.parse(await say(path, line));
    expect(reply.ok).toBe(false);
    expect(reply.error).toContain(error);
  });

  test('XC-08 a flood is answered once and cut off, and the next caller is served', async () => {
    const { path } = await open();
    const flood = Array.from({ length: 40 }, () => 'x'.repeat(30_000));
    expect(JSON.parse(await say(path, ...flood))).toEqual({ ok: false, error: 'line too long' });
    expect(JSON.parse(await say(path, '{"do":"status"}\n'))).toMatchObject({ ok: true });
  });

  test('a second line on the same connection does nothing: a reset happens once', async () => {
    const { path, resets } = await open();
    const line = '{"do":"reset","connectorId":"P1-1"}\n';
    expect(await say(path, line, line, line)).toBe('{"ok":true,"shown":{"kind":"done"}}\n');
    expect(resets).toEqual(['P1-1']);
  });

  test('a caller that says nothing does not keep the edge from ending', async () => {
    const { path, close } = await open();
    const hung = connect(path);
    hung.on('error', () => {});
    await new Promise<void>((resolve) => hung.once('connect', () => resolve()));
    await close();
  });
});
