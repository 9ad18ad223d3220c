import { expect, test } from 'vitest';
import { runFuzz } from './run-fuzz.ts';

/**
 * Goal: nothing that a caller can send makes an endpoint fail, answer otherwise than it is described, or leave something behind that was refused.
 * Method: a real process, requests drawn from its own documents, judged by them; a share of what `npm run fuzz` does.
 */
test('OP-22 XC-08 drawn requests to every endpoint are answered as described, and what is refused leaves nothing', async () => {
  const seed = Number(process.env.PILEGATE_FUZZ_SEED ?? Math.floor(Date.now() / 86_400_000));
  const report = await runFuzz({ seed, requests: 2_500, engine: 'postgresql', only: null }, () => undefined);
  const seen = { failures: report.failures, complaints: report.complaints };
  expect(seen, `npm run fuzz -- --seed ${seed} --requests 2500`).toEqual({ failures: [], complaints: [] });
  expect(report.operations.length).toBeGreaterThan(170);
  expect(report.neverDone).toEqual([]);
  expect(report.stored.operations).toBeGreaterThan(0);
}, 120_000);
