import { decideParking } from './decide.ts';
import {
  type Move,
  type MoveCommand,
  newParking,
  type ParkingEvent,
  type ParkingFacts,
  type ParkingOrder,
  type ParkingState,
} from './parking.ts';
import type { ParkingReading } from './reading.ts';

export const lockFacts: ParkingFacts = { pileId: 'P1', connectorId: 'P1-1', device: 'lock', moveTimeoutMs: 8000 };
export const barrierFacts: ParkingFacts = { ...lockFacts, device: 'barrier' };

export const down: ParkingReading = { position: 'down', bay: 'empty', alarm: 'none', batteryPercent: 80 };
export const up: ParkingReading = { ...down, position: 'up' };
export const between: ParkingReading = { ...down, position: 'moving' };
export const withCar = (reading: ParkingReading): ParkingReading => ({ ...reading, bay: 'car' });
export const withoutSight = (reading: ParkingReading): ParkingReading => ({ ...reading, bay: 'unknown' });
export const jammed = (reading: ParkingReading): ParkingReading => ({ ...reading, alarm: 'jammed' });
export const damaged = (reading: ParkingReading): ParkingReading => ({ ...reading, alarm: 'damaged' });

/** "write raise", "alarm lock: …", "c1 done", "c1 bay-occupied": what was ordered, in order. */
export const describeOrders = (orders: readonly ParkingOrder[]): string[] =>
  orders.map((order) => {
    if (order.kind === 'query') return 'query';
    if (order.kind === 'write') return `write ${order.move}`;
    if (order.kind === 'record') return `alarm ${order.record.detail}`;
    const { command, result } = order;
    return `${command.commandId} ${result.kind === 'done' ? 'done' : result.reason}`;
  });

/** A lock or barrier in the mind only: time is passed and events are sent by hand. */
export class ParkingRig {
  state: ParkingState = newParking;
  monoMs = 100_000;
  readonly told: string[] = [];
  readonly facts: ParkingFacts;
  #ids = 0;

  constructor(facts: ParkingFacts = lockFacts) {
    this.facts = facts;
  }

  /** Everything that was ordered since it was last asked. */
  orders(): string[] {
    return this.told.splice(0);
  }

  send(event: ParkingEvent): this {
    const context = { facts: this.facts, nowMonoMs: this.monoMs, newId: () => `alarm-${this.#ids++}` };
    const { state, orders } = decideParking(this.state, event, context);
    this.state = state;
    this.told.push(...describeOrders(orders));
    return this;
  }

  pass(ms: number): this {
    this.monoMs += ms;
    return this;
  }

  see(reading: ParkingReading, requestedMonoMs = this.monoMs): this {
    return this.send({ kind: 'reading', reading, requestedMonoMs });
  }

  lose(times = 1): this {
    for (let i = 0; i < times; i += 1) this.pass(500).send({ kind: 'read-failed' });
    return this;
  }

  command(move: Move, commandId = 'c1'): this {
    const command: MoveCommand = { commandId, move, by: 'test' };
    return this.send({ kind: 'command', command });
  }

  taken(move: Move): this {
    return this.send({ kind: 'written', move });
  }

  lost(move: Move): this {
    return this.send({ kind: 'write-failed', move, refused: false });
  }

  withdrawn(move: Move): this {
    return this.send({ kind: 'write-withdrawn', move });
  }

  refused(move: Move): this {
    return this.send({ kind: 'write-failed', move, refused: true });
  }

  /** Down and empty, known for a while. */
  atRest(): this {
    this.see(down).pass(1000).see(down).pass(1000);
    this.orders();
    return this;
  }

  /** Told to raise, proven empty, and taken by the device. */
  raising(): this {
    this.atRest().command('raise').see(down).pass(500).see(down).pass(20).taken('raise').pass(500);
    this.orders();
    return this;
  }
}
