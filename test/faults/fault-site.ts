import { expect } from 'vitest';
import type { FaultCode } from '#shared/faults.ts';
import type { Cdr } from '#shared/wire/cdr.ts';
import type { ConnectorView } from '#shared/wire/messages.ts';
import type { MeterConfig } from '../../edge/config/site.ts';
import { systemClock } from '../../edge/runtime/system-time.ts';
import type { FaultTarget } from '../../hardware-sim/faults/board.ts';
import type { IoBoardDevice } from '../../hardware-sim/io/io-board.ts';
import type { LockDevice } from '../../hardware-sim/locks/lock-device.ts';
import type { PileTruth } from '../../hardware-sim/piles/truth.ts';
import { Edge, type EdgePile, type EdgeShape, lineConfigOf } from './edge.ts';
import { type FaultInput, openStation, present, type Station, type StationShape } from './station.ts';

/** What a charge ended with, beside what truly flowed. */
export interface Bill {
  readonly cdr: Cdr;
  readonly flowedWh: number;
  readonly alarms: readonly FaultCode[];
}

export interface SiteShape extends StationShape {
  /** How the edge is told of the piles; by default as they are, at 16 A. */
  readonly edgePiles?: readonly EdgePile[];
  readonly edgeMeters?: readonly MeterConfig[];
  readonly edgeCharge?: NonNullable<EdgeShape['charge']>;
  /** How the edge is told of the boards with inputs and relays. */
  readonly edgeIo?: NonNullable<EdgeShape['io']>;
  /** What is done to the station before the edge has seen it. */
  readonly prepare?: (station: Station) => void;
}

const LIMIT_MA = 16_000;
const START_WITHIN_MS = 15_000;
/** More than a step of any register that bills by 1 Wh. */
const ENOUGH_WH = 2;

export const pass = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits until `look` gives something; fails with what was waited for. */
export async function until<Value>(
  what: string,
  withinMs: number,
  look: () => Value | null | undefined | false,
): Promise<Value> {
  const untilMs = systemClock.monoMs() + withinMs;
  for (;;) {
    const seen = look();
    if (seen !== null && seen !== undefined && seen !== false) return seen;
    if (systemClock.monoMs() > untilMs) throw new Error(`not within ${withinMs} ms: ${what}`);
    await pass(20);
  }
}

/** A simulated station with the edge on the other end of its real lines. */
export class FaultSite {
  readonly station: Station;
  readonly #shape: SiteShape;
  readonly #beforeWh = new Map<string, number>();
  edge: Edge;

  private constructor(station: Station, shape: SiteShape) {
    this.station = station;
    this.#shape = shape;
    this.edge = this.#newEdge();
  }

  static async open(shape: SiteShape): Promise<FaultSite> {
    const station = await openStation(shape);
    shape.prepare?.(station);
    return new FaultSite(station, shape);
  }

