import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectFakeEdge, type FakeEdge } from '../testing/fake-edge.ts';
import { setTheStage } from '../testing/fixtures.ts';
import { machineClock } from '../testing/test-clock.ts';
import { startTestCloud, type TestCloud } from '../testing/test-cloud.ts';

let cloud: TestCloud;
const edges: FakeEdge[] = [];

beforeAll(async () => {
  cloud = await startTestCloud();
  for (const name of ['loud', 'quiet']) {
    const stage = await setTheStage(cloud, { name });
    edges.push(await connectFakeEdge(cloud.brokerUrl, stage, machineClock));
  }
});
afterAll(async () => {
  for (const edge of edges) await edge.close();
  await cloud?.stop();
});

test('XC-12 XC-08 a site that talks without end keeps no other waiting, and is heard again when it is done', async () => {
  const [loud, quiet] = edges;
  if (loud === undefined || quiet === undefined) throw new Error('no edges');
  await loud.hello();
  const MOST = 3_000;
  await Promise.all(Array.from({ length: MOST }, () => loud.publish('batch', 'no json')));
  await quiet.hello();
  expect(loud.heard('nack')).toBeLessThan(MOST / 2);
  // A hello that was one too many is said again; a test says it once.
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  await loud.hello();
});
