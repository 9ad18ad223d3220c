import type { EdgeProcess } from '../stand/edge-process.ts';
import type { Truth } from '../stand/simulated-station.ts';
import { connectorOf } from '../stand/small-site.ts';
import { pass, type Stand, until } from '../stand/stand.ts';
import type { Ending, Kill, RoundPlan } from './kill-plan.ts';
import { lookAtRemains } from './stored.ts';

/** What a round did and saw: the ground for its judgement. */
export interface RoundStory {
  readonly plan: RoundPlan;
  readonly before: Truth;
  readonly after: Truth;
  /** How far the clock of edge and stamps is ahead of the simulator's. */
  readonly clockAheadMs: number;
  /** Command and pile of every start. */
  readonly starts: ReadonlyMap<string, string>;
  readonly stops: readonly string[];
  /** Sessions that were on disk at a kill, and whether they were open at one. */
  readonly seenAtKills: ReadonlyMap<string, { readonly wasOpen: boolean }>;
  /** Stores that a kill left damaged. */
  readonly damaged: readonly string[];
  /** Every command got its outcome, and every session its end, in time. */
  readonly isSettled: boolean;
}

/** A moment that does not come is not waited for: some other one is as good. */
const MOMENT_WITHIN_MS = 4000;
const SETTLED_WITHIN_MS = 120_000;
const READY_WITHIN_MS = 60_000;
const LOOK_EVERY_MS = 100;
/** What a pile that was cut off from power needs to be heard again. */
const POWER_OFF_MS = 2500;

/** Acts a plan out on a stand: charges at every pile, and kills over them, until everything has come to its end. */
export async function actOut(stand: Stand, plan: RoundPlan): Promise<RoundStory> {
  await prepare(stand);
  const before = await stand.station.truth();
  const act = new Act(stand, plan);
  await act.run();
  const after = await stand.station.truth();
  return { plan, before, after, clockAheadMs: nowMonoMs() - after.nowMonoMs, ...act.seen };
}

const nowMonoMs = () => Number(process.hrtime.bigint()) / 1e6;

/** Every car is plugged in and wants to charge, and the edge has seen it. */
async function prepare(stand: Stand): Promise<void> {
  for (const pileId of stand.pileIds) {
    await stand.station.vehicle(pileId, { plugged: false });
    await stand.station.vehicle(pileId, { plugged: true, wantsCharge: true, soc: 0.2 });
  }
  for (const pileId of stand.pileIds) {
    await until(`${pileId} is plugged`, READY_WITHIN_MS, async () => {
      const view = stand.view(pileId);
      if (stand.isHeard && view?.status === 'plugged' && view.faults.length === 0) return true;
      // A latch is a finding only where nothing has earned it; it must not keep the next round from charging.
      if (view?.status === 'faulted') await stand.pilectl('reset', connectorOf(pileId));
      return false;
    });
  }
}

class Act {
  readonly #stand: Stand;
  readonly #plan: RoundPlan;
  readonly #starts = new Map<string, string>();
  readonly #stops: string[] = [];
  readonly #seenAtKills = new Map<string, { wasOpen: boolean }>();
  readonly #damaged: string[] = [];
  readonly #faults: string[] = [];
  #isOver = false;
  #hasSettled = false;

  constructor(stand: Stand, plan: RoundPlan) {
    this.#stand = stand;
    this.#plan = plan;
  }

  get seen(): Omit<RoundStory, 'plan' | 'before' | 'after' | 'clockAheadMs'> {
    return {
      starts: this.#starts,
      stops: this.#stops,
      seenAtKills: this.#seenAtKills,
      damaged: this.#damaged,
      isSettled: this.#hasSettled,
    };
  }

