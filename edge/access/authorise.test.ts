import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type CardEntry, cardKinds } from '#shared/access/access-list.ts';
import { clockQualities, type Stamp } from '#shared/stamp.ts';
import type { AccessPolicy } from './access-policy.ts';
import { type AccessRules, type Asked, authorise, endsAny } from './authorise.ts';
import { knownCards } from './known-cards.ts';
import { askedOf, cardOf, entryOf, listedOnly, listOf, NOW_MS } from './testing.ts';

const NUMBER = 'D4CD7650';
const openToAll: AccessPolicy = {
  offline: { cards: 'all', afterMin: 30, limits: { energyWh: 20_000, durationMs: 7_200_000 } },
  untrustedClock: 'refuse',
};
const rulesOf = (entry: Partial<CardEntry> | null, policy: AccessPolicy = listedOnly): AccessRules => ({
  policy,
  cards: knownCards(listOf(entry === null ? [] : [entryOf(NUMBER, entry)])),
});
const stampAt = (wallMs: number, clock: Stamp['clock'] = 'trusted') => ({
  at: { ...askedOf(NUMBER).at, wallMs, clock },
});
const ask = (rules: AccessRules, change: Partial<Asked> = {}) => authorise(askedOf(NUMBER, change), rules);
const codeOf = (rules: AccessRules, change: Partial<Asked> = {}) => {
  const verdict = ask(rules, change);
  return verdict.kind === 'denied' ? verdict.code : verdict.by.kind;
};

test('ED-10 a listed card may charge, within its own limits, and is told by its reference', () => {
  const verdict = ask(rulesOf({ limits: { energyWh: 5000 } }));
  const by = { kind: 'card', reference: cardOf(NUMBER).reference };
  expect(verdict).toEqual({ kind: 'allowed', by, limits: { energyWh: 5000 } });
});

describe('ED-10 a card that may not charge is told why', () => {
  test.each<[string, AccessRules, Partial<Asked>, string]>([
    ['nobody has listed it', rulesOf(null), {}, 'access.unknown_card'],
    ['it is blocked', rulesOf({ blocked: true }), {}, 'access.card_blocked'],
    ['there is no list', { policy: listedOnly, cards: null }, {}, 'access.no_list'],
    ['it is for another connector', rulesOf({ connectorIds: ['P2-1'] }), {}, 'access.wrong_connector'],
    ['no tariff is known', rulesOf({}), { noTariff: 'expired' }, 'tariff.missing'],
    [
      'the cloud is away and the site takes none then',
      rulesOf({}, { ...listedOnly, offline: { cards: 'none' } }),
      { cloudAwayMs: 0 },
      'access.cloud_away',
    ],
  ])('%s', (_name, rules, change, code) => {
    expect(codeOf(rules, change)).toBe(code);
  });

  test('a site that takes none offline takes the listed ones while the cloud is there', () => {
    expect(codeOf(rulesOf({}, { ...listedOnly, offline: { cards: 'none' } }))).toBe('card');
  });

  test('it is for this connector among others', () => {
    expect(codeOf(rulesOf({ connectorIds: ['P2-1', 'P1-1'] }))).toBe('card');
  });
});

describe('ED-10 times hold to the instant', () => {
  const ends = { validUntil: '2026-03-02T00:00:00Z' };
  const begins = { validFrom: '2026-03-02T08:00:00+08:00' };
  const listEnd = Date.parse('2026-04-01T00:00:00Z');
  test.each<[string, Partial<CardEntry>, number, string]>([
    ['just before its end', ends, NOW_MS - 1, 'card'],
    ['at its end', ends, NOW_MS, 'access.card_expired'],
    ['just before its begin', begins, NOW_MS - 1, 'access.card_not_yet_valid'],
    ['at its begin', begins, NOW_MS, 'card'],
    ["just before the list's end", {}, listEnd - 1, 'card'],
    ["at the list's end", {}, listEnd, 'access.list_expired'],
    ["blocked, after the list's end", { blocked: true }, listEnd, 'access.card_blocked'],
  ])('%s', (_name, entry, wallMs, verdict) => {
    expect(codeOf(rulesOf(entry), stampAt(wallMs))).toBe(verdict);
  });
});

test("ED-10 a technician's card charges without a tariff", () => {
  expect(codeOf(rulesOf({ kind: 'technician' }), { noTariff: 'expired' })).toBe('technician');
});

describe('ED-10 a site that is open to all while the cloud is away', () => {
  const strange = rulesOf(null, openToAll);
  const halfHour = 1_800_000;
  test.each<[string, AccessRules, Partial<Asked>, string]>([
    ['the cloud is there', strange, {}, 'access.unknown_card'],
    ['away just not long enough', strange, { cloudAwayMs: halfHour }, 'access.unknown_card'],
    ['away long enough', strange, { cloudAwayMs: halfHour + 1 }, 'card'],
    ['without any list', { ...strange, cards: null }, { cloudAwayMs: halfHour + 1 }, 'card'],
    [
      'blocked all the same',
      rulesOf({ blocked: true }, openToAll),
      { cloudAwayMs: halfHour + 1 },
      'access.card_blocked',
    ],
    [
      'expired all the same',
      rulesOf({ validUntil: '2026-03-01T00:00:00Z' }, openToAll),
      { cloudAwayMs: halfHour + 1 },
      'access.card_expired',
    ],
    ['no price, no charge', strange, { cloudAwayMs: halfHour + 1, noTariff: 'none' }, 'tariff.missing'],
  ])('%s', (_name, rules, change, verdict) => {
    expect(codeOf(rules, change)).toBe(verdict);
  });

  test('what a stranger may take is what the site says, and never more than its entry in an old list says', () => {
    const away = { cloudAwayMs: halfHour + 1 };
    const limits = { energyWh: 20_000, durationMs: 7_200_000 };
    expect(ask(strange, away)).toMatchObject({ kind: 'allowed', limits });
    const old = rulesOf({ kind: 'technician', limits: { energyWh: 9000, socPercent: 80 } }, openToAll);
    const verdict = ask(old, { ...away, ...stampAt(Date.parse('2026-05-01T00:00:00Z')) });
    const tight = { energyWh: 9000, durationMs: 7_200_000, socPercent: 80 };
    expect(verdict).toMatchObject({ kind: 'allowed', by: { kind: 'card' }, limits: tight });
  });
});