  #newEdge(sessions: EdgeSessions = [], inputs: readonly string[] = []): Edge {
    const { piles = [], locks = [], edgePiles, edgeMeters = [], edgeIo = [], edgeCharge = {} } = this.#shape;
    const { world, lines } = this.station;
    const configs = [...world.lines.values()].map((settings) =>
      lineConfigOf(settings, present(lines.get(settings.lineId), settings.lineId)),
    );
    const asTheyAre = piles.map(({ pileId, lineId, unit, model }) => ({
      pileId,
      lineId,
      unit,
      profile: model,
      limitMa: LIMIT_MA,
    }));
    const parking = locks.map(({ lockId, model, lineId, address, pileId = '' }) => ({
      deviceId: lockId,
      profile: model,
      lineId,
      address,
      pileId,
    }));
    return new Edge({
      lines: configs,
      piles: edgePiles ?? asTheyAre,
      meters: edgeMeters,
      parking,
      io: edgeIo,
      charge: edgeCharge,
      sessions,
      inputs,
    });
  }

  /** The edge's process ends in the midst of everything, and comes up again with what it had stored. */
  async restartEdge(meanwhile: () => Promise<void>): Promise<void> {
    const { sessions, latchedInputs } = this.edge;
    await this.edge.close();
    await meanwhile();
    this.edge = this.#newEdge([...sessions.values()], [...latchedInputs]);
  }

  /** Plugs cars in and starts a charge at each pile; returns when all deliver what they offer. */
  async charge(...pileIds: string[]): Promise<void> {
    for (const pileId of pileIds) {
      present(this.station.world.piles.get(pileId), pileId).setVehicle({ plugged: true, rampAPerS: 1000 });
      this.#beforeWh.set(pileId, this.truth(pileId).energyTruthWh);
    }
    await this.#all(pileIds, 'plugged');
    for (const pileId of pileIds) this.edge.start(pileId);
    await this.#all(pileIds, 'charging');
    for (const pileId of pileIds)
      await until(`energy from ${pileId}`, START_WITHIN_MS, () => this.#flowedWh(pileId) > ENOUGH_WH);
  }

  #flowedWh(pileId: string): number {
    return this.truth(pileId).energyTruthWh - (this.#beforeWh.get(pileId) ?? 0);
  }

  async #all(pileIds: readonly string[], status: ConnectorView['status']): Promise<void> {
    for (const pileId of pileIds)
      await until(`${pileId} is ${status}`, START_WITHIN_MS, () => {
        const refused = this.edge.refusals();
        if (refused.length > 0) throw new Error(`${pileId} is not ${status}: ${refused}`);
        return this.edge.view(pileId).status === status;
      });
  }

  status(pileId: string, status: ConnectorView['status'], withinMs: number): Promise<true> {
    return until(`${pileId} is ${status}`, withinMs, () => this.edge.view(pileId).status === status);
  }

  lock(lockId: string): LockDevice {
    return present(this.station.world.locks.get(lockId), lockId);
  }

  board(boardId: string): IoBoardDevice {
    return present(this.station.world.io.get(boardId), boardId);
  }

  truth(pileId: string): PileTruth {
    return this.station.truth(pileId);
  }

  fault(target: FaultTarget, fault: FaultInput): string {
    return this.station.fault(target, fault);
  }

  clear(faultId: string): void {
    this.station.clear(faultId);
  }

  /** Stops as a partner would, and waits for the bill. */
  stop(pileId: string, withinMs = 20_000): Promise<Bill> {
    this.edge.stop(pileId);
    return this.bill(pileId, withinMs);
  }

  async bill(pileId: string, withinMs = 20_000): Promise<Bill> {
    const cdr = await until(`the record of ${pileId}`, withinMs, () => this.edge.cdr(pileId));
    const flowedWh = this.truth(pileId).energyTruthWh - present(this.#beforeWh.get(pileId), `charge at ${pileId}`);
    return { cdr, flowedWh, alarms: this.edge.alarmCodes(pileId) };
  }

  async close(): Promise<void> {
    await this.edge.close();
    await this.station.close();
  }
}

type EdgeSessions = NonNullable<ConstructorParameters<typeof Edge>[0]['sessions']>;

/** Neither more nor less than flowed, to the step of the register. */
export function expectExact({ cdr, flowedWh }: Bill, stepWh = 1): void {
  expect(flowedWh, 'something has flowed').toBeGreaterThan(stepWh);
  expect(Math.abs(cdr.energyWh - flowedWh), `billed ${cdr.energyWh}, flowed ${flowedWh}`).toBeLessThan(stepWh);
}

/** Never more than flowed, to the step of the register; at least `leastWh` of it. */
export function expectNotMore({ cdr, flowedWh }: Bill, leastWh: number): void {
  const what = `billed ${cdr.energyWh}, flowed ${flowedWh}`;
  expect(cdr.energyWh, what).toBeLessThan(flowedWh + 1);
  expect(cdr.energyWh, what).toBeGreaterThanOrEqual(leastWh);
}

/** A charge that nothing has happened to, as far as its record and its watchers can tell. */
export function expectUntouched(bill: Bill): void {
  const { stopReason, faultCode, marks, meterEvents, voidReason } = bill.cdr;
  expect({ stopReason, faultCode, marks, meterEvents, voidReason, alarms: bill.alarms }).toEqual({
    stopReason: 'partner',
    faultCode: null,
    marks: [],
    meterEvents: [],
    voidReason: null,
    alarms: [],
  });
  expectExact(bill);
}
