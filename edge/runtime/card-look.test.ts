import { expect, test } from 'vitest';
import type { Shown } from '../access/card-sightings.ts';
import { START_WALL_MS, startCommand } from '../control/testing.ts';
import { loopRig } from './testing.ts';

/** A loop whose pile has a card reader of its own; `shown` is what has been told of it since the last look. */
async function readingCards() {
  const heard: Shown[] = [];
  const rig = loopRig({ onCard: (shown) => void heard.push(shown) });
  rig.loop.start();
  await rig.time.pass(3000);
  const show = (number: number) => {
    rig.pile.holding.set(1500, number >>> 16);
    rig.pile.holding.set(1501, number & 0xffff);
  };
  const heardIn = async (ms: number) => {
    heard.length = 0;
    await rig.time.pass(ms);
    return [...new Set(heard)];
  };
  return { ...rig, show, heardIn };
}

test("ED-10 a pile's own reader is looked at with each poll, while the connector is idle and while it charges", async () => {
  const { loop, show, heardIn, end } = await readingCards();
  expect(await heardIn(3000)).toEqual([null]);
  show(0xd4cd7650);
  await heardIn(1500);
  expect(await heardIn(2000)).toEqual(['D4CD7650']);
  loop.dispatch({ kind: 'command', command: startCommand({ expiresAtMs: START_WALL_MS + 600_000 }) });
  await heardIn(5000);
  expect(loop.state.phase.kind).toBe('charging');
  show(0);
  await heardIn(1500);
  expect(await heardIn(2000)).toEqual([null]);
  await end();
});

test('ED-10 what a pile shows is not known while it does not answer: what stands there afterwards may be old', async () => {
  const { pile, show, heardIn, end } = await readingCards();
  show(0xd4cd7650);
  await heardIn(2000);
  pile.deafToReads = true;
  await heardIn(1500);
  expect(await heardIn(3000)).toEqual(['unknown']);
  await end();
});

test('ED-04 nobody looks for a card while a charge begins: what that needs of the line comes first', async () => {
  const { loop, pile, heardIn, end } = await readingCards();
  pile.forgetsWrites = true;
  loop.dispatch({ kind: 'command', command: startCommand({ expiresAtMs: START_WALL_MS + 600_000 }) });
  await heardIn(2000);
  expect([await heardIn(5000), loop.state.phase.kind]).toEqual([[], 'starting']);
  await end();
});