  async run(): Promise<void> {
    const people = Object.keys(this.#plan.piles).map((pileId) => this.#ask(pileId));
    for (const [n, kill] of this.#plan.kills.entries()) await this.#kill(kill, n);
    this.#stand.cloud.isAcknowledging = true;
    await this.#stand.edge.ready;
    this.#isOver = true;
    await Promise.all(people);
    const untilMs = nowMonoMs() + SETTLED_WITHIN_MS;
    while (!this.#isSettled() && nowMonoMs() < untilMs) await pass(LOOK_EVERY_MS);
    this.#hasSettled = this.#isSettled();
    for (const faultId of this.#faults) await this.#stand.station.clear(faultId);
  }

  /** What the partner says about one pile. */
  async #ask(pileId: string): Promise<void> {
    const { startAfterMs, ending } = this.#planOf(pileId);
    await pass(startAfterMs);
    const start = this.#stand.start(pileId);
    this.#starts.set(start, pileId);
    if (ending.kind === 'cancel') {
      await pass(ending.afterMs);
      this.#stand.cloud.cancel(start);
    }
    const outcome = await this.#stand.outcome(start, SETTLED_WITHIN_MS);
    if (outcome.status === 'failed') return;
    if (ending.kind === 'stop') await pass(ending.afterMs);
    // A charge that something else ends is stopped as well when that has had its time.
    else await until('the kills are over', SETTLED_WITHIN_MS, () => this.#isOver);
    this.#stops.push(this.#stand.stop(pileId));
  }

  #planOf(pileId: string) {
    const plan = this.#plan.piles[pileId];
    if (plan === undefined) throw new TypeError(`nothing is planned for ${pileId}`);
    return plan;
  }

  async #kill({ moment, afterMs, downMs, isAcknowledging }: Kill, n: number): Promise<void> {
    const { cloud } = this.#stand;
    cloud.isAcknowledging = isAcknowledging;
    const { edge } = this.#stand;
    await this.#untilMoment(edge, moment);
    await pass(afterMs);
    await edge.kill('SIGKILL');
    this.#lookAtRemains();
    for (const [pileId, { ending }] of Object.entries(this.#plan.piles))
      if ('inDowntime' in ending && ending.inDowntime === n) await this.#strike(pileId, ending);
    await pass(downMs);
    this.#stand.begin();
  }

  /** A life that is not killed while it boots is given its time from when it is ready, however long that takes. */
  async #untilMoment(edge: EdgeProcess, moment: Kill['moment']): Promise<void> {
    const { cloud } = this.#stand;
    if (moment.on === 'boot') return;
    if (moment.on === 'time') return await edge.ready;
    const come = new Promise<void>((resolve) => {
      if (moment.on === 'batch') cloud.onHeard = (kind) => void (kind === 'batch' && resolve());
      else edge.onLog = (line) => void (line.msg === 'connector changes' && line.to === moment.to && resolve());
    });
    await Promise.race([come, edge.ready.then(() => pass(MOMENT_WITHIN_MS))]);
  }

  #lookAtRemains(): void {
    const stored = lookAtRemains(this.#stand.ledgerFile);
    if (stored === null) return;
    if (stored.quickCheck !== 'ok') this.#damaged.push(stored.quickCheck);
    for (const [sessionId, { isOpen }] of stored.sessions) {
      const wasOpen = this.#seenAtKills.get(sessionId)?.wasOpen ?? false;
      this.#seenAtKills.set(sessionId, { wasOpen: wasOpen || isOpen });
    }
  }

  /** What happens to a charge while nobody watches. */
  async #strike(pileId: string, { kind }: Ending): Promise<void> {
    const { station } = this.#stand;
    switch (kind) {
      case 'unplugged':
        await station.vehicle(pileId, { plugged: false });
        return;
      case 'full':
        await station.vehicle(pileId, { wantsCharge: false });
        return;
      case 'emergency-stop':
        this.#faults.push(await station.fault(`piles/${pileId}`, { kind }));
        return;
      case 'power-cycle':
        await station.powerCycle(pileId, POWER_OFF_MS);
    }
  }

  /** Every command has its outcome, no session is open, and the cloud has everything. */
  #isSettled(): boolean {
    const { cloud } = this.#stand;
    const commands = [...this.#starts.keys(), ...this.#stops];
    if (!this.#stand.isHeard || commands.some((id) => cloud.outcomesOf(id).length === 0)) return false;
    const ended = new Set(this.#stand.cdrs().map(({ sessionId }) => sessionId));
    const begun = cloud.recordsOf('session.started').map(({ sessionId }) => sessionId);
    const isQuiet = cloud.state?.connectors.every(({ sessionId }) => sessionId === null) ?? false;
    return isQuiet && [...begun, ...this.#seenAtKills.keys()].every((sessionId) => ended.has(sessionId));
  }
}
