import Database from 'better-sqlite3';
import { seededRandom } from '../../../hardware-sim/faults/random.ts';
import type { PartnerClient } from '../../../scripts/start/partner-client.ts';
import { KEBA_DRIVER } from '../../stand/card-site.ts';
import type { SimulatedStation } from '../../stand/simulated-station.ts';
import { connectorOf } from '../../stand/small-site.ts';
import { look, type Stored } from '../stored.ts';
import { type Asked, Asker } from './asker.ts';
import { oneOf, type SiteName } from './plan.ts';
import { pass } from './supervised.ts';

/** A car that came, charged or not, and left. */
export interface Visit {
  readonly site: SiteName;
  readonly pileId: string;
  readonly begunBy: 'partner' | 'card';
  readonly asked: readonly Asked[];
  /** What a partner was refused at once, leaving nothing behind. */
  readonly refused: readonly string[];
  /** Sessions that the edge has begun meanwhile. */
  readonly sessionIds: readonly string[];
  /** What truly flowed since the visit before. */
  readonly flowedWh: number;
}

/** Where cars come. */
export interface Visited {
  readonly parts: Readonly<Record<SiteName, { readonly isReady: boolean }>>;
  readonly ledgerFile: (site: SiteName) => string;
  readonly station: SimulatedStation;
  readonly partner: Pick<PartnerClient, 'send'>;
}

const LOOK_EVERY_MS = 200;
const PLUGGED_MS = 1000;
const BEGUN_WITHIN_MS = 12_000;
const LONGEST_CHARGE_MS = 4000;
const OVER_WITHIN_MS = 60_000;
const MOST_REFUSALS = 4;
const ASK_AGAIN_MS = 1500;

/** Lets cars come to one pile, one after the other, until it is over. The same seed lets them want the same. */
export class Visitors {
  readonly visits: Visit[] = [];
  readonly #town: Visited;
  readonly #asker: Asker;
  readonly #site: SiteName;
  readonly #pileId: string;
  readonly #random: () => number;
  readonly #isOver: () => boolean;
  #known: Stored['sessions'] = new Map();

  constructor(town: Visited, site: SiteName, pileId: string, seed: number, isOver: () => boolean) {
    this.#town = town;
    this.#asker = new Asker(town.partner);
    this.#site = site;
    this.#pileId = pileId;
    this.#random = seededRandom(seed);
    this.#isOver = isOver;
  }

  async run(): Promise<void> {
    let before = await this.#mark();
    while (!this.#isOver()) {
      const begunBy = oneOf(this.#random, ['partner', 'card'] as const);
      const said = await this.#visit(begunBy);
      const after = await this.#mark();
      this.visits.push({
        site: this.#site,
        pileId: this.#pileId,
        begunBy,
        ...said,
        sessionIds: after.sessionIds.filter((id) => !before.sessionIds.includes(id)),
        flowedWh: after.energyWh - before.energyWh,
      });
      before = after;
    }
  }

  async #mark() {
    await this.#within(OVER_WITHIN_MS, () => this.#town.parts[this.#site].isReady);
    const { energyTruthWh } = await this.#town.station.pile(this.#pileId);
    return { energyWh: energyTruthWh, sessionIds: [...this.#sessions().keys()] };
  }

  /**
   * Of this pile, in the order of the ledger, as long as an edge is at work on it: nobody else may open what a killed one has left.
   */
  #sessions(): Stored['sessions'] {
    if (!this.#town.parts[this.#site].isReady) return this.#known;
    try {
      const stored = look(this.#town.ledgerFile(this.#site)).sessions;
      this.#known = new Map([...stored].filter(([, { connectorId }]) => connectorId === connectorOf(this.#pileId)));
    } catch (error) {
      // Killed between the question and the look.
      if (!(error instanceof Database.SqliteError)) throw error;
    }
    return this.#known;
  }

  #openSession(): string | null {
    return [...this.#sessions()].find(([, { isOpen }]) => isOpen)?.[0] ?? null;
  }

  async #visit(begunBy: 'partner' | 'card'): Promise<Pick<Visit, 'asked' | 'refused'>> {
    const { station } = this.#town;
    const [chargeMs, ending] = [
      this.#upTo(LONGEST_CHARGE_MS),
      oneOf(this.#random, ['stop', 'stop', 'unplug'] as const),
    ];
    await station.vehicle(this.#pileId, { plugged: true, wantsCharge: true, soc: 0.2 });
    await pass(PLUGGED_MS);
    const asked: Asked[] = [];
    const refused: string[] = [];
    const start = begunBy === 'partner' ? await this.#askStart(refused) : null;
    if (start !== null) asked.push(start);
    if (begunBy === 'card') await this.#showCard();
    await this.#within(BEGUN_WITHIN_MS, () => this.#openSession() !== null);
    await station.showCard(this.#pileId, null);
    await pass(chargeMs);
    const stop =
      start !== null && ending === 'stop' ? await this.#asker.ask('stop', { order_id: start.orderId }, refused) : null;
    if (stop !== null) asked.push(stop);
    if (start === null || ending === 'unplug') await station.vehicle(this.#pileId, { plugged: false });
    await this.#untilOver(asked);
    return { asked: await this.#asker.outcomesOf(asked), refused };
  }

  #upTo(most: number): number {
    return Math.floor(this.#random() * most);
  }

  async #showCard(): Promise<void> {
    await this.#town.station.showCard(this.#pileId, KEBA_DRIVER);
  }

  /** A start that is refused, for one because the site is off line, is asked for anew some times. */
  async #askStart(refused: string[]): Promise<Asked | null> {
    for (let tries = 0; tries < MOST_REFUSALS; tries += 1) {
      const asked = await this.#asker.ask('start', { connector_id: connectorOf(this.#pileId) }, refused);
      if (asked !== null) return asked;
      await pass(ASK_AGAIN_MS);
    }
    return null;
  }

  /** The car leaves when its charge is over, and everything that was asked has its outcome; or after a while all the same. */
  async #untilOver(asked: readonly Asked[]): Promise<void> {
    const { station } = this.#town;
    const isOff = async () => this.#openSession() === null && !(await station.pile(this.#pileId)).contactorClosed;
    const isAnswered = async () => (await this.#asker.outcomesOf(asked)).every(({ outcome }) => outcome !== null);
    await this.#within(OVER_WITHIN_MS, async () => (await isOff()) && (await isAnswered()));
    await station.vehicle(this.#pileId, { plugged: false });
    // Without a car nothing flows, but the edge may have to be started again before it has said so.
    await this.#within(OVER_WITHIN_MS, isOff);
  }

  async #within(withinMs: number, holds: () => boolean | Promise<boolean>): Promise<void> {
    const untilMs = performance.now() + withinMs;
    while (performance.now() < untilMs && !(await holds())) await pass(LOOK_EVERY_MS);
  }
}
