import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import type { AccessList, CardEntry } from '#shared/access/access-list.ts';
import { ok, refuse } from '#shared/result.ts';
import type { Stamp } from '#shared/stamp.ts';
import type { AccessPolicy } from '../access/access-policy.ts';
import { CARD_KEY, cardOf, entryOf, listOf } from '../access/testing.ts';
import { ManualTime, MemoryStream } from '../bus/testing.ts';
import type { SiteCardReader } from '../config/site-devices.ts';
import type { Refusal } from '../control/answer.ts';
import type { ChargeWish } from '../control/charge-wish.ts';
import { type ConnectorState, newConnector, nothingRemembered } from '../control/connector.ts';
import { holdOf } from '../control/reservation.ts';
import { facts, localWish, plugged, reserveCommand, tariff, uuid } from '../control/testing.ts';
import { loadProfiles, packagedProfiles } from '../devices/load-profiles.ts';
import { SiteAccess } from './site-access.ts';

const A = 'D4CD7650';
const B = '04A1B2C3D4E5F6';
const CONNECTORS = ['A-1', 'B-1'];
const policy: AccessPolicy = { offline: { cards: 'listed' }, untrustedClock: 'refuse' };

function readerAt(connectorIds: string[]): SiteCardReader {
  const profile = loadProfiles(packagedProfiles).get('hex-line');
  if (profile?.kind !== 'card-reader') throw new Error('no profile');
  return {
    config: { readerId: 'R1', profile: 'hex-line', lineId: 'C1', connectorIds },
    line: { lineId: 'C1', transport: 'serial', path: '/dev/none', baud: 9600, parity: 'none', stopBits: 1 },
    profile,
  };
}

interface Settings {
  readonly list?: AccessList | null;
  readonly access?: AccessPolicy;
  readonly connectorIds?: string[];
  readonly answer?: Required<Refusal> | null;
  readonly hasTariff?: boolean;
}

/** Access to a site with two connectors and one reader, whose connectors are as the test says. */
async function site(settings: Settings = {}) {
  const { list = listOf([entryOf(A)]), access = policy, connectorIds = CONNECTORS, answer = null } = settings;
  const time = new ManualTime();
  const stream = new MemoryStream(time);
  const states = new Map<string, ConnectorState>();
  const at: { -readonly [Key in keyof Stamp]: Stamp[Key] } = {
    wallMs: 0,
    monoMs: 0,
    bootId: uuid(9),
    clock: 'trusted',
  };
  const stamp = (): Stamp => ({ ...at, wallMs: time.wallMs(), monoMs: time.monoMs() });
  const is = (connectorId: string, change: Partial<ConnectorState>) =>
    void states.set(connectorId, { ...newConnector(nothingRemembered, stamp()), ...change });
  for (const connectorId of CONNECTORS) is(connectorId, { reading: { ...plugged, status: 'unplugged' } });
  const begun: { connectorId: string; wish: ChargeWish; withinMs: number }[] = [];
  const ended: string[] = [];
  const logged: string[] = [];
  let ids = 0;
  const desk = new SiteAccess({
    site: { access: { ...access, keyFile: 'none' } },
    devices: { readers: [readerAt(connectorIds)] },
    cardKey: CARD_KEY,
    clock: time,
    timers: time,
    stamp,
    newId: () => {
      ids += 1;
      return uuid(ids);
    },
    log: pino({ level: 'trace' }, { write: (text: string) => void logged.push(text) }),
    connectors: () => [...states].map(([connectorId, state]) => ({ state, facts: { ...facts, connectorId } })),
    begin: (connectorId, wish, withinMs) => {
      begun.push({ connectorId, wish, withinMs });
      return Promise.resolve(answer);
    },
    end: (connectorId, requestId, by) => void ended.push(`${connectorId} ${requestId} by ${by.kind}`),
    tariffAt: () => (settings.hasTariff === false ? refuse('expired') : ok(tariff)),
    list: () => list,
    streamOf: () => stream,
  });
  desk.start();
  desk.cloudIs(true);
  await time.pass(1000);
  const present = async (number: string) => {
    stream.receive(Buffer.from(`${number}\r\n`));
    await time.pass(0);
  };
  const codes = () => desk.view().denials.map(({ code }) => code);
  return { desk, time, at, is, begun, ended, logged, present, codes };
}

const waits = { reading: plugged };
const charges = (reference: string): Partial<ConnectorState> => ({
  reading: plugged,
  phase: {
    kind: 'checking',
    wish: localWish({ requestId: 'CHARGE', startedBy: { kind: 'card', reference } }),
    receivedMonoMs: 0,
    confirmByMonoMs: 1,
  },
});

