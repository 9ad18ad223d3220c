import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { errorCodes, isErrorCode, reachOf } from '../../cloud/http/error-reach.ts';
import { startTestCloud, type TestCloud } from '../../cloud/testing/test-cloud.ts';
import { errorPage, errorPageFile } from '../../scripts/errors/error-page.ts';
import { sourceFiles } from '../../scripts/source-files.ts';
import { faultCatalogue, faultCodes } from '../../shared/faults.ts';

let cloud: TestCloud;
beforeAll(async () => {
  cloud = await startTestCloud();
});
afterAll(() => cloud?.stop());

test('OP-23 the page of errors is the catalogue', () => {
  expect(readFileSync(errorPageFile, 'utf8'), 'run npm run write:errors').toBe(errorPage());
  for (const code of errorCodes) expect(errorPage().split(`<a id="${code}"></a>`)).toHaveLength(2);
});

const codesIn = (text: string, pattern: RegExp) =>
  new Set([...text.matchAll(pattern)].map(([, code = '']) => code).filter(isErrorCode));

test('OP-23 an answer that the API describes to partners is among those of partners, and no other', () => {
  const { paths } = cloud.app.swagger();
  const described = codesIn(JSON.stringify(paths), /`([a-z_]+\.[a-z_]+)`: /g);
  const shown = errorCodes.filter((code) => reachOf(code) === 'answer');
  expect([...shown].sort()).toEqual([...described].sort());
});

test('OP-23 whatever a site, an order or a reservation can end with is told to partners', () => {
  const theirs = /^(edge\/control|cloud\/orders|cloud\/reservations)\/[^/]+\.ts$/;
  const files = sourceFiles((path) => theirs.test(path) && !path.endsWith('.test.ts'));
  // Work of technicians, records that are refused, and what staff are answered themselves: staff see these.
  const ofStaff = [
    'pile.unsupported',
    'command.superseded',
    'record.refused',
    'wire.wrong_site',
    'wire.conflict',
    'site.online',
  ];
  const used = files.flatMap(({ text }) => [...codesIn(text, /'([a-z_]+\.[a-z_]+)'/g)]);
  expect(used.length).toBeGreaterThan(30);
  expect(used.filter((code) => reachOf(code) === 'inside' && !ofStaff.includes(code))).toEqual([]);
});

test('OP-23 the type of a problem leads to what it means, without a login', async () => {
  const refused = await cloud.app.inject('/v1/stations');
  const { type, code, title, title_zh, what_to_do, what_to_do_zh, status, fault } = refused.json();
  const page = new URL(type, new URL('/v1/stations', cloud.httpUrl));
  expect(page.href).toBe(`${cloud.httpUrl}/errors/auth.missing`);
  const kind = await cloud.app.inject(page.pathname);
  expect(kind.statusCode).toBe(200);
  expect(kind.json()).toEqual({ type, code, title, title_zh, what_to_do, what_to_do_zh, http_status: status, fault });
  const { errors } = (await cloud.app.inject('/errors')).json();
  const codes = errors.map((one: { code: string }) => one.code);
  expect(codes).toEqual(errorCodes.filter((one) => reachOf(one) !== 'inside'));
  for (const unknown of ['nothing', 'constructor', '__proto__'])
    expect((await cloud.app.inject(`/errors/${unknown}`)).json()).toMatchObject({ code: 'request.not_found' });
});

test('OP-22 OP-23 whatever a charge can end with as a fault is told in both languages, with whose it is and what to tell the driver', async () => {
  const { fault_codes: told } = (await cloud.app.inject('/fault-codes')).json();
  expect(told.map((one: { code: string }) => one.code)).toEqual(faultCodes);
  const whose = new Set(told.map((one: { fault: string }) => one.fault));
  expect([...whose].sort()).toEqual(['pile', 'platform', 'site', 'vehicle']);
  const one = (await cloud.app.inject('/fault-codes/over-voltage')).json();
  const { en, zh, driverEn, driverZh } = faultCatalogue['over-voltage'];
  expect(one).toEqual({
    code: 'over-voltage',
    fault: 'site',
    title: en,
    title_zh: zh,
    for_driver: driverEn,
    for_driver_zh: driverZh,
  });
  for (const unknown of ['nothing', 'constructor', '__proto__'])
    expect((await cloud.app.inject(`/fault-codes/${unknown}`)).json()).toMatchObject({ code: 'request.not_found' });
  const page = errorPage();
  for (const { code, for_driver, for_driver_zh } of told)
    expect(page).toMatch(new RegExp(`id="fault-${code}".*${for_driver}<br>${for_driver_zh}`));
});

test('OP-23 both guides lead to the page of errors', () => {
  for (const name of ['partner-guide.md', 'partner-guide.zh.md'])
    expect(readFileSync(join(import.meta.dirname, '../../docs', name), 'utf8')).toContain('](errors.md)');
});
