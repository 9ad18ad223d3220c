import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { chargeTermsSchema, type MeterReading, rate } from '#shared/tariff/rate.ts';
import { rateOccupancy, rateReservation } from '#shared/tariff/rate-fees.ts';
import { tariffSchema } from '#shared/tariff/tariff.ts';
import { isLeftOut } from '../e2e/engines.ts';

// Bills of cases.json: worked out by hand in it, computed by bill.py into golden.json, and by the rating itself.

const caseSchema = z.strictObject({
  name: z.string(),
  /** How the total comes about, for people. */
  hand: z.string(),
  totalMinor: z.int(),
  tariff: z.string(),
  readings: z.array(z.tuple([z.string(), z.int()])).optional(),
  terms: chargeTermsSchema.optional(),
  occupiedMs: z.int().optional(),
  held: z.strictObject({ heldMs: z.int(), isNoShow: z.boolean() }).optional(),
});
type Case = z.infer<typeof caseSchema>;

const read = (name: string) => readFileSync(join(import.meta.dirname, name), 'utf8');
const { tariffs, cases } = z
  .strictObject({ tariffs: z.record(z.string(), tariffSchema), cases: z.array(caseSchema) })
  .parse(JSON.parse(read('cases.json')));
const golden: { name: string; bill: { totalMinor: number } }[] = JSON.parse(read('golden.json'));

function billOf({ tariff: name, readings, terms, occupiedMs, held }: Case) {
  const tariff = tariffs[name];
  if (tariff === undefined) throw new Error(`no tariff ${name}`);
  if (occupiedMs !== undefined) return rateOccupancy(tariff, occupiedMs);
  if (held !== undefined) return rateReservation(tariff, held);
  const told = (readings ?? []).map(
    ([at, registerWh]): MeterReading => ({ atMs: Date.parse(at), registerWh, quality: 'measured' }),
  );
  return rate(tariff, told, terms);
}

test.each(cases)('RS-05 $name: as worked out by hand', (told) => {
  expect(billOf(told)?.totalMinor).toBe(told.totalMinor);
});

test('RS-05 every golden bill has the same bytes here', () => {
  const bills = cases.map((told) => ({ name: told.name, bill: billOf(told) }));
  expect(`${JSON.stringify(bills, null, 2)}\n`).toBe(read('golden.json'));
  expect(golden).toHaveLength(cases.length);
});

const python = spawnSync('python3', ['-c', 'import zoneinfo; zoneinfo.ZoneInfo("Europe/Copenhagen")']);
const isPythonLeftOut = isLeftOut(
  python.status === 0 ? 'python3' : null,
  'golden bills by the program that made them',
  'apt-get install python3 tzdata',
);

test.skipIf(isPythonLeftOut)('RS-05 the program that made the golden bills still prints them', () => {
  const printed = spawnSync('python3', [join(import.meta.dirname, 'bill.py')], { encoding: 'utf8' });
  expect(printed.stderr).toBe('');
  expect(printed.stdout).toBe(read('golden.json'));
});
