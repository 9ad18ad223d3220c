import { expect, test } from 'vitest';
import {
  ASK_AFTER_MS,
  AWAY_AFTER_MS,
  asked,
  heard,
  isAway,
  isToBeAsked,
  unheardOf,
  welcomedBy,
} from './cloud-watch.ts';
import { pause, rig } from './testing.ts';

const poll = (read: () => unknown) => expect.poll(read, { interval: 10 });

test('SY-05 after a silence the cloud is asked for a word, some times, before it counts as away', () => {
  let watch = welcomedBy(true, 1000);
  expect(isToBeAsked(watch, 1000 + ASK_AFTER_MS - 1)).toBe(false);
  expect(isToBeAsked(watch, 1000 + ASK_AFTER_MS)).toBe(true);
  let asks = 0;
  for (let nowMs = 1000; nowMs < 1000 + AWAY_AFTER_MS; nowMs += 2000) {
    expect(isAway(watch, nowMs)).toBe(false);
    if (!isToBeAsked(watch, nowMs)) continue;
    asks += 1;
    watch = asked(watch, nowMs);
  }
  expect(asks).toBeGreaterThanOrEqual(3);
  expect(isAway(watch, 1000 + AWAY_AFTER_MS)).toBe(true);
  expect(isAway(heard(watch, 5000), 1000 + AWAY_AFTER_MS)).toBe(false);
});

test('SY-05 nothing follows from the silence of a cloud that does not answer such questions', () => {
  for (const watch of [unheardOf, welcomedBy(false, 0)]) {
    expect(isToBeAsked(watch, 1e9)).toBe(false);
    expect(isAway(watch, 1e9)).toBe(false);
  }
});

test('SY-05 the link is open while the cloud answers, and not while the broker alone lives; it opens again by itself', async () => {
  const { cloud, link, logged } = await rig();
  const answer = (isBeating: boolean) => {
    cloud.onHeard = (kind) => {
      if (kind === 'hello' && isBeating) cloud.welcome({ beats: true });
      const state = cloud.heard.state.at(-1);
      if (kind === 'state' && isBeating && state?.ask === true)
        cloud.say('beat', { v: 1, connectionEpoch: state.connectionEpoch });
    };
  };
  answer(true);
  cloud.dropConnections();
  const views = setInterval(() => link.showView([]), 50);
  try {
    await poll(() => cloud.heard.state.filter(({ ask }) => ask === true).length).toBeGreaterThan(2);
    await pause(1600);
    expect([link.state, logged.join().includes('does not answer')]).toEqual(['open', false]);
    const hellos = cloud.heard.hello.length;
    answer(false);
    await poll(() => link.state).toBe('greeting');
    await poll(() => cloud.heard.hello.length).toBeGreaterThan(hellos);
    expect(logged.join()).toContain('the cloud does not answer');
    answer(true);
    await poll(() => link.state).toBe('open');
  } finally {
    clearInterval(views);
  }
});

test('SY-05 a beat for another connection says nothing', async () => {
  const { cloud, link } = await rig();
  cloud.onHeard = (kind) => {
    if (kind === 'hello') cloud.welcome({ beats: true });
  };
  cloud.dropConnections();
  await poll(() => link.state).toBe('open');
  const beats = setInterval(() => {
    cloud.say('beat', { v: 1, connectionEpoch: crypto.randomUUID() });
    link.showView([]);
  }, 50);
  try {
    cloud.onHeard = () => {};
    await poll(() => link.state).toBe('greeting');
  } finally {
    clearInterval(beats);
  }
});