describe('ED-10 a card at a reader begins a charge', () => {
  test('at the connector that waits, with its limits, the tariff in force and nobody named', async () => {
    const { is, begun, present, logged } = await site({ list: listOf([entryOf(A, { limits: { energyWh: 9000 } })]) });
    is('B-1', waits);
    await present(A);
    const startedBy = { kind: 'card', reference: cardOf(A).reference };
    const wish = { orderId: null, commandId: null, startedBy, tariff, limits: { energyWh: 9000 }, holdMinor: null };
    expect(begun).toMatchObject([{ connectorId: 'B-1', wish, withinMs: 60_000 }]);
    expect(logged.join('')).toContain('…7650');
    expect(logged.join('')).not.toContain(A);
  });

  test('OP-24 not at one that is reserved for somebody else, and where another waits, there', async () => {
    const reservation = holdOf(reserveCommand(), 60_000, { wallMs: 0, monoMs: 0, bootId: uuid(9), clock: 'trusted' });
    const answer = { code: 'connector.reserved', detail: 'The connector is reserved.' } as const;
    const { is, begun, present, codes, desk } = await site({ answer, list: listOf([entryOf(A), entryOf(B)]) });
    is('A-1', { ...waits, reservation });
    await present(A);
    expect(codes()).toEqual(['connector.reserved']);
    expect(desk.view().denials).toMatchObject([{ place: 'R1', detail: answer.detail }]);
    is('B-1', waits);
    await present(B);
    expect(begun.map(({ connectorId }) => connectorId)).toEqual(['A-1', 'B-1']);
  });

  test('once, however long it lies there, and again when it is presented again', async () => {
    const { is, begun, present, time } = await site();
    is('B-1', waits);
    for (let i = 0; i < 20; i += 1) {
      await present(A);
      await time.pass(200);
    }
    expect(begun.length).toBe(1);
    await time.pass(3000);
    await present(A);
    expect(begun.length).toBe(2);
  });

  test('each of two cards its own', async () => {
    const { is, begun, present } = await site({ list: listOf([entryOf(A), entryOf(B)]), connectorIds: ['A-1'] });
    is('A-1', waits);
    await present(A);
    await present(B);
    expect(begun.map(({ wish }) => wish.startedBy?.reference)).toEqual([cardOf(A).reference, cardOf(B).reference]);
  });

  test('and what the pile answers is told and counted', async () => {
    const answer = { code: 'connector.faulted', detail: 'flood' } as const;
    const { is, present, desk, logged } = await site({ answer });
    is('B-1', waits);
    await present(A);
    expect(desk.view()).toMatchObject({
      denials: [{ ...answer, card: '…7650', place: 'R1', reference: cardOf(A).reference }],
      denialCounts: { 'connector.faulted': 1 },
    });
    expect(logged.join('')).toContain('card is refused');
  });
});

describe('ED-10 a card that begins nothing is told why, and counted', () => {
  test.each<[string, Settings, string, string]>([
    ['nobody has listed it', { list: listOf([]) }, A, 'access.unknown_card'],
    ['it is blocked', { list: listOf([entryOf(A, { blocked: true })]) }, A, 'access.card_blocked'],
    ['there is no list', { list: null }, A, 'access.no_list'],
    ['no tariff is in force', { hasTariff: false }, A, 'tariff.missing'],
  ])('%s', async (_name, settings, number, code) => {
    const { is, begun, present, codes } = await site(settings);
    is('B-1', waits);
    await present(number);
    expect([begun, codes()]).toEqual([[], [code]]);
  });

  test('nothing is plugged in, or more than one vehicle waits', async () => {
    const { is, present, codes, time } = await site();
    await present(A);
    is('A-1', waits);
    is('B-1', waits);
    await time.pass(5000);
    await present(A);
    expect(codes()).toEqual(['access.several_waiting', 'connector.not_plugged']);
  });

  test('the site takes none while the cloud is away, and takes them again when it is back', async () => {
    const { is, begun, present, codes, desk, time } = await site({ access: { ...policy, offline: { cards: 'none' } } });
    is('B-1', waits);
    desk.cloudIs(false);
    await present(A);
    desk.cloudIs(true);
    await time.pass(5000);
    await present(A);
    expect([codes(), begun.length]).toEqual([['access.cloud_away'], 1]);
  });
});

