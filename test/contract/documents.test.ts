import { pino } from 'pino';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { exampleTariff, type Stage, setTheStage } from '../../cloud/testing/fixtures.ts';
import { createTestClock } from '../../cloud/testing/test-clock.ts';
import { startTestCloud, type TestCloud } from '../../cloud/testing/test-cloud.ts';
import { untilGone } from '../../cloud/testing/until-gone.ts';
import { DocumentDoor } from '../../edge/documents/document-door.ts';
import { keysToPin, type PinnedKeys, refusalOfPush } from '../../edge/documents/pushed-document.ts';
import { tariffReader } from '../../edge/documents/tariff-reader.ts';
import { at, openLedger } from '../../edge/ledger/testing.ts';
import { Link } from '../../edge/link/link.ts';
import { quietLink } from '../../edge/link/testing.ts';
import { FaultProxy } from '../sync/fault-proxy.ts';

/** Goal: what staff put in the cloud is in force at the site, and both say the same of it. Real broker, both stores. */

const clock = createTestClock();
let cloud: TestCloud;
beforeAll(async () => {
  cloud = await startTestCloud({ clock });
});
afterAll(() => cloud?.stop());

/** Before another store of the site is heard, the former one has been silent for so long. */
const SILENCE_MS = 61_000;

/** The site's end: ledger, link, and the door of tariffs. */
function openSite(stage: Stage, first: PinnedKeys = { kind: 'none' }, brokerUrl = cloud.brokerUrl) {
  const { ledger } = openLedger();
  let pinned = first;
  const door = new DocumentDoor({
    kind: 'tariffs',
    reader: tariffReader(stage.connectorIds),
    history: [],
    stamp: () => at,
    log: pino({ level: 'silent' }),
    onActive: () => {},
    store: (change, records) => {
      ledger.putDocuments(change, records, at);
      return Promise.resolve();
    },
  });
  const { siteId, shard, brokerPassword } = stage;
  const link = new Link({
    ...quietLink(ledger),
    site: { siteId, shard, brokerUrl, password: brokerPassword },
    documentKeyIds: () => (pinned.kind === 'pinned' ? pinned.keys.keys.map(({ keyId }) => keyId) : []),
    onDocumentKeys: (offer) => {
      const keys = keysToPin(offer, pinned);
      if (keys !== null) pinned = { kind: 'pinned', keys };
    },
    onDocument: (push) => {
      const { version, text } = push;
      const name = `version ${version}`;
      const refusal = refusalOfPush(push, siteId, pinned);
      const done =
        refusal === null
          ? door.offer({ text, version, source: 'cloud', name })
          : door.refuse({ ...push, source: 'cloud', name }, refusal);
      void done.then(() => link.poke());
    },
  });
  onTestFinished(() => link.close());
  return {
    door,
    link,
    ledger,
    keyIds: () => (pinned.kind === 'pinned' ? pinned.keys.keys.map(({ keyId }) => keyId) : []),
  };
}

