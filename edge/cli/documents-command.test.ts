import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { DocumentDoor } from '../documents/document-door.ts';
import { at, type Note, noteReader } from '../documents/testing.ts';
import { openLedger } from '../ledger/testing.ts';
import { answerDocuments } from './document-requests.ts';
import { documentRequestOf } from './documents-command.ts';
import { textOf } from './show.ts';

/** The technician's words to a door over a real ledger, and what stands on the terminal then. */
function terminal() {
  const { ledger } = openLedger();
  const logged: string[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => logged.push(line) });
  const tariffs = new DocumentDoor<Note>({
    kind: 'tariffs',
    reader: noteReader,
    history: [],
    stamp: () => at,
    log,
    onActive: () => {},
    store: (change, records) => Promise.resolve(ledger.putDocuments(change, records, at)),
  });
  const documents = { doors: [tariffs], door: (kind: string) => (kind === 'tariffs' ? tariffs : null) };
  const type = async (...words: string[]): Promise<string> => {
    const request = documentRequestOf(words, 'chen');
    if (request === null) return 'usage';
    const reply = await answerDocuments(request, { documents, log });
    return reply.ok ? textOf(reply.shown) : `not done: ${reply.error}`;
  };
  return { type, logged };
}

function file(text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'pilegate-documents-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'prices.json');
  writeFileSync(path, text);
  return path;
}

test('ED-15 ED-16 a technician loads, looks, and goes back; who did it is on the log', async () => {
  const { type, logged } = terminal();
  expect(await type()).toBe('tariffs: none is in force');
  expect(await type('load', 'tariffs', file('{ "version": 1 }'))).toBe('tariffs version 1 is active');
  expect(await type('load', 'tariffs', file('{ "version": 2, "note": "y" }'))).toBe('tariffs version 2 is active');
  expect(await type('show', 'tariffs')).toBe('{ "version": 2, "note": "y" }');
  expect(await type('show', 'tariffs', '1')).toBe('{ "version": 1 }');
  expect(await type('rollback', 'tariffs')).toBe('tariffs version 1 is active');
  const [head, second, first] = (await type()).split('\n');
  expect(head).toBe('tariffs: version 1 is in force');
  expect(second).toMatch(/^ {5}2 {2}rolled-back pilectl 2026-01-01T00:00:00.000Z {2}[0-9a-f]{12}$/);
  expect(first).toMatch(/^ {5}1 {2}active {6}pilectl /);
  expect(logged.filter((line) => line.includes('"by":"local:chen"'))).toHaveLength(3);
});

test('ED-15 XC-08 a refusal names the file and the place; nothing else has changed', async () => {
  const { type } = terminal();
  const before = await type();
  expect(await type('load', 'tariffs', file('{\n  "version": 1,\n  "version": 2\n}'))).toBe(
    'not done: prices.json: 3:3 version: found "version" a second time; the first is on line 2',
  );
  expect(await type()).toBe(
    `${before}\n  refused last: prices.json: 3:3 version: found "version" a second time; the first is on line 2`,
  );
  expect(await type('rollback', 'tariffs')).toBe('not done: there is no earlier version to go back to');
  expect(await type('show', 'tariffs')).toBe('not done: there is no such version of tariffs');
  expect(await type('show', 'access')).toBe('not done: this site has no documents of the kind access');
});

test('ED-15 what would be taken, and what it would change, is told beforehand, and changes nothing', async () => {
  const { type } = terminal();
  await type('load', 'tariffs', file('{ "version": 3, "note": "x" }'));
  const before = await type();
  const next = file('{ "version": 4, "note": "y" }');
  expect(await type('check', 'tariffs', next)).toBe(`${next} is good`);
  expect(await type('diff', 'tariffs', next)).toBe('version: 3 → 4\nnote: "x" → "y"');
  const same = file('{ "version": 3, "note": "x" }');
  expect(await type('check', 'tariffs', same)).toBe(`${same} is good: it is version 3`);
  expect(await type('diff', 'tariffs', same)).toBe('nothing is different');
  const older = file('{ "version": 2 }');
  expect(await type('check', 'tariffs', older)).toContain('2 is older than 3, which is known');
  const bad = file('{\n  "version": 0,\n  "nots": 1 }');
  expect(await type('check', 'tariffs', bad)).toBe(
    [
      'not done: config.invalid: The configuration is not valid. 配置无效。',
      `${bad}:2:14: version: Too small: expected number to be >0; found 0`,
      `${bad}:3:3: nots: unknown key; did you mean "note"?`,
      'Correct it at the named place. 请在所示位置修正。',
    ].join('\n'),
  );
  expect(await type()).toBe(before);
});

test.each([
  [['show']],
  [['show', 'prices']],
  [['load', 'tariffs']],
  [['rollback', 'tariffs', '1']],
  [['show', 'tariffs', '0']],
  [['drop', 'tariffs']],
])('ED-16 %j is not understood', async (words) => {
  expect(await terminal().type(...words)).toBe('usage');
});
