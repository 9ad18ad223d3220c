import type { NetworkChange } from '../../hardware-sim/network/changes.ts';
import type { LogLine } from '../stand/edge-process.ts';
import type { Truth } from '../stand/simulated-station.ts';
import { connectorOf } from '../stand/small-site.ts';
import { pass, type Stand, until } from '../stand/stand.ts';

/** One stretch of a run, on the simulator's clock: what was done to the site in it is its name. */
export interface Stage {
  readonly name: string;
  readonly fromMonoMs: number;
  readonly toMonoMs: number;
}

/** What a run did and saw. */
export interface RunStory {
  readonly before: Truth;
  readonly after: Truth;
  readonly stages: readonly Stage[];
  readonly changes: readonly NetworkChange[];
  /** Of all lives of the edge. */
  readonly log: readonly LogLine[];
  /** Piles that a technician had to reset, in order. */
  readonly resets: readonly string[];
  /** Piles whose charges were broken off on purpose, by fault or by hand. */
  readonly disturbed: ReadonlySet<string>;
}

/** From the plug to the order. A box whose register begins again with each plug has been looked at twice by then. */
const DRIVER_TAKES_MS = 5000;
const CHARGING_WITHIN_MS = 120_000;
const OUTCOME_WITHIN_MS = 120_000;
const SETTLED_WITHIN_MS = 120_000;

/** Acts on a stand, stage by stage, and keeps what is needed to judge it. */
export class PowerRun {
  readonly stand: Stand;
  readonly #before: Truth;
  readonly #stages: Stage[] = [];
  readonly #disturbed = new Set<string>();
  readonly #log: LogLine[] = [];
  readonly #resets: string[] = [];

  private constructor(stand: Stand, before: Truth) {
    this.stand = stand;
    this.#before = before;
  }

  static async begin(stand: Stand): Promise<PowerRun> {
    return new PowerRun(stand, await stand.station.truth());
  }

  /** Does something to the site; what happens from its beginning to the next stage is told under its name. */
  async stage(name: string, act: () => Promise<unknown>): Promise<void> {
    const { nowMonoMs: fromMonoMs } = await this.stand.station.truth();
    await act();
    const { nowMonoMs: toMonoMs } = await this.stand.station.truth();
    this.#stages.push({ name, fromMonoMs, toMonoMs });
  }

  /** Plugs cars in and starts their charges, all at once; waits until all of them have started. @throws when one does not */
  async charge(pileIds: readonly string[]): Promise<void> {
    await Promise.all(pileIds.map((pileId) => this.stand.plug(pileId)));
    await pass(DRIVER_TAKES_MS);
    await Promise.all(pileIds.map((pileId) => this.#start(pileId)));
  }

  /** A start for which there is no power is said again, as a driver would. */
  async #start(pileId: string): Promise<void> {
    const untilMs = performance.now() + CHARGING_WITHIN_MS;
    for (;;) {
      const start = this.stand.start(pileId, { ttlMs: OUTCOME_WITHIN_MS });
      const { status, code, detail } = await this.stand.outcome(start, OUTCOME_WITHIN_MS);
      if (status === 'done') return;
      if (code !== 'site.no_power' || performance.now() > untilMs)
        throw new Error(`the start at ${pileId} has failed: ${code} ${detail}`);
    }
  }

  /** Takes cars away, stops what runs, and says that it was meant. */
  async leave(pileIds: readonly string[]): Promise<void> {
    for (const pileId of pileIds) {
      this.#disturbed.add(pileId);
      await this.stand.station.vehicle(pileId, { plugged: false });
    }
    await Promise.all(pileIds.map((pileId) => this.stand.status(pileId, 'available')));
  }

  disturb(...pileIds: string[]): void {
    for (const pileId of pileIds) this.#disturbed.add(pileId);
  }

  /** Charges again where a disturbance has ended a charge; a technician resets what it has latched. */
  async chargeAgain(pileIds: readonly string[] = this.stand.pileIds): Promise<void> {
    const { stand } = this;
    await until('the edge is heard', CHARGING_WITHIN_MS, () => stand.isHeard);
    const settled = ['charging', 'plugged', 'available', 'faulted'];
    const idle: string[] = [];
    for (const pileId of pileIds) {
      const status = await until(`${pileId} is at rest or charges`, CHARGING_WITHIN_MS, () => {
        const seen = stand.view(pileId)?.status ?? '';
        return settled.includes(seen) && seen;
      });
      if (status === 'charging') continue;
      idle.push(pileId);
      await stand.station.vehicle(pileId, { plugged: false });
      if (status === 'faulted') {
        this.#resets.push(pileId);
        await stand.pilectl('reset', connectorOf(pileId));
      }
      await stand.status(pileId, 'available');
    }
    await this.charge(idle);
  }

  /** A load of the house beside its walk, the same on every phase. */
  async oven(currentA: number): Promise<void> {
    await this.stand.station.load('site', {
      kind: 'constant',
      loadId: 'oven',
      currentsA: [currentA, currentA, currentA],
    });
  }

  /** @param downMs how long it stays away */
  async kill(downMs: number): Promise<void> {
    await this.stand.edge.kill('SIGKILL');
    this.#log.push(...this.stand.edge.log);
    await pass(downMs);
    await this.stand.restart();
  }

  /** Stops every charge, and waits until all of them are on record. */
  async end(): Promise<RunStory> {
    const { stand } = this;
    const open = new Set(stand.cloud.recordsOf('session.started').map(({ sessionId }) => sessionId));
    for (const { sessionId } of stand.cdrs()) open.delete(sessionId);
    const running = stand.cloud.recordsOf('session.started').filter(({ sessionId }) => open.has(sessionId));
    for (const { pileId } of running) stand.stop(pileId);
    await until('every charge is on record', SETTLED_WITHIN_MS, () => {
      const ended = new Set(stand.cdrs().map(({ sessionId }) => sessionId));
      return stand.cloud.recordsOf('session.started').every(({ sessionId }) => ended.has(sessionId));
    });
    await until('nothing flows any more', SETTLED_WITHIN_MS, async () =>
      (await stand.station.truth()).piles.every(({ powerW }) => powerW === 0),
    );
    const { changes } = await stand.station.changes(0);
    return {
      before: this.#before,
      after: await stand.station.truth(),
      stages: this.#stages,
      changes,
      log: [...this.#log, ...stand.edge.log],
      disturbed: this.#disturbed,
      resets: this.#resets,
    };
  }
}