async function staff(method: 'GET' | 'POST', stage: Stage, body?: object) {
  const response = await cloud.app.inject({
    method,
    url: `/staff/v1/sites/${stage.siteId}/documents`,
    headers: {
      authorization: `Bearer ${cloud.staffToken}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
  });
  return response.json();
}

const schedule = (version: number, price = 7200) => ({
  version,
  currency: 'CNY',
  bounds: { leastPriceE4: 1000, mostPriceE4: 30_000 },
  tariffs: [
    {
      from: '2026-01-01T00:00:00+08:00',
      until: null,
      tariff: {
        ...exampleTariff,
        tariffId: `contract-${price}`,
        version,
        bands: [{ ...exampleTariff.bands[0], electricityPriceE4: price }],
      },
    },
  ],
});

test('ED-15 XC-04 SY-05 tariffs from the cloud: in force on site, known in the cloud, also of what a technician does there', async () => {
  const stage = await setTheStage(cloud, { name: 'contract-documents' });
  const put = (version: number) =>
    staff('POST', stage, { document_kind: 'tariffs', text: JSON.stringify(schedule(version)), requested_by: 'Li Na' });
  const known = async () => {
    const { in_force: inForce, documents } = await staff('GET', stage);
    return [
      inForce.map((one: { version: number }) => one.version).join(),
      documents.map((one: { version: number; status: string }) => `${one.version} ${one.status}`).join(', '),
    ];
  };
  const settles = (...expected: string[]) => expect.poll(known).toEqual(expected);
  // Put while the site is away: it is sent when the site is there.
  expect(await put(1)).toMatchObject({ status: 'open' });
  const { door, link } = openSite(stage);
  await settles('1', '1 active');
  expect(door.active?.version).toBe(1);
  await put(2);
  await settles('2', '2 active, 1 replaced');
  await door.rollBack();
  link.poke();
  await settles('1', '2 rolled-back, 1 active');
  await door.offer({ text: JSON.stringify(schedule(5)), version: null, source: 'pilectl', name: 'x' });
  link.poke();
  await settles('5', '5 active, 2 rolled-back, 1 replaced');
  expect(await put(3)).toMatchObject({ code: 'resource.exists', detail: 'version 5 is known; the next is 6' });
  await put(6);
  await settles('6', '6 active, 5 replaced, 2 rolled-back, 1 replaced');
  expect(door.active?.tariffs[0]?.tariff.version).toBe(6);
});

test('SY-05 while the site was away it was given a newer version by hand, or the cloud was: each time both end with the newer one', async () => {
  const stage = await setTheStage(cloud, { name: 'contract-newer' });
  const put = (version: number) =>
    staff('POST', stage, { document_kind: 'tariffs', text: JSON.stringify(schedule(version)), requested_by: 'Li Na' });
  const agreed = async () => [(await staff('GET', stage)).in_force[0]?.version, door.active?.version];
  const way = await FaultProxy.before(cloud.brokerUrl);
  onTestFinished(() => way.close());
  const { door } = openSite(stage, { kind: 'none' }, way.mqttUrl);
  await put(1);
  await expect.poll(agreed).toEqual([1, 1]);
  await way.set({ isCut: true });
  await door.offer({ text: JSON.stringify(schedule(4)), version: null, source: 'pilectl', name: 'x' });
  // The cloud does not know of it, and sends what it takes for the newest.
  expect(await put(3)).toMatchObject({ status: 'open' });
  await way.set({});
  await expect.poll(agreed).toEqual([4, 4]);
  await way.set({ isCut: true });
  expect(await put(5)).toMatchObject({ status: 'open' });
  await way.set({});
  await expect.poll(agreed).toEqual([5, 5]);
  const standing = async () =>
    (await staff('GET', stage)).documents.map(
      (one: { version: number; status: string }) => `${one.version} ${one.status}`,
    );
  // Version 3 was refused by a site that has a newer one, or never answered: then it is not sent any more.
  const third = expect.stringMatching(/^3 (open|refused)$/);
  await expect.poll(standing).toEqual(['5 active', '4 replaced', third, '1 replaced']);
});

test('SY-05 a site whose memory was replaced gets again what it had', async () => {
  const stage = await setTheStage(cloud, { name: 'contract-lost' });
  await staff('POST', stage, { document_kind: 'tariffs', text: JSON.stringify(schedule(4)), requested_by: 'Li Na' });
  const first = openSite(stage);
  await expect.poll(() => first.door.active?.version).toBe(4);
  await expect.poll(async () => (await staff('GET', stage)).documents[0].status).toBe('active');
  await first.link.close();
  await untilGone(cloud.context.db, stage.siteId);
  clock.advance(SILENCE_MS);
  const second = openSite(stage);
  await expect.poll(() => second.door.active?.version).toBe(4);
});

test('SY-07 a site pins the keys of its cloud, takes what they sign, follows them to the next, and refuses another cloud', async () => {
  const stage = await setTheStage(cloud, { name: 'contract-signed' });
  const put = (version: number) =>
    staff('POST', stage, { document_kind: 'tariffs', text: JSON.stringify(schedule(version)), requested_by: 'Li Na' });
  const keys = (path: string, method: 'GET' | 'POST' = 'POST') =>
    cloud.app
      .inject({
        method,
        url: `/staff/v1/document-keys${path}`,
        headers: { authorization: `Bearer ${cloud.staffToken}`, 'content-type': 'application/json' },
        ...(method === 'POST' && { payload: JSON.stringify({ requested_by: 'Li Na' }) }),
      })
      .then((response) => response.json());
  const [present] = (await keys('', 'GET')).keys;
  const { door, link, keyIds } = openSite(stage);
  await expect.poll(keyIds).toEqual([present.key_id]);
  await put(1);
  await expect.poll(() => door.active?.version).toBe(1);

  const next = (await keys('')).keys.find((key: { key_id: string }) => key.key_id !== present.key_id);
  link.askTime();
  await expect.poll(keyIds).toEqual(expect.arrayContaining([present.key_id, next.key_id]));
  await keys(`/${present.key_id}/leave`);
  await put(2);
  await expect.poll(() => door.active?.version).toBe(2);
  await link.close();
  await untilGone(cloud.context.db, stage.siteId);
  clock.advance(SILENCE_MS);

  const publicKey = Buffer.alloc(32, 1).toString('base64');
  const other = openSite(stage, {
    kind: 'pinned',
    keys: { serial: 1, keys: [{ keyId: '00000000000000ff', publicKey }] },
  });
  await put(3);
  const last = async () => (await staff('GET', stage)).documents[0];
  await expect.poll(last).toMatchObject({ version: 3, status: 'refused', code: 'document.unsigned' });
  expect([other.door.active, other.keyIds()]).toEqual([null, ['00000000000000ff']]);
});