test('ED-10 strangers begin charges only after the cloud has been away for long enough, and within the limits of the site', async () => {
  const limits = { energyWh: 20_000, durationMs: 7_200_000 };
  const { is, begun, present, codes, desk, time } = await site({
    access: { ...policy, offline: { cards: 'all', afterMin: 30, limits } },
  });
  is('B-1', waits);
  desk.cloudIs(false);
  await time.pass(1_800_000);
  desk.cloudIs(false);
  await present(B);
  await time.pass(4000);
  await present(B);
  expect([codes(), begun.map(({ wish }) => wish.limits)]).toEqual([['access.unknown_card'], [limits]]);
});

describe('OP-17 a card at a reader ends a charge', () => {
  test('its own, though it is blocked by now; another card does not', async () => {
    const entries: CardEntry[] = [entryOf(A, { blocked: true }), entryOf(B)];
    const { is, ended, present, codes } = await site({ list: listOf(entries), connectorIds: ['A-1'] });
    is('A-1', charges(cardOf(A).reference));
    await present(B);
    await present(A);
    expect([ended, codes()]).toEqual([['A-1 CHARGE by card'], ['access.not_your_charge']]);
  });

  test("a technician's card ends any though nobody knows the time and the site takes no cards now; one that is blocked does not", async () => {
    const offline: AccessPolicy = { offline: { cards: 'none' }, untrustedClock: 'refuse' };
    const technician = entryOf(B, { kind: 'technician', validUntil: '2026-12-31T00:00:00Z' });
    const { is, at, ended, present, desk } = await site({ access: offline, list: listOf([technician]) });
    at.clock = 'doubtful';
    desk.cloudIs(false);
    is('A-1', charges(cardOf(A).reference));
    await present(B);
    expect(ended).toEqual(['A-1 CHARGE by technician']);
    const other = await site({ list: listOf([{ ...technician, blocked: true }]) });
    other.is('A-1', charges(cardOf(A).reference));
    await other.present(B);
    expect([other.ended, other.codes()]).toEqual([[], ['access.not_your_charge']]);
  });

  test("a technician's card ends any", async () => {
    const { is, ended, present } = await site({ list: listOf([entryOf(B, { kind: 'technician' })]) });
    is('A-1', charges(cardOf(A).reference));
    await present(B);
    expect(ended).toEqual(['A-1 CHARGE by technician']);
  });
});

describe("ED-10 a card at a pile's own reader", () => {
  test('counts when it comes up in the register, not while it stays, and not when nobody had looked', async () => {
    const { is, begun, desk, time } = await site();
    is('A-1', waits);
    for (const now of [A, A, null, null, A, A, 'unknown', A, A] as const) {
      desk.shows('A-1', now);
      await time.pass(4000);
    }
    expect(begun.map(({ connectorId }) => connectorId)).toEqual(['A-1']);
  });

  test('means that pile, whatever waits elsewhere', async () => {
    const { is, begun, desk, codes } = await site();
    is('B-1', waits);
    desk.shows('A-1', null);
    desk.shows('A-1', A);
    expect([begun, codes()]).toEqual([[], ['connector.not_plugged']]);
  });
});

describe('ED-16 ED-10 a technician at the keyboard', () => {
  test('begins a charge without a card and without a tariff, and ends whatever runs', async () => {
    const { is, begun, ended, desk } = await site({ hasTariff: false, list: null });
    is('A-1', waits);
    expect(await desk.beginByHand('A-1', 'wang')).toBeNull();
    const startedBy = { kind: 'technician', reference: 'local:wang' };
    expect(begun).toMatchObject([{ connectorId: 'A-1', wish: { startedBy, tariff: null, limits: {} } }]);
    is('A-1', charges(cardOf(A).reference));
    expect(desk.endByHand('A-1', 'wang')).toBeNull();
    expect(ended).toEqual(['A-1 CHARGE by technician']);
  });

  test('is told what is in the way', async () => {
    const { desk } = await site({ answer: { code: 'connector.offline', detail: 'it does not answer' } });
    expect(await desk.beginByHand('A-1', 'wang')).toBe('connector.offline: it does not answer');
    expect(await desk.beginByHand('Z-1', 'wang')).toBe('no connector Z-1');
    expect(desk.endByHand('A-1', 'wang')).toBe('no charge runs there');
    expect(desk.endByHand('Z-1', 'wang')).toBe('no connector Z-1');
  });

  test('ED-12 follows the policy of the site without a trusted clock, as cards do', async () => {
    const { is, at, begun, desk, present, codes } = await site();
    is('A-1', waits);
    at.clock = 'doubtful';
    expect(await desk.beginByHand('A-1', 'wang')).toContain('does not know the time');
    await present(A);
    expect([begun, codes()]).toEqual([[], ['access.clock_untrusted']]);
  });
});
