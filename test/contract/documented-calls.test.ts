import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestCloud, type TestCloud } from '../../cloud/testing/test-cloud.ts';

/** Goal: whatever the documentation tells to call is there. Method: each call that stands in it is looked for in both API documents. */

const ROOT = join(import.meta.dirname, '../..');
/** A call, or with `…` before it the end of one. */
const CALL = /\b(GET|POST|PUT|PATCH|DELETE) (…?)(\/[^\s`'"?),;:]*)/g;
/** What programs beside the API take. */
const BESIDE = ['GET /metrics', 'PUT /uplink'];

const pages = ['README.md', 'ARCHITECTURE.md', ...readdirSync(join(ROOT, 'docs')).map((name) => `docs/${name}`)].filter(
  (name) => name.endsWith('.md'),
);

let cloud: TestCloud;
beforeAll(async () => {
  cloud = await startTestCloud();
});
afterAll(() => cloud?.stop());

test('OP-23 every call that a page of the documentation names is one that the cloud, or a program beside it, takes', () => {
  const documents = [cloud.app.swagger(), cloud.app.describeStaffApi() as { paths?: object }];
  const known = documents.flatMap(({ paths = {} }) =>
    Object.entries(paths as Record<string, object>).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => ({ method: method.toUpperCase(), steps: path.split('/').slice(1) })),
    ),
  );
  expect(known.length).toBeGreaterThan(150);
  const isKnown = ({ method, isEnd, path }: { method: string; isEnd: boolean; path: string }): boolean => {
    const steps = path.replace(/\.$/, '').split('/').slice(1);
    return known.some((one) => {
      const there = isEnd ? one.steps.slice(-steps.length) : one.steps;
      const fits = there.every((step, n) => (step.startsWith('{') && !isEnd) || step === steps[n]);
      return one.method === method && there.length === steps.length && fits;
    });
  };
  const named = pages.flatMap((page) =>
    [...readFileSync(join(ROOT, page), 'utf8').matchAll(CALL)].map(([, method = '', dots, path = '']) => ({
      page,
      method,
      isEnd: dots !== '',
      path,
    })),
  );
  expect(named.length).toBeGreaterThan(80);
  expect(named.filter((call) => !isKnown(call) && !BESIDE.includes(`${call.method} ${call.path}`))).toEqual([]);
});
