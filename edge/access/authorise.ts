import type { CardEntry } from '#shared/access/access-list.ts';
import type { ChargeLimits } from '#shared/charge-limits.ts';
import { type ErrorCode, errorCatalogue } from '#shared/errors.ts';
import type { Stamp } from '#shared/stamp.ts';
import type { NoTariff } from '#shared/tariff/schedule.ts';
import type { LocalUser } from '#shared/wire/cdr.ts';
import type { Refusal } from '../control/answer.ts';
import type { AccessPolicy } from './access-policy.ts';
import type { PresentedCard } from './card-reference.ts';
import type { KnownCards } from './known-cards.ts';

/** A card before a connector, and what is known at that moment. */
export interface Asked {
  readonly card: PresentedCard;
  readonly connectorId: string;
  readonly at: Stamp;
  /** For how long the cloud has been away; null while it is there. */
  readonly cloudAwayMs: number | null;
  /** Why no tariff is in force for the connector now; null when one is. */
  readonly noTariff: NoTariff | null;
}

export interface AccessRules {
  readonly policy: AccessPolicy;
  /** Null: the site has no list. */
  readonly cards: KnownCards | null;
}

export type Verdict =
  | { readonly kind: 'allowed'; readonly by: LocalUser; readonly limits: ChargeLimits }
  | ({ readonly kind: 'denied' } & Required<Refusal>);

type Denied = Extract<Verdict, { kind: 'denied' }>;

/** Denials that only say that nobody knows the card now: a site that is open to all lets it in. */
const NOBODY_KNOWS: ReadonlySet<ErrorCode> = new Set(['access.unknown_card', 'access.no_list', 'access.list_expired']);

export const denied = (code: ErrorCode, detail: string = errorCatalogue[code].en): Denied => ({
  kind: 'denied',
  code,
  detail,
});

const TARIFF_TEXTS: Record<NoTariff, string> = {
  none: 'the schedule has none for this connector',
  'not-yet': 'the first of this connector is not in force yet',
  expired: 'the last of this connector has ended',
};

/** Whether a card may begin a charge here and now, and how far that may go. */
export function authorise(asked: Asked, { policy, cards }: AccessRules): Verdict {
  const { at, cloudAwayMs, card, noTariff } = asked;
  const entry = cards?.byReference.get(card.reference);
  if (entry?.blocked === true) return denied('access.card_blocked');
  if (at.clock !== 'trusted' && policy.untrustedClock === 'refuse') return denied('access.clock_untrusted');
  if (cloudAwayMs !== null && policy.offline.cards === 'none') return denied('access.cloud_away');
  const listed = askList(asked, cards, entry);
  const isOpen = listed.kind === 'denied' && NOBODY_KNOWS.has(listed.code) && isOpenToAll(policy, cloudAwayMs);
  const verdict = isOpen ? stranger(card, policy, entry) : listed;
  if (verdict.kind === 'denied' || verdict.by.kind === 'technician' || noTariff === null) return verdict;
  return denied('tariff.missing', TARIFF_TEXTS[noTariff]);
}

/** Whether a card ends charges that others began. To stop is always safe: neither the clock nor the cloud has a say. */
export function endsAny(
  { card, connectorId, at }: Pick<Asked, 'card' | 'connectorId' | 'at'>,
  cards: KnownCards | null,
): boolean {
  const entry = cards?.byReference.get(card.reference);
  if (entry?.kind !== 'technician' || entry.blocked === true) return false;
  return againstEntry(entry, connectorId, at) === null;
}

function askList({ card, connectorId, at }: Asked, cards: KnownCards | null, entry: CardEntry | undefined): Verdict {
  if (cards === null) return denied('access.no_list');
  const found = entry === undefined ? null : againstEntry(entry, connectorId, at);
  if (found !== null) return found;
  if (at.wallMs >= cards.validUntilMs)
    return denied('access.list_expired', `version ${cards.version} ended ${isoOf(cards.validUntilMs)}`);
  if (entry === undefined) return denied('access.unknown_card');
  return { kind: 'allowed', by: { kind: entry.kind, reference: card.reference }, limits: entry.limits ?? {} };
}

/** What the entry itself says against it. A time that nobody knows is the earliest that it can be: it proves an end, and no begin. */
function againstEntry(entry: CardEntry, connectorId: string, { wallMs, clock }: Stamp): Denied | null {
  const { validFrom, validUntil, connectorIds } = entry;
  if (validUntil !== undefined && wallMs >= Date.parse(validUntil))
    return denied('access.card_expired', `it ended ${validUntil}`);
  if (validFrom !== undefined && clock !== 'none' && wallMs < Date.parse(validFrom))
    return denied('access.card_not_yet_valid', `it begins ${validFrom}`);
  if (connectorIds !== undefined && !connectorIds.includes(connectorId)) return denied('access.wrong_connector');
  return null;
}

const isOpenToAll = ({ offline }: AccessPolicy, cloudAwayMs: number | null): boolean =>
  offline.cards === 'all' && cloudAwayMs !== null && cloudAwayMs > offline.afterMin * 60_000;

function stranger(card: PresentedCard, { offline }: AccessPolicy, entry: CardEntry | undefined): Verdict {
  if (offline.cards !== 'all') return denied('access.unknown_card');
  const limits = tighter(offline.limits, entry?.limits ?? {});
  return { kind: 'allowed', by: { kind: 'card', reference: card.reference }, limits };
}

/** Each limit where both say one: the lower. */
function tighter(a: ChargeLimits, b: ChargeLimits): ChargeLimits {
  const least = (key: keyof ChargeLimits): ChargeLimits => {
    const said = [a[key], b[key]].filter((value) => value !== undefined);
    return said.length === 0 ? {} : { [key]: Math.min(...said) };
  };
  return { ...least('energyWh'), ...least('durationMs'), ...least('amountMinor'), ...least('socPercent') };
}

const isoOf = (ms: number): string => new Date(ms).toISOString();
