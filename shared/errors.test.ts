import { expect, test } from 'vitest';
import { z } from 'zod';
import { complaintsOf, describeComplaints } from './complaints.ts';
import { errorCatalogue, isPilegateError, PilegateError } from './errors.ts';

const responsible = ['caller', 'vehicle', 'pile', 'site', 'network', 'platform'];

test.each(Object.entries(errorCatalogue))(
  'OP-22 %s says whose it is and what to do, in English and Chinese',
  (code, entry) => {
    expect(code).toMatch(/^[a-z_]+\.[a-z_]+$/);
    expect(responsible).toContain(entry.fault);
    for (const text of [entry.zh, entry.doZh]) expect(text).toMatch(/\p{Script=Han}.*。$/u);
    for (const text of [entry.en, entry.doEn]) expect(text).toMatch(/^[A-Z][\x20-\x7e]+\.$/);
  },
);

test('OP-22 an error carries its code, whose it is, and every bad field', () => {
  const cause = new Error('why');
  const error = new PilegateError('request.invalid', 'two fields', {
    cause,
    complaints: [{ path: 'a.b', reason: 'no' }],
  });
  expect(error).toMatchObject({
    code: 'request.invalid',
    fault: 'caller',
    message: 'request.invalid: two fields',
    cause,
  });
  expect(error.complaints).toEqual([{ path: 'a.b', reason: 'no' }]);
  expect(isPilegateError(error)).toBe(true);
  expect(isPilegateError(new Error('request.invalid'))).toBe(false);
});

const complaints = (schema: z.ZodType, document: unknown) => {
  const parsed = schema.safeParse(document);
  return parsed.success ? '' : describeComplaints(complaintsOf(parsed.error));
};

test('XC-08 every unknown key is named by itself, with its path', () => {
  const schema = z.strictObject({ a: z.strictObject({ b: z.int() }) });
  expect(complaints(schema, { a: { b: 1, c: 2, d: 3 }, e: 4 })).toBe(
    'a.c: unknown key; a.d: unknown key; e: unknown key',
  );
});

test('XC-08 a document that is no object at all is named as such', () => {
  expect(complaints(z.object({}), [])).toMatch(/^\(document\): ./);
});

test('XC-08 a value with several shapes is told what it could have been', () => {
  const schema = z.object({
    value: z.union([z.int().min(0), z.literal('limit')]),
    baud: z.union([z.literal(1), z.literal(2)]),
  });
  const told = complaints(schema, { value: 'max', baud: 3 });
  expect(told).toMatch(/value: .*number.*, or .*"limit"/);
  expect(told).toMatch(/baud: .*expected 1.*, or .*expected 2/);
});
