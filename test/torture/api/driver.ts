import { type Random, seededRandom } from '../../../hardware-sim/faults/random.ts';
import { connectorOf } from '../../stand/small-site.ts';
import { ASK_EVERY_MS, type Asked, Asker } from '../sync/asker.ts';
import { pass } from '../sync/supervised.ts';
import type { Visit } from '../sync/visits.ts';
import { type Block, SITE } from './block.ts';
import type { Hands } from './hands.ts';
import type { Sight } from './sight.ts';
import { planWish, type Wish } from './wishes.ts';

const PLUGGED_MS = 400;
const BEGUN_WITHIN_MS = 10_000;
const OVER_WITHIN_MS = 60_000;
const HELD_WITHIN_MS = 15_000;
const MOST_REFUSALS = 6;
const ASK_AGAIN_MS = 500;
/** The shortest reservation that there may be, a little more for what the request takes, and for what comes after its end. */
const RESERVED_MS = 61_000;
const RUN_OUT_WITHIN_MS = RESERVED_MS + 15_000;
const SURELY_RESERVED_MS = 120_000;

/** Where drivers come. */
export interface Place {
  readonly block: Block;
  readonly hands: Hands;
  readonly sight: Sight;
  /** When no more of them come. */
  readonly untilMs: number;
}

/** Lets drivers come to one pile, one after the other, until it is over. The same seed lets them want the same. */
export class Drivers {
  readonly visits: Visit[] = [];
  readonly #place: Place;
  readonly #pileId: string;
  readonly #connectorId: string;
  readonly #random: Random;
  readonly #asker: Asker;
  readonly #isOver: () => boolean;
  /** Of the visit that is under way. */
  #asked: Asked[] = [];
  #refused: string[] = [];

  constructor(place: Place, pileId: string, seed: number, isOver: () => boolean) {
    this.#place = place;
    this.#pileId = pileId;
    this.#connectorId = connectorOf(pileId);
    this.#random = seededRandom(seed);
    this.#asker = new Asker(place.hands);
    this.#isOver = isOver;
  }

  async run(): Promise<void> {
    let before = await this.#mark();
    while (!this.#isOver()) {
      const mayRunOut = performance.now() + RUN_OUT_WITHIN_MS < this.#place.untilMs;
      await this.#visit(planWish(this.#random, mayRunOut));
      const after = await this.#mark();
      this.visits.push({
        site: SITE,
        pileId: this.#pileId,
        begunBy: 'partner',
        asked: await this.#asker.outcomesOf(this.#asked),
        refused: this.#refused,
        sessionIds: after.sessionIds.filter((id) => !before.sessionIds.includes(id)),
        flowedWh: after.energyWh - before.energyWh,
      });
      before = after;
    }
  }

  async #mark() {
    await within(OVER_WITHIN_MS, () => this.#place.sight.lookAgain());
    const { energyTruthWh } = await this.#place.block.station.pile(this.#pileId);
    const sessionIds = this.#place.sight.sessionsAt(this.#connectorId).map(([id]) => id);
    return { energyWh: energyTruthWh, sessionIds };
  }

