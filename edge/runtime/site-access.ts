import type { Logger } from 'pino';
import type { AccessList, CardEntry } from '#shared/access/access-list.ts';
import { maskedCard } from '#shared/access/card-number.ts';
import type { ChargeLimits } from '#shared/charge-limits.ts';
import type { Clock, Timers } from '#shared/clock.ts';
import { errorCatalogue } from '#shared/errors.ts';
import type { Result } from '#shared/result.ts';
import type { Stamp } from '#shared/stamp.ts';
import type { NoTariff } from '#shared/tariff/schedule.ts';
import type { Tariff } from '#shared/tariff/tariff.ts';
import type { LocalUser } from '#shared/wire/cdr.ts';
import { authorise, endsAny, type Verdict } from '../access/authorise.ts';
import { type PresentedCard, presentedCard } from '../access/card-reference.ts';
import { cameUp, type Shown, type Sighting, sight } from '../access/card-sightings.ts';
import { type Denial, Denials } from '../access/denials.ts';
import { type KnownCards, knownCards } from '../access/known-cards.ts';
import { type CardRoute, routeCard } from '../access/route-card.ts';
import { standingOf } from '../access/standing.ts';
import type { SiteConfig } from '../config/site.ts';
import type { SiteDevices } from '../config/site-devices.ts';
import type { Refusal } from '../control/answer.ts';
import type { ChargeWish } from '../control/charge-wish.ts';
import type { ConnectorFacts, ConnectorState } from '../control/connector.ts';
import { type ReaderView, SiteReaders, type SiteReadersParts } from './site-readers.ts';

export interface SiteAccessParts {
  readonly site: Pick<SiteConfig, 'access'>;
  readonly devices: Pick<SiteDevices, 'readers'>;
  /** What card numbers are named by; null where the site takes no cards. */
  readonly cardKey: string | null;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly stamp: () => Stamp;
  readonly newId: () => string;
  readonly log: Logger;
  readonly connectors: () => readonly { readonly state: ConnectorState; readonly facts: ConnectorFacts }[];
  /** Resolves when the pile charges, with null, or with why it does not. */
  readonly begin: (connectorId: string, wish: ChargeWish, withinMs: number) => Promise<Required<Refusal> | null>;
  readonly end: (connectorId: string, requestId: string, by: LocalUser) => void;
  /** What a charge that begins now is billed by. */
  readonly tariffAt: (connectorId: string, atMs: number) => Result<Tariff, NoTariff>;
  /** The list in force; null while there is none. */
  readonly list: () => AccessList | null;
  readonly streamOf?: SiteReadersParts['streamOf'] | undefined;
}

/** Who may charge without asking the cloud, for the technician. Card numbers are masked. */
export interface AccessView {
  readonly version: number | null;
  readonly validUntil: string | null;
  readonly cards: readonly (Omit<CardEntry, 'lastFour'> & { readonly shown: string })[];
  readonly readers: readonly ReaderView[];
  readonly denials: readonly Denial[];
  readonly denialCounts: Readonly<Record<string, number>>;
}

/** As long as an order of the cloud has, where it says nothing else. */
const BEGINS_WITHIN_MS = 60_000;

/** Charges that are begun and ended on site: by cards at a reader or a pile, and by a technician at the keyboard. */
export class SiteAccess {
  readonly #parts: SiteAccessParts;
  readonly #readers: SiteReaders;
  readonly #sightings = new Map<string, Sighting>();
  readonly #shown = new Map<string, Shown>();
  readonly #denials = new Denials();
  /** The list in force, as it was last looked at. */
  #list: AccessList | null = null;
  #known: KnownCards | null = null;
  /** Since when the cloud has been away; null while it is there. Before it is heard of, it is away. */
  #awaySinceMonoMs: number | null;

