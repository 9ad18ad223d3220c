import { expect, test } from 'vitest';
import { cameUp, SAME_CARD_WITHIN_MS, type Shown, type Sighting, sight } from './card-sightings.ts';

/** Which of the sightings, each a card and a time, are presentations. */
function presented(sightings: readonly (readonly [string, number])[]): string[] {
  let last: Sighting | null = null;
  return sightings.flatMap(([card, monoMs]) => {
    const { sighting, isPresented }: ReturnType<typeof sight> = sight(last, card, monoMs);
    last = sighting;
    return isPresented ? [`${card} at ${monoMs}`] : [];
  });
}

test('OP-17 a card that is held or wavers is presented once', () => {
  const held = Array.from({ length: 200 }, (_, i) => ['A', i * 65] as const);
  expect(presented(held)).toEqual(['A at 0']);
  expect(presented([...held, ['A', 199 * 65 + SAME_CARD_WITHIN_MS - 1]])).toEqual(['A at 0']);
});

test('OP-17 the same card is presented anew after the pause, and another one at once', () => {
  expect(
    presented([
      ['A', 0],
      ['A', SAME_CARD_WITHIN_MS],
    ]),
  ).toEqual(['A at 0', `A at ${SAME_CARD_WITHIN_MS}`]);
  expect(
    presented([
      ['A', 0],
      ['B', 200],
      ['A', 400],
    ]),
  ).toEqual(['A at 0', 'B at 200', 'A at 400']);
});

test('ED-10 a number in a register counts when it comes up, and not for as long as it stays', () => {
  const looks: (string | null)[] = ['A', 'A', null, 'A', 'A', 'B', 'B', null, null];
  let shown: Shown = 'unknown';
  const found = looks.map((now) => {
    const card = cameUp(shown, now);
    shown = now;
    return card;
  });
  expect(found).toEqual([null, null, null, 'A', null, 'B', null, null, null]);
});