  async #visit(wish: Wish): Promise<void> {
    this.#asked = [];
    this.#refused = [];
    const reservationId = wish.reservation === 'none' ? null : await this.#reserve(wish);
    if (wish.reservation === 'none' || (wish.reservation === 'used' && reservationId !== null))
      await this.#charge(wish, reservationId);
    // Whatever has become of the start: what is still reserved keeps others away.
    if (reservationId !== null && wish.reservation === 'used') await this.#giveBack(reservationId);
    await this.#untilOver();
  }

  /** @returns the reservation that holds; null: none does, or not any more */
  async #reserve({ reservation, holdMs }: Wish): Promise<string | null> {
    const forMs = reservation === 'run-out' ? RESERVED_MS : SURELY_RESERVED_MS;
    const reserved = await this.#askUntilTaken('reserve', () => ({
      connector_id: this.#connectorId,
      until: new Date(Date.now() + forMs).toISOString(),
    }));
    const id = reserved?.reservationId ?? null;
    if (id === null) return null;
    if (reservation !== 'taken-back')
      await within(HELD_WITHIN_MS, async () => (await this.#stateOf(id)) !== 'requested');
    await pass(holdMs);
    if (reservation === 'used' && (await this.#stateOf(id)) === 'active') return id;
    if (reservation === 'run-out') await within(RUN_OUT_WITHIN_MS, async () => (await this.#stateOf(id)) !== 'active');
    await this.#giveBack(id);
    return null;
  }

  /** Null: nobody has answered. */
  async #stateOf(reservationId: string): Promise<string | null> {
    const reply = await this.#asker.call('GET', `/v1/reservations/${reservationId}`);
    return reply?.status === 200 ? String(reply.body.state) : null;
  }

  async #giveBack(reservationId: string): Promise<void> {
    const state = await this.#stateOf(reservationId);
    if (state === null || state === 'requested' || state === 'active')
      await this.#ask('cancel-reservation', { reservation_id: reservationId });
  }

  async #charge(wish: Wish, reservationId: string | null): Promise<void> {
    const { station } = this.#place.block;
    await station.vehicle(this.#pileId, { plugged: true, wantsCharge: true, soc: 0.2 });
    await pass(PLUGGED_MS);
    const body = {
      connector_id: this.#connectorId,
      ...(reservationId !== null && { reservation_id: reservationId }),
    };
    const start = await this.#askUntilTaken('start', () => body);
    if (!wish.isHasty) await within(start === null ? 0 : BEGUN_WITHIN_MS, () => this.#isCharging());
    await pass(wish.chargeMs);
    if (start !== null) await this.#end(wish, start);
  }

  async #end({ ending }: Wish, { orderId }: Asked): Promise<void> {
    const stop = () => this.#ask('stop', { order_id: orderId });
    const unplug = () => this.#place.block.station.vehicle(this.#pileId, { plugged: false });
    if (ending === 'two-stops') await Promise.all([stop(), stop()]);
    else if (ending === 'stop-and-unplug') await Promise.all([unplug(), stop()]);
    else await (ending === 'stop' ? stop() : unplug());
  }

  async #ask(kind: Asked['kind'], body: object): Promise<Asked | null> {
    const asked = await this.#asker.ask(kind, body, this.#refused);
    if (asked !== null) this.#asked.push(asked);
    return asked;
  }

  /** What is refused, for one because the site is off line, is asked for anew some times, but not while somebody else charges. */
  async #askUntilTaken(kind: 'start' | 'reserve', body: () => object): Promise<Asked | null> {
    for (let tries = 0; tries < MOST_REFUSALS && !this.#isCharging(); tries += 1) {
      const asked = await this.#ask(kind, body());
      if (asked !== null) return asked;
      await pass(ASK_AGAIN_MS);
    }
    return null;
  }

  #isCharging(): boolean {
    return this.#place.sight.sessionsAt(this.#connectorId).some(([, { isOpen }]) => isOpen);
  }

  /** The car leaves when everything that was asked has its outcome, or after a while all the same: a rival may charge it. */
  async #untilOver(): Promise<void> {
    const { block, sight } = this.#place;
    await within(OVER_WITHIN_MS, async () =>
      (await this.#asker.outcomesOf(this.#asked)).every(({ outcome }) => outcome !== null),
    );
    await block.station.vehicle(this.#pileId, { plugged: false });
    // Without a car nothing flows, but the edge may have to be started again before it has said so.
    await within(
      OVER_WITHIN_MS,
      async () => sight.lookAgain() && !this.#isCharging() && !(await sight.isClosed(this.#pileId)),
    );
  }
}

async function within(withinMs: number, holds: () => boolean | Promise<boolean>): Promise<void> {
  const untilMs = performance.now() + withinMs;
  while (performance.now() < untilMs && !(await holds())) await pass(ASK_EVERY_MS);
}
