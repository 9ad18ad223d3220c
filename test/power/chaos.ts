import { seededRandom } from '../../hardware-sim/faults/random.ts';
import { connectorOf } from '../stand/small-site.ts';
import { pass } from '../stand/stand.ts';
import type { PowerRun } from './power-run.ts';

/** What a run of chaos may do, and how often beside the others. */
export interface ChaosWeights {
  readonly house: number;
  readonly leave: number;
  readonly come: number;
  readonly stop: number;
  readonly silentPile: number;
  readonly deafPile: number;
  readonly noisyLine: number;
  readonly unpluggedLine: number;
  readonly silentMeter: number;
  readonly powerCycle: number;
  readonly kill: number;
}

export const EVERYTHING: ChaosWeights = {
  house: 6,
  leave: 4,
  come: 10,
  stop: 3,
  silentPile: 2,
  deafPile: 2,
  noisyLine: 2,
  unpluggedLine: 1,
  silentMeter: 1,
  powerCycle: 1,
  kill: 1,
};

const MOST_OVEN_A = 90;
const PAUSE_MS = { least: 500, most: 3500 } as const;

/** Does one thing after the other to the site, drawn from a seed, and takes all faults back at the end. */
export async function chaos(
  run: PowerRun,
  { seed, durationMs, weights = EVERYTHING }: { seed: number; durationMs: number; weights?: ChaosWeights },
): Promise<string[]> {
  const act = new Chaos(run, seed, weights);
  const untilMs = performance.now() + durationMs;
  while (performance.now() < untilMs) await act.one();
  await act.end();
  return act.done;
}

class Chaos {
  readonly done: string[] = [];
  readonly #run: PowerRun;
  readonly #random: () => number;
  readonly #weights: ChaosWeights;
  readonly #ending: Promise<void>[] = [];

  constructor(run: PowerRun, seed: number, weights: ChaosWeights) {
    this.#run = run;
    this.#random = seededRandom(seed);
    this.#weights = weights;
  }

  async one(): Promise<void> {
    const what = this.#kind();
    this.done.push(what);
    await this.#run.stage(`${this.done.length}: ${what}`, async () => {
      await this.#do(what);
      await pass(this.#between(PAUSE_MS.least, PAUSE_MS.most));
    });
  }

  async end(): Promise<void> {
    await Promise.all(this.#ending);
    await this.#run.oven(0);
  }

  #kind(): keyof ChaosWeights {
    const all = Object.entries(this.#weights) as [keyof ChaosWeights, number][];
    let left = this.#random() * all.reduce((sum, [, weight]) => sum + weight, 0);
    for (const [kind, weight] of all) {
      left -= weight;
      if (left < 0) return kind;
    }
    return 'house';
  }

  async #do(what: keyof ChaosWeights): Promise<void> {
    const { stand } = this.#run;
    const { station } = stand;
    const pileId = this.#one(stand.pileIds);
    this.#run.disturb(pileId);
    switch (what) {
      case 'house':
        return this.#run.oven(Math.round(this.#between(0, MOST_OVEN_A)));
      case 'leave':
        await station.vehicle(pileId, { plugged: false });
        return;
      case 'come':
        return this.#come();
      case 'stop':
        if (stand.view(pileId)?.status === 'charging') stand.stop(pileId);
        return;
      case 'silentPile':
        return this.#fault(`piles/${pileId}`, { kind: 'silence' }, this.#between(1000, 25_000));
      case 'deafPile':
        return this.#fault(`piles/${pileId}`, { kind: 'ignore-writes' }, this.#between(1000, 8000));
      case 'noisyLine':
        return this.#noise();
      case 'unpluggedLine':
        return station.unplug(this.#one(['rtu1', 'rtu2', 'rtu3', 'rtu4']), this.#between(500, 20_000));
      case 'silentMeter':
        return this.#fault('meters/GRID', { kind: 'silence' }, this.#between(500, 12_000));
      case 'powerCycle':
        await station.powerCycle(pileId, this.#between(200, 6000));
        return;
      case 'kill':
        return this.#run.kill(this.#between(0, 5000));
    }
  }

  /** Some cars come, and their drivers start them whether that works or not. */
  async #come(): Promise<void> {
    const { stand } = this.#run;
    for (let n = 0; n < 4; n += 1) {
      const pileId = this.#one(stand.pileIds);
      const status = stand.view(pileId)?.status;
      if (status === 'faulted') await this.#reset(pileId);
      else if (status === 'available') await stand.station.vehicle(pileId, { plugged: true });
      else if (status === 'plugged') stand.start(pileId);
    }
  }

  /** A technician comes. */
  async #reset(pileId: string): Promise<void> {
    await this.#run.stand.station.vehicle(pileId, { plugged: false });
    await this.#run.stand.pilectl('reset', connectorOf(pileId));
  }

  #noise(): Promise<void> {
    const lineId = this.#one(['rtu1', 'rtu2', 'rtu3', 'rtu4', 'grid']);
    const fault =
      this.#random() < 0.5 ? { kind: 'crc-error', probability: 0.4 } : { kind: 'silence', probability: 0.4 };
    return this.#fault(`lines/${lineId}`, fault, this.#between(2000, 15_000));
  }

  /** Set now, and taken back in time while other things happen. */
  async #fault(target: string, fault: object, forMs: number): Promise<void> {
    const { station } = this.#run.stand;
    const faultId = await station.fault(target, fault);
    this.#ending.push(pass(forMs).then(() => station.clear(faultId)));
  }

  #one<Kind>(of: readonly Kind[]): Kind {
    const found = of[Math.floor(this.#random() * of.length)];
    if (found === undefined) throw new RangeError('nothing to choose from');
    return found;
  }

  #between(least: number, most: number): number {
    return least + this.#random() * (most - least);
  }
}
