import { join } from 'node:path';
import { expect } from 'vitest';
import { runTrace } from '../../scripts/trace/run.ts';
import type { Rig } from './rig.ts';

interface TracedStep {
  readonly source: string;
  readonly what: string;
  readonly detail: Readonly<Record<string, unknown>>;
}

/** What `npm run trace` tells of a request: asked of the running station, or read off the disk of its edge. */
export async function traced(rig: Rig, requestId: string, from: 'site' | 'disk') {
  const { folder, cloud } = rig.station;
  const out: string[] = [];
  const err: string[] = [];
  const own = ['--url', cloud.ready.httpUrl, '--data', join(folder, 'cloud'), '--json'];
  const disk = from === 'disk' ? ['--edge-data', join(folder, 'edge', 'data')] : [];
  const code = await runTrace([requestId, ...own, ...disk], {
    env: {},
    out: (text) => void out.push(text),
    err: (text) => void err.push(text),
  });
  expect([code, err]).toEqual([0, []]);
  const text = out.join('');
  const story: { traces: { steps: TracedStep[]; missing: string[] }[] } = JSON.parse(text);
  expect(story.traces).toHaveLength(1);
  return { text, steps: story.traces[0]?.steps ?? [], missing: story.traces[0]?.missing ?? [] };
}

/** The steps of a charge, in their order, each from the side that has made it. */
const WHOLE = [
  'partner: call start',
  'cloud: operation start is accepted',
  'cloud: command start is written',
  'broker: command start is published',
  'edge: command is taken out of the inbox',
  'edge: pile is written',
  'cloud: operation start succeeded',
  'webhook: charge.started is delivered',
  'partner: call stop',
  'broker: command stop is published',
  'edge: pile is seen to be off',
  'site: record session.ended is taken',
  'cloud: operation stop succeeded',
  'webhook: charge.ended is delivered',
];

/** Every step of a whole charge is there, in order, and the register write tells what was written and read back. */
export function expectWholeStory(steps: readonly TracedStep[], written: RegExp): void {
  const told = steps.map(({ source, what }) => `${source}: ${what}`);
  let from = 0;
  for (const step of WHOLE) {
    const at = told.indexOf(step, from);
    expect(at, `${step}, in:\n${told.join('\n')}`).toBeGreaterThanOrEqual(0);
    from = at + 1;
  }
  const write = steps.find(({ what, detail }) => what === 'pile is written' && detail.write === 'start');
  expect(String(write?.detail.registers)).toMatch(written);
  const back = steps.find(({ what, detail }) => what === 'pile is read back' && detail.write === 'start');
  expect(['plugged', 'charging']).toContain(back?.detail.status);
  const proof = steps.find(({ what }) => what === 'pile is seen to be off');
  expect(proof?.detail).toMatchObject({ rung: 'softStop', currentMa: 0 });
}
