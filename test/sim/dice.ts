import { createHash } from 'node:crypto';
import { type Random, seededRandom } from '../../hardware-sim/faults/random.ts';

/** Everything random of one part of a run. Each part has its own: what one draws shifts nobody else's. */
export class Dice {
  readonly #random: Random;

  constructor(seed: number, name: string) {
    this.#random = seededRandom(createHash('sha256').update(`${seed} ${name}`).digest().readUInt32BE(0));
  }

  /** From 0 inclusive to 1 exclusive. */
  fraction(): number {
    return this.#random();
  }

  chance(probability: number): boolean {
    return this.#random() < probability;
  }

  /** Both inclusive. */
  between(least: number, most: number): number {
    return least + Math.floor(this.#random() * (most - least + 1));
  }

  /** Mostly short, sometimes long: exponential with this mean, in whole milliseconds. */
  span(meanMs: number): number {
    return Math.ceil(-Math.log(1 - this.#random()) * meanMs);
  }

  pick<Value>(values: readonly Value[]): Value {
    const value = values[Math.floor(this.#random() * values.length)];
    if (value === undefined) throw new RangeError('nothing to pick from');
    return value;
  }

  bytes(count: number): Buffer {
    return Buffer.from(Uint8Array.from({ length: count }, () => Math.floor(this.#random() * 256)));
  }

  /** Version 4. */
  uuid(): string {
    const bytes = this.bytes(16);
    bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
    bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
    const hex = bytes.toString('hex');
    return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
  }
}
