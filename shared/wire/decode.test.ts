import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { isPilegateError } from '../errors.ts';
import { decode, MAX_MESSAGE_BYTES } from './decode.ts';
import { commandSchema, helloSchema } from './messages.ts';
import { recordBodySchema } from './records.ts';

const golden = (name: string) =>
  JSON.parse(readFileSync(join(import.meta.dirname, 'fixtures', 'v1', `${name}.json`), 'utf8'));
const bytes = (text: string) => new TextEncoder().encode(text);

function refusal(work: () => unknown) {
  try {
    work();
  } catch (error) {
    if (isPilegateError(error)) return error;
    throw error;
  }
  throw new Error('not refused');
}

test.each([
  ['nothing', new Uint8Array()],
  ['half a document', bytes('{"v":1')],
  ['bytes that are no text', Uint8Array.of(0x7b, 0xff, 0xfe, 0x7d)],
])('XC-08 %s is refused as not JSON', (_, payload) => {
  expect(refusal(() => decode(helloSchema, payload)).code).toBe('wire.not_json');
});

test('XC-08 a message larger than the limit is refused before it is parsed', () => {
  const error = refusal(() => decode(helloSchema, new Uint8Array(MAX_MESSAGE_BYTES + 1)));
  expect(error).toMatchObject({ code: 'wire.schema', fault: 'site' });
  expect(error.detail).toContain(String(MAX_MESSAGE_BYTES));
});

test.each([
  ['a number as text', { ttlMs: '60000' }, 'ttlMs'],
  ['a field left out', { orderId: undefined }, 'orderId'],
  ['an id that is none', { commandId: 'abc' }, 'commandId'],
  ['a time to live of nothing', { ttlMs: 0 }, 'ttlMs'],
  ['a band in the wrong place', { tariff: { ...golden('command-start').tariff, bands: [] } }, 'tariff.bands'],
  ['a connector name that would break a topic', { connectorId: 'P1/+' }, 'connectorId'],
  ['a command that nobody knows', { kind: 'dance' }, 'kind'],
])('XC-08 %s is refused, and the complaint names its path', (_, change, path) => {
  const document = JSON.stringify({ ...golden('command-start'), ...change });
  const error = refusal(() => decode(commandSchema, bytes(document)));
  expect(error.code).toBe('wire.schema');
  expect(error.complaints.map((complaint) => complaint.path)).toContain(path);
  expect(error.detail).toMatch(new RegExp(`^${path}: .`));
});

test('XC-08 an answer with many complaints stays short, the complaints stay complete', () => {
  const error = refusal(() => decode(helloSchema, bytes('{}')));
  expect(error.complaints).toHaveLength(8);
  expect(error.detail.split('; ')).toHaveLength(5);
});

test('OP-22 a report can only carry a code from the catalogue', () => {
  const report = golden('record-command-reported');
  expect(recordBodySchema.safeParse(report).success).toBe(true);
  expect(recordBodySchema.safeParse({ ...report, code: 'connector.sleepy' }).success).toBe(false);
});
