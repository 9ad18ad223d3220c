import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { z } from 'zod';
import { credentialGrantSchema, renewalSchema } from './credentials.ts';
import { decode, encode } from './decode.ts';
import {
  ackSchema,
  batchSchema,
  beatSchema,
  cancelSchema,
  commandSchema,
  diagnoseSchema,
  documentPushSchema,
  helloSchema,
  holdSchema,
  nackSchema,
  pieceSchema,
  presenceSchema,
  stateSchema,
  welcomeSchema,
} from './messages.ts';
import { recordBodySchema } from './records.ts';
import { samplesBodySchema } from './samples.ts';
import { downKinds, upKinds } from './topics.ts';

// Golden messages: what version 1 looked like on the wire when it was first sent. They are added to, never edited: an edge
// in the field or a record in a backup speaks like this for ever.

const folder = join(import.meta.dirname, 'fixtures', 'v1');
const raw = (name: string): string => readFileSync(join(folder, `${name}.json`), 'utf8');

const schemas: Record<string, z.ZodType> = {
  hello: helloSchema,
  welcome: welcomeSchema,
  hold: holdSchema,
  beat: beatSchema,
  diagnose: diagnoseSchema,
  piece: pieceSchema,
  batch: batchSchema,
  ack: ackSchema,
  state: stateSchema,
  presence: presenceSchema,
  command: commandSchema,
  cancel: cancelSchema,
  document: documentPushSchema,
  renewal: renewalSchema,
  credential: credentialGrantSchema,
  nack: nackSchema,
  record: recordBodySchema,
  samples: samplesBodySchema,
};
const names = readdirSync(folder).map((file) => file.replace('.json', ''));
const schemaOf = (name: string): z.ZodType => {
  const schema = schemas[name.split('-')[0] ?? ''];
  if (schema === undefined) throw new Error(`no schema for ${name}`);
  return schema;
};

test('SY-01 every message kind and every record kind has a golden message', () => {
  const kinds = new Set(names.map((name) => name.split('-')[0]));
  expect([...kinds].sort()).toEqual([...new Set([...upKinds, ...downKinds, 'record', 'samples'])].sort());
  const records = names.filter((name) => name.startsWith('record-')).map((name) => JSON.parse(raw(name)).kind);
  expect(new Set(records)).toEqual(new Set(recordBodySchema.options.map((option) => option.shape.kind.value)));
  const samples = names.filter((name) => name.startsWith('samples-')).map((name) => JSON.parse(raw(name)).kind);
  expect(new Set(samples)).toEqual(new Set(samplesBodySchema.options.map((option) => option.shape.kind.value)));
  const commands = names.filter((name) => name.startsWith('command-')).map((name) => JSON.parse(raw(name)).kind);
  expect([...new Set(commands)].sort()).toEqual(commandSchema.options.map((option) => option.shape.kind.value).sort());
});

test.each(names)('SY-01 version 1: %s means today what it meant then', (name) => {
  const message = decode(schemaOf(name), new TextEncoder().encode(raw(name)));
  expect(message).toEqual(JSON.parse(raw(name)));
  expect(JSON.parse(encode(message as object))).toEqual(JSON.parse(raw(name)));
});

test('SY-01 every record of the golden batch is a record', () => {
  const { records } = batchSchema.parse(JSON.parse(raw('batch')));
  for (const record of records) expect(recordBodySchema.parse(record.body)).toEqual(record.body);
});

test('SY-02 every record of the golden batch of samples is one of that stream', () => {
  const { records } = batchSchema.parse(JSON.parse(raw('batch-samples')));
  for (const record of records) expect(samplesBodySchema.parse(record.body)).toEqual(record.body);
});

/** The document as a newer sender would send it: one more key in every object but a tariff. */
function fromTheFuture(document: unknown): unknown {
  if (Array.isArray(document)) return document.map(fromTheFuture);
  if (typeof document !== 'object' || document === null || 'bands' in document) return document;
  const grown = Object.entries(document).map(([key, value]) => [key, fromTheFuture(value)]);
  return { ...Object.fromEntries(grown), addedLater: { deep: [1] } };
}

test.each(names)('SY-01 %s from a newer sender, with keys nobody knows here, is still understood', (name) => {
  const newer = fromTheFuture(JSON.parse(raw(name)));
  const parsed = schemaOf(name).safeParse(newer);
  expect(parsed.error?.issues).toBeUndefined();
  expect(parsed.data).toMatchObject(JSON.parse(raw(name)));
});

test('RS-05 an unknown key in a tariff is refused: a price that nobody knows here must not be left out of a bill', () => {
  const command = JSON.parse(raw('command-start'));
  const parsed = commandSchema.safeParse({ ...command, tariff: { ...command.tariff, parkingFeeE4: 100 } });
  expect(parsed.error?.issues).toEqual([expect.objectContaining({ path: ['tariff'], keys: ['parkingFeeE4'] })]);
});

test.each(names.filter((name) => !/^(record|samples)-/.test(name)))(
  'SY-01 %s of another version is refused',
  (name) => {
    expect(schemaOf(name).safeParse({ ...JSON.parse(raw(name)), v: 2 }).success).toBe(false);
  },
);
