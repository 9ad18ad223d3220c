import { expect, test } from 'vitest';
import { type SimulationResult, simulate } from './simulation.ts';

/** Goal: edges, broker, cloud and world in one process, whatever breaks: nothing is lost, doubled, or billed wrongly. */

const run = (seed: number, days: number, sites: number) => simulate({ seed, days, sites, connectors: 2 });

const tellOf = ({ violations, last }: SimulationResult): string =>
  violations
    .map(({ atMs, invariant, detail }) => `${new Date(atMs).toISOString()} ${invariant}: ${detail}`)
    .join('\n') + (violations.length > 0 ? `\n${last.slice(-40).join('\n')}` : '');

test('SY-01 SY-04 OP-24 hours of everything that can go wrong: what must hold holds after every step and at the end', async () => {
  let held = 0;
  for (const seed of [3, 5, 8]) {
    const result = await run(seed, 0.08, 2);
    expect(tellOf(result), `npm run sim -- --seed ${seed} --days 0.08 --sites 2`).toBe('');
    expect(result.counts.cdrs).toBeGreaterThan(5);
    expect(result.counts.records).toBeGreaterThan(30);
    held += result.counts.held ?? 0;
  }
  expect(held, 'reservations that held').toBeGreaterThan(10);
}, 300_000);

test('one seed is one run, to the last event', async () => {
  const first = await run(8, 0.04, 1);
  const second = await run(8, 0.04, 1);
  expect(first.counts.records).toBeGreaterThan(5);
  expect(second.traceSha256).toBe(first.traceSha256);
  expect(second.counts).toEqual(first.counts);
  expect((await run(9, 0.04, 1)).traceSha256).not.toBe(first.traceSha256);
}, 300_000);