describe('ED-12 without a trusted clock the policy of the site decides', () => {
  const allowing: AccessPolicy = { ...listedOnly, untrustedClock: 'allow' };
  test.each<[AccessPolicy, Partial<CardEntry>, Stamp['clock'], string]>([
    [listedOnly, {}, 'none', 'access.clock_untrusted'],
    [listedOnly, {}, 'doubtful', 'access.clock_untrusted'],
    [allowing, {}, 'none', 'card'],
    [allowing, { validUntil: '2026-03-01T00:00:00Z' }, 'none', 'access.card_expired'],
    [allowing, { validFrom: '2026-03-03T00:00:00Z' }, 'none', 'card'],
    [allowing, { validFrom: '2026-03-03T00:00:00Z' }, 'doubtful', 'access.card_not_yet_valid'],
  ])('%j, %j, a clock that is %s: %s', (policy, entry, clock, verdict) => {
    expect(codeOf(rulesOf(entry, policy), stampAt(NOW_MS, clock))).toBe(verdict);
  });
});

describe("OP-17 a technician's card ends charges of others", () => {
  const ends = (entry: Partial<CardEntry>, change: Partial<Asked> = {}) =>
    endsAny(askedOf(NUMBER, change), rulesOf({ kind: 'technician', ...entry }).cards);

  test('whatever the site says of charges that begin: without the cloud, the time or a tariff, and by an old list', () => {
    expect(ends({})).toBe(true);
    expect(ends({}, { ...stampAt(NOW_MS, 'none'), cloudAwayMs: 1e9, noTariff: 'none' })).toBe(true);
    expect(ends({}, stampAt(Date.parse('2026-05-01T00:00:00Z')))).toBe(true);
  });

  test.each<[string, Partial<CardEntry>]>([
    ['that is blocked', { blocked: true }],
    ['that has expired', { validUntil: '2026-03-02T00:00:00Z' }],
    ['for another connector', { connectorIds: ['P2-1'] }],
    ['of a driver', { kind: 'card' }],
  ])('but not one %s', (_name, entry) => {
    expect(ends(entry)).toBe(false);
  });
});

const policies = fc.record<AccessPolicy>({
  offline: fc.constantFrom<AccessPolicy['offline']>({ cards: 'none' }, { cards: 'listed' }, openToAll.offline),
  untrustedClock: fc.constantFrom('refuse', 'allow'),
});
const instants = fc.integer({ min: 0, max: 120 }).map((day) => new Date(NOW_MS + day * 86_400_000).toISOString());
const entries = fc.record(
  {
    kind: fc.constantFrom(...cardKinds),
    blocked: fc.boolean(),
    validFrom: instants,
    limits: fc.constant({ energyWh: 100 }),
  },
  { requiredKeys: ['kind'] },
);
const situations = fc.record({
  wallMs: fc.integer({ min: NOW_MS - 86_400_000, max: NOW_MS + 120 * 86_400_000 }),
  clock: fc.constantFrom(...clockQualities),
  cloudAwayMs: fc.option(fc.integer({ min: 0, max: 10_000_000 })),
  noTariff: fc.constantFrom(null, 'none' as const, 'expired' as const),
});

test('ED-10 whatever the list, the policy and the clock: blocked is out, strangers are limited, and only technicians charge unpriced', () => {
  fc.assert(
    fc.property(fc.option(entries), policies, situations, (entry, policy, { wallMs, clock, cloudAwayMs, noTariff }) => {
      const verdict = ask(rulesOf(entry, policy), { ...stampAt(wallMs, clock), cloudAwayMs, noTariff });
      if (entry?.blocked === true) expect(verdict).toMatchObject({ kind: 'denied', code: 'access.card_blocked' });
      if (verdict.kind === 'denied') return;
      expect(policy.untrustedClock === 'allow' || clock === 'trusted').toBe(true);
      expect(noTariff === null || verdict.by.kind === 'technician').toBe(true);
      expect(cloudAwayMs === null || policy.offline.cards !== 'none').toBe(true);
      const isKnown = entry !== null && wallMs < Date.parse('2026-04-01T00:00:00Z');
      if (!isKnown) expect(verdict).toMatchObject({ by: { kind: 'card' }, limits: { durationMs: 7_200_000 } });
      if (entry?.limits !== undefined) expect(verdict.limits.energyWh).toBe(100);
    }),
    { numRuns: 2000 },
  );
});
