import type { Priority } from '../bus/exchange.ts';
import type { Reading } from '../control/reading.ts';
import { type FirmwareVerdict, firmwareInOrder, judgeFirmware } from './firmware-verdict.ts';
import { cardNumberOf, readingOf } from './pile-reading.ts';
import { type Condition, holds } from './profile/condition.ts';
import type { CommandName, PileProfile } from './profile/pile-profile.ts';
import type { Step } from './profile/write.ts';
import { type DeviceAddress, RegisterDevice } from './register-device.ts';
import { rawLimit } from './registers.ts';

/** The pile acknowledged its set-up and has not taken it. */
export class SetupNotTaken extends Error {
  constructor(profileId: string, condition: Condition, value: unknown) {
    super(`${profileId}: "${condition.point}" reads ${String(value)} after set-up`);
    this.name = 'SetupNotTaken';
  }
}

/** One pile's registers in the terms of the domain. It decides nothing; it remembers what was last told to the pile. */
export class PileDriver {
  readonly profile: PileProfile;
  readonly #device: RegisterDevice;
  #stops = 0;
  /** Commands that change what may be offered: starts, limits and stops. */
  #offers = 0;
  #commands = 0;
  #feeds = 0;
  /** Steps that the pile has taken. */
  #written = 0;
  /** The limit in force; null until it is written or read. */
  #limitMa: number | null = null;
  #firmware: FirmwareVerdict = firmwareInOrder;

  constructor(profile: PileProfile, address: DeviceAddress) {
    this.profile = profile;
    this.#device = new RegisterDevice(profile, address);
  }

  /** The pile may have restarted: who it is and what it is set to must be read anew. */
  forget(): void {
    this.#device.forget();
    this.#limitMa = null;
  }

  /** What the profile says about the firmware that was read last. */
  get firmware(): FirmwareVerdict {
    return this.#firmware;
  }

  /**
   * Reads everything that a decision needs. A command that was written between two of its blocks has torn the picture:
   * it is taken once more.
   *
   * @throws LineError when any part of it could not be read: half a picture is none
   */
  async read(priority: Priority = 'poll'): Promise<Reading> {
    const written = this.#written;
    const first = await this.#device.read(priority);
    const values = this.#written === written ? first : await this.#device.read(priority);
    const setpoint = values(this.profile.measures.setpoint);
    this.#firmware = judgeFirmware(this.profile, values);
    if (this.#limitMa === null && typeof setpoint === 'number') this.#limitMa = setpoint;
    return readingOf(this.profile, values);
  }

  /** The number of the card that the pile's own reader shows; null when it shows none. @throws LineError */
  async readCard(): Promise<string | null> {
    const { card } = this.profile.measures;
    if (card === undefined) return null;
    return cardNumberOf(await this.#device.readPrivately(card.point, 'poll'), card.byteOrder);
  }

  /**
   * Writes the set-up and reads back that the pile has taken it.
   *
   * @throws LineError
   * @throws SetupNotTaken
   */
  async setUp(): Promise<void> {
    await this.#write(this.profile.commands.setup, 'command', null);
    await this.prove('command');
  }

  /** Whether the pile still has its set-up: one that restarted in a blink has not. @throws LineError, SetupNotTaken */
  async prove(priority: Priority): Promise<void> {
    const { setupProof, profileId } = this.profile;
    if (setupProof.length === 0) return;
    const values = await this.#device.readSetUp(priority);
    for (const condition of setupProof) {
      const value = values(condition.point);
      if (!holds(condition, value)) throw new SetupNotTaken(profileId, condition, value);
    }
  }

  /**
   * Writes a command's steps in order. A stop, a start or a limit ends a start or a limit that is still under way: on
   * the line its frame comes between two of the older one's, and the one after it would let the pile deliver again, or
   * more than it may by now.
   *
   * @throws LineError at the first step that the pile does not take, or that has been superseded; the rest is not written
   */
  async command(name: PileCommand, limitMa: number | null): Promise<void> {
    const isStop = name === 'softStop' || name === 'hardStop';
    const isOffer = name === 'start' || name === 'limit';
    this.#commands += 1;
    if (isStop) this.#stops += 1;
    if (isStop || isOffer) this.#offers += 1;
    // A limit counts when the pile has taken it: what was refused is not repeated by a feed.
    this.#limitMa = isStop ? 0 : null;
    const newest = () => (isOffer ? this.#offers : this.#stops);
    const own = newest();
    const isSuperseded = () => !isStop && newest() !== own;
    await this.#write(stepsOf(this.profile, name), isStop ? 'stop' : 'command', limitMa, isSuperseded);
    if (!isStop && !isSuperseded()) this.#limitMa = limitMa;
  }

  /**
   * Feeds the pile's watchdog where reading does not. A feed that repeats the limit repeats the one in force: never
   * more, and nothing without a charge.
   *
   * @throws LineError
   */
  async feedWatchdog(isCharging: boolean): Promise<void> {
    const { watchdog } = this.profile;
    if (watchdog?.feed === undefined) return;
    const limitMa = isCharging ? this.#limitMa : 0;
    const needsLimit = watchdog.feed.some((step) => step.value === 'limit');
    if (needsLimit && limitMa === null) return;
    const commands = this.#commands;
    this.#feeds += 1;
    await this.#write(watchdog.feed, 'keep-alive', limitMa, () => this.#commands !== commands);
  }

  async #write(
    steps: readonly Step[],
    priority: Priority,
    limitMa: number | null,
    isSuperseded: () => boolean = () => false,
  ): Promise<void> {
    for (const step of steps) {
      const write = this.profile.writes[step.write];
      if (write === undefined) throw new TypeError(`${this.profile.profileId} has no write "${step.write}"`);
      await this.#device.write(write, this.#rawOf(step, write, limitMa), priority, isSuperseded);
      this.#written += 1;
    }
  }

  #rawOf(step: Step, write: PileProfile['writes'][string], limitMa: number | null): number {
    if (typeof step.value === 'number') return step.value;
    if (step.value !== 'limit') return step.value.alternate[this.#feeds % 2] ?? 0;
    if (limitMa === null) throw new TypeError('a limit is needed');
    return rawLimit(write, limitMa, this.profile.limits.stepMa);
  }
}

/** What a pile can be told. `limit` changes what a charge that runs is offered. */
export type PileCommand = Exclude<CommandName, 'setup'> | 'limit';

/**
 * The steps of a command. Where a pile has no second way to stop, the first one is all there is. A limit is told as the
 * start tells it, without the rest of the start.
 */
export function stepsOf({ commands }: PileProfile, name: PileCommand): readonly Step[] {
  if (name === 'limit') return commands.start.filter(({ value }) => value === 'limit');
  if (name === 'reboot' || name === 'unlock') return commands[name] ?? [];
  return commands[name] ?? commands.softStop;
}