  constructor(parts: SiteAccessParts) {
    this.#parts = parts;
    this.#awaySinceMonoMs = parts.clock.monoMs();
    this.#readers = new SiteReaders(parts.devices.readers, {
      ...parts,
      onNumber: (readerId, connectorIds, number) => this.#present(number, readerId, connectorIds),
    });
  }

  start(): void {
    this.#readers.start();
  }

  close(): Promise<void> {
    return this.#readers.close();
  }

  cloudIs(isThere: boolean): void {
    if (isThere) this.#awaySinceMonoMs = null;
    else this.#awaySinceMonoMs ??= this.#parts.clock.monoMs();
  }

  /** What the register of a pile's own reader shows at this look. */
  shows(connectorId: string, now: Shown): void {
    const before = this.#shown.get(connectorId);
    this.#shown.set(connectorId, now);
    const number = now === 'unknown' || before === undefined ? null : cameUp(before, now);
    if (number !== null) this.#present(number, connectorId, [connectorId]);
  }

  /** A technician at the keyboard begins a charge, with a tariff or without. Resolves with null, or with why it does not begin. */
  async beginByHand(connectorId: string, name: string): Promise<string | null> {
    const connector = this.#connector(connectorId);
    if (connector === undefined) return `no connector ${connectorId}`;
    const { clock } = this.#parts.stamp();
    if (clock !== 'trusted' && this.#parts.site.access?.untrustedClock === 'refuse')
      return errorCatalogue['access.clock_untrusted'].en;
    const refusal = await this.#begin(connectorId, technician(name), {});
    return refusal === null ? null : `${refusal.code}: ${refusal.detail}`;
  }

  /** A technician at the keyboard ends the charge that runs there. Returns null, or why there is nothing to end. */
  endByHand(connectorId: string, name: string): string | null {
    const connector = this.#connector(connectorId);
    if (connector === undefined) return `no connector ${connectorId}`;
    const { is, charge } = standingOf(connector.state, connector.facts);
    if (is !== 'charging' || charge === null) return 'no charge runs there';
    this.#parts.end(connectorId, charge.requestId, technician(name));
    return null;
  }

  view(): AccessView {
    const list = this.#parts.list();
    return {
      version: list?.version ?? null,
      validUntil: list?.validUntil ?? null,
      cards: (list?.cards ?? []).map(({ lastFour, ...entry }) => ({ ...entry, shown: maskedCard(lastFour) })),
      readers: this.#readers.views(),
      denials: this.#denials.last,
      denialCounts: this.#denials.counts,
    };
  }

  #cards(): KnownCards | null {
    const list = this.#parts.list();
    if (list !== this.#list) this.#known = list === null ? null : knownCards(list);
    this.#list = list;
    return this.#known;
  }

  #connector(connectorId: string) {
    return this.#parts.connectors().find(({ facts }) => facts.connectorId === connectorId);
  }

  #present(number: string, place: string, connectorIds: readonly string[]): void {
    const { cardKey, clock, log } = this.#parts;
    if (cardKey === null) return;
    const card = presentedCard(number, cardKey);
    const { sighting, isPresented } = sight(this.#sightings.get(place) ?? null, card.reference, clock.monoMs());
    this.#sightings.set(place, sighting);
    if (!isPresented) return;
    log.info({ place, card: maskedCard(card.lastFour) }, 'card is presented');
    this.#follow(card, place, this.#route(card, connectorIds));
  }

  #route(card: PresentedCard, connectorIds: readonly string[]): CardRoute {
    const standings = this.#parts
      .connectors()
      .filter(({ facts }) => connectorIds.includes(facts.connectorId))
      .map(({ state, facts }) => standingOf(state, facts));
    const endsAnyAt = connectorIds.filter((connectorId) => this.#endsAny(card, connectorId));
    return routeCard(card.reference, new Set(endsAnyAt), standings);
  }

  #follow(card: PresentedCard, place: string, route: CardRoute): void {
    if (route.kind === 'denied') return this.#deny(card, place, route);
    if (route.kind === 'end') {
      const kind = this.#endsAny(card, route.connectorId) ? 'technician' : 'card';
      return this.#parts.end(route.connectorId, route.requestId, { kind, reference: card.reference });
    }
    const verdict = this.#authorise(card, route.connectorId);
    if (verdict.kind === 'denied') return this.#deny(card, place, verdict);
    void this.#begin(route.connectorId, verdict.by, verdict.limits).then((refusal) => {
      if (refusal !== null) this.#deny(card, place, refusal);
    });
  }

  #endsAny(card: PresentedCard, connectorId: string): boolean {
    return endsAny({ card, connectorId, at: this.#parts.stamp() }, this.#cards());
  }

  #authorise(card: PresentedCard, connectorId: string): Verdict {
    const { site, stamp, clock } = this.#parts;
    if (site.access === undefined) throw new TypeError('a site without access takes no cards');
    const at = stamp();
    const tariff = this.#parts.tariffAt(connectorId, at.wallMs);
    const cloudAwayMs = this.#awaySinceMonoMs === null ? null : clock.monoMs() - this.#awaySinceMonoMs;
    const asked = { card, connectorId, at, cloudAwayMs, noTariff: tariff.ok ? null : tariff.reason };
    return authorise(asked, { policy: site.access, cards: this.#cards() });
  }

  #begin(connectorId: string, by: LocalUser, limits: ChargeLimits): Promise<Required<Refusal> | null> {
    const { begin, newId, stamp, tariffAt } = this.#parts;
    const tariff = tariffAt(connectorId, stamp().wallMs);
    const wish: ChargeWish = {
      orderId: null,
      commandId: null,
      startedBy: by,
      requestId: newId(),
      tariff: tariff.ok ? tariff.value : null,
      limits,
      holdMinor: null,
      reservationId: null,
    };
    return begin(connectorId, wish, BEGINS_WITHIN_MS);
  }

  #deny(card: PresentedCard, place: string, { code, detail }: Required<Refusal>): void {
    const denial = this.#denials.add(card, place, { code, detail }, this.#parts.stamp().wallMs);
    this.#parts.log.warn({ place, card: denial.card, code, detail }, 'card is refused');
  }
}

const MOST_NAME = 58;
const technician = (name: string): LocalUser => ({
  kind: 'technician',
  reference: `local:${name.slice(0, MOST_NAME)}`,
});
