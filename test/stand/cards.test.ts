import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { rate } from '#shared/tariff/rate.ts';
import type { Tariff } from '#shared/tariff/tariff.ts';
import { tempFolder } from '../../edge/ledger/testing.ts';
import {
  allCards,
  cardDocuments,
  DRIVER,
  KEBA_DRIVER,
  OTHER_DRIVER,
  referenceOf,
  STRANGER,
  stationWithReader,
  TECHNICIAN,
  withKebaCards,
} from './card-site.ts';
import { forgetTheBoot } from './forget-boot.ts';
import { pass, Stand, until } from './stand.ts';

/** Goal: with the cloud away, cards at real lines begin and end charges, each told once when it is back, and no number is written anywhere. */

const tariff: Tariff = {
  tariffId: 'cached',
  version: 3,
  currency: 'CNY',
  timezone: 'Asia/Shanghai',
  bands: [{ name: 'all day', startMinute: 0, electricityPriceE4: 7200, servicePriceE4: 4500 }],
};

let stand: Stand | null = null;
afterEach(async () => {
  await stand?.close();
  stand = null;
});

async function standWithCards(untrustedClock: 'refuse' | 'allow' = 'refuse'): Promise<Stand> {
  const documents = cardDocuments(tempFolder(), tariff, untrustedClock);
  stand = await Stand.open({
    station: stationWithReader,
    site: (document) => withKebaCards({ ...document, ...documents }),
  });
  return stand;
}

const logged = (on: Stand, msg: string) => on.edge.log.filter((line) => line.msg === msg);
const phaseOf = (on: Stand, pileId: string) =>
  logged(on, 'connector changes').findLast((line) => line.pileId === pileId)?.to;
const isIn = (on: Stand, pileId: string, phase: string) =>
  until(`${pileId} is ${phase}`, 20_000, () => phaseOf(on, pileId) === phase);

test('ED-10 OP-17 with the cloud away a card begins a charge, survives a kill, ends it, and it is billed by the cached tariff', {
  timeout: 120_000,
}, async () => {
  const on = await standWithCards();
  await on.plug('A1');
  const before = await on.station.pile('A1');
  await on.cloud.cutOff();
  await on.station.presentCard('R1', DRIVER, 1500);
  await isIn(on, 'A1', 'charging');
  await pass(4000);
  await on.edge.kill('SIGKILL');
  await on.restart();
  await until('it is adopted', 20_000, () => phaseOf(on, 'A1') === 'charging');
  await on.station.presentCard('R1', OTHER_DRIVER);
  await until('another card is refused', 5000, () => logged(on, 'card is refused').length > 0);
  expect(logged(on, 'card is refused')).toMatchObject([{ code: 'access.not_your_charge', card: '…1B2C', place: 'R1' }]);
  await on.station.presentCard('R1', DRIVER);
  await isIn(on, 'A1', 'idle');
  expect(on.cdrs()).toEqual([]);
  await on.cloud.comeBack();
  const cdr = await on.cdr('A1');
  const startedBy = { kind: 'card', reference: referenceOf(DRIVER) };
  expect(cdr).toMatchObject({
    orderId: null,
    commandId: null,
    startedBy,
    stopReason: 'driver',
    voidReason: null,
    tariff,
  });
  const flowedWh = (await on.station.pile('A1')).energyTruthWh - before.energyTruthWh;
  expect(Math.abs(cdr.energyWh - flowedWh)).toBeLessThanOrEqual(1);
  expect(cdr.rating?.totalMinor).toBe(rate(tariff, cdr.readings).totalMinor);
  expect(on.cloud.recordsOf('session.started')).toMatchObject([
    { orderId: null, startedBy, tariff: { tariffId: 'cached', version: 3 } },
  ]);
  expect([on.cdrs().length, on.cloud.complaints]).toEqual([1, []]);
});

test("ED-10 OP-17 a pile's own reader, a technician, a stranger and two vehicles that wait", {
  timeout: 120_000,
}, async () => {
  const on = await standWithCards();
  const refusals = () => logged(on, 'card is refused').map(({ code }) => code);
  for (const pileId of ['A1', 'C1']) await on.status(pileId, 'available');
  await on.station.presentCard('R1', STRANGER);
  await until('nothing is plugged in', 5000, () => refusals().length === 1);
  for (const pileId of ['A1', 'B1', 'C1']) await on.plug(pileId);
  await on.station.presentCard('R1', DRIVER);
  await until('two vehicles wait', 5000, () => refusals().length === 2);
  expect(refusals()).toEqual(['connector.not_plugged', 'access.several_waiting']);

  await on.station.showCard('B1', KEBA_DRIVER);
  await isIn(on, 'B1', 'charging');
  await on.station.vehicle('C1', { plugged: false });
  await until('C1 is empty', 10_000, () => on.view('C1')?.plugged === false);
  await on.station.presentCard('R1', STRANGER);
  await until('a stranger is refused', 5000, () => refusals().length === 3);
  expect(refusals()[2]).toBe('access.unknown_card');
  await on.station.presentCard('R1', DRIVER);
  await isIn(on, 'A1', 'charging');
  await pass(3000);
  await on.station.presentCard('R1', TECHNICIAN);
  expect(await on.cdr('A1')).toMatchObject({ stopReason: 'technician', startedBy: { reference: referenceOf(DRIVER) } });

  expect((await on.pilectl('stop', 'B1-1')).exitCode).toBe(0);
  expect(await on.cdr('B1')).toMatchObject({
    stopReason: 'technician',
    startedBy: { reference: referenceOf(KEBA_DRIVER) },
  });
  const { stdout } = await on.pilectl('cards');
  expect(stdout).toContain('list of cards: version 1, 4 cards, valid until 2099-01-01T00:00:00Z');
  expect(stdout).toMatch(/reader R1 on cards: listened to, \d+ frames, 0 broken/);
  expect(stdout).toContain(`…6789 (${referenceOf(STRANGER)}): access.unknown_card`);

  const written = stdout + ['edge.log', 'data/ledger.db', 'data/ledger.db-wal'].map((file) => read(on, file)).join('');
  for (const card of allCards) expect(written.toUpperCase()).not.toContain(card);
});

const read = (on: Stand, file: string): string => {
  try {
    return readFileSync(join(on.folder, file), 'latin1');
  } catch {
    return '';
  }
};

test('ED-12 ED-16 after a new boot without the cloud nobody knows the time: a technician begins by hand where the site allows it, and the record says so', {
  timeout: 120_000,
}, async () => {
  const on = await standWithCards('allow');
  await on.plug('A1');
  await on.cloud.cutOff();
  await on.edge.kill('SIGKILL');
  forgetTheBoot(on.ledgerFile);
  await on.restart();
  await until('A1 is looked at', 10_000, async () => (await on.pilectl('status')).stdout.includes('plugged'));
  expect(await on.pilectl('start', 'A1-1')).toMatchObject({ exitCode: 0, stdout: 'done\n' });
  await pass(3000);
  expect(await on.pilectl('stop', 'A1-1')).toMatchObject({ exitCode: 0 });
  await isIn(on, 'A1', 'idle');
  await on.cloud.comeBack();
  const cdr = await on.cdr('A1');
  expect(cdr.startedBy?.kind).toBe('technician');
  expect(cdr.startedAt.clock).not.toBe('trusted');
  expect(cdr.marks).toContain('clock-untrusted');
  const who = logged(on, 'technician begins or ends a charge');
  expect(who).toMatchObject([
    { what: 'start', refused: null },
    { what: 'stop', refused: null },
  ]);
});
