import { expect, onTestFinished, test } from 'vitest';
import type { Welcome } from '#shared/wire/messages.ts';
import { openLedger } from '../ledger/testing.ts';
import { Link } from './link.ts';
import { FakeCloud, fastTime, KEY_ID, pause, quietLink, SHARD, SITE_ID } from './testing.ts';

test('SY-07 a site that has just pinned the keys of its cloud says so at once, and once', async () => {
  const cloud = new FakeCloud();
  const documentKeys: NonNullable<Welcome['documentKeys']> = { text: '{}', signatures: [] };
  cloud.onHeard = (kind) => (kind === 'hello' ? cloud.welcome({ documentKeys }) : cloud.answer(kind));
  await cloud.start();
  onTestFinished(() => cloud.stop());
  let keyIds: string[] = [];
  const link = new Link({
    ...quietLink(openLedger().ledger),
    site: { siteId: SITE_ID, shard: SHARD, brokerUrl: `mqtt://127.0.0.1:${cloud.port}`, password: null },
    clock: fastTime,
    timers: fastTime,
    documentKeyIds: () => keyIds,
    onDocumentKeys: () => {
      keyIds = [KEY_ID];
    },
  });
  onTestFinished(() => link.close());
  await expect
    .poll(() => cloud.heard.hello.map(({ documentKeyIds }) => documentKeyIds), { interval: 10 })
    .toEqual([[], [KEY_ID]]);
  await pause(200);
  expect([cloud.heard.hello.length, link.state]).toEqual([2, 'open']);
});
