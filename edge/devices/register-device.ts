import type { Priority } from '../bus/exchange.ts';
import { LineError } from '../bus/line-error.ts';
import type { ModbusPort } from '../bus/modbus-master.ts';
import { type BlockRead, planReads, splitBlock } from './plan-reads.ts';
import { holds, type PointValue } from './profile/condition.ts';
import type { MeterShape } from './profile/meter-profile.ts';
import type { PileShape } from './profile/pile-profile.ts';
import type { Point } from './profile/point.ts';
import type { Write } from './profile/write.ts';
import { decodePoint, encodeWrite, type Placement, RegisterWords, unitOf } from './registers.ts';

/** Where a device is found: the way to it, its unit, and which of its sockets. */
export interface DeviceAddress {
  readonly modbus: ModbusPort;
  readonly unit: number;
  readonly socket: number;
}

/** The part of a profile that says how to read a Modbus device. */
export type RegisterProfile = Pick<
  PileShape | MeterShape,
  'profileId' | 'points' | 'variants' | 'maxReadRegisters' | 'maxReadGap' | 'forbidden' | 'sockets' | 'timing'
>;

/** Values by point name; null for what the device did not tell. */
export type Values = (name: string | undefined) => PointValue;

/** The largest of several measurements; null when there is none, or one of them is not told: half a picture is none. */
export function largestOf(values: readonly PointValue[]): number | null {
  const numbers = values.filter((value) => typeof value === 'number');
  return numbers.length === 0 || numbers.length < values.length ? null : Math.max(...numbers);
}

/** "This address or value is not mine": a smaller read may be accepted. Modbus application protocol V1.1b3, section 7. */
const REFUSED_PLACE: readonly (number | null)[] = [2, 3];

export const placementOf = (
  profile: Pick<RegisterProfile, 'sockets'>,
  address: Omit<DeviceAddress, 'modbus'>,
): Placement => ({
  unit: address.unit,
  offset: (profile.sockets?.stride ?? 0) * address.socket,
});

/**
 * The registers of one device, read in blocks as its profile allows. A block that the device refuses is split until
 * only what it does not have is left out. What firmware decides is chosen when the device is first met.
 */
export class RegisterDevice {
  readonly place: Placement;
  readonly #profile: RegisterProfile;
  readonly #address: DeviceAddress;
  #points: Readonly<Record<string, Point>>;
  #polled: readonly BlockRead[] = [];
  #atSetUp: readonly BlockRead[] = [];
  #setUpWords = new RegisterWords();
  #isMet = false;

  constructor(profile: RegisterProfile, address: DeviceAddress) {
    this.#profile = profile;
    this.#address = address;
    this.place = placementOf(profile, address);
    this.#points = profile.points;
    this.#plan();
  }

  /** The device may have restarted, or be another one: the next read finds out who it is. */
  forget(): void {
    this.#isMet = false;
  }

  /**
   * Reads everything that a decision needs.
   *
   * @throws LineError when any part of it could not be read: half a picture is none
   */
  async read(priority: Priority): Promise<Values> {
    if (!this.#isMet) await this.#meet(priority);
    const words = new RegisterWords();
    this.#polled = await this.#readBlocks(this.#polled, words, priority);
    return (name) => this.#value(name, words) ?? this.#value(name, this.#setUpWords);
  }

  /** Reads again what is read at set-up, to see what the device has made of it. @throws LineError */
  async readSetUp(priority: Priority): Promise<Values> {
    const words = new RegisterWords();
    this.#atSetUp = await this.#readBlocks(this.#atSetUp, words, priority);
    this.#setUpWords = words;
    return (name) => this.#value(name, words);
  }

  /** Writes one raw value, unless it is superseded before it goes out. @throws LineError */
  async write(write: Write, raw: number, priority: Priority, isSuperseded: () => boolean): Promise<void> {
    const { modbus } = this.#address;
    const { timing } = this.#profile;
    const request = encodeWrite(write, raw, this.place);
    await modbus.request({ unit: unitOf(write, this.place), priority, request, timing, isSuperseded });
  }

  /** Reads one point by itself; what is answered is kept out of logs and recordings. @throws LineError */
  async readPrivately(name: string, priority: Priority): Promise<PointValue> {
    const point = this.#points[name];
    if (point === undefined) return null;
    const words = new RegisterWords();
    await this.#readBlocks(planReads([point], this.#profile, this.place), words, priority, true);
    return this.#value(name, words);
  }

  async #meet(priority: Priority): Promise<void> {
    this.#points = this.#profile.points;
    this.#plan();
    const value = await this.readSetUp(priority);
    const variant = this.#profile.variants.find(({ when }) => when.every((one) => holds(one, value(one.point))));
    if (variant !== undefined) {
      this.#points = { ...this.#profile.points, ...variant.points };
      this.#plan();
      if (Object.values(variant.points).some(({ read }) => read === 'set-up')) await this.readSetUp(priority);
    }
    this.#isMet = true;
  }

  #plan(): void {
    const points = Object.values(this.#points);
    const plan = (read: Point['read']) =>
      planReads(
        points.filter((point) => point.read === read),
        this.#profile,
        this.place,
      );
    this.#polled = plan('poll');
    this.#atSetUp = plan('set-up');
  }

  #value(name: string | undefined, words: RegisterWords): PointValue {
    const point = name === undefined ? undefined : this.#points[name];
    const raw = point === undefined ? null : words.get(point, this.place);
    return point === undefined || raw === null ? null : decodePoint(point, raw);
  }

  /** Returns the blocks that the device has accepted. */
  async #readBlocks(
    blocks: readonly BlockRead[],
    words: RegisterWords,
    priority: Priority,
    isPrivate = false,
  ): Promise<BlockRead[]> {
    const accepted: BlockRead[] = [];
    for (const block of blocks) accepted.push(...(await this.#readBlock(block, words, priority, isPrivate)));
    return accepted;
  }

  async #readBlock(
    block: BlockRead,
    words: RegisterWords,
    priority: Priority,
    isPrivate: boolean,
  ): Promise<BlockRead[]> {
    try {
      const { unit, request } = block;
      const { timing } = this.#profile;
      words.add(unit, request, await this.#address.modbus.request({ unit, priority, request, timing, isPrivate }));
      return [block];
    } catch (error) {
      if (!(error instanceof LineError) || !REFUSED_PLACE.includes(error.exceptionCode)) throw error;
      const halves = splitBlock(block, this.place);
      if (halves !== null) return this.#readBlocks(halves, words, priority, isPrivate);
      if (block.points.every((point) => point.optional)) return [];
      throw error;
    }
  }
}
