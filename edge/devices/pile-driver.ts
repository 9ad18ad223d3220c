import type { Line } from '../bus/line.ts';
import { LineError } from '../bus/line-error.ts';
import type { Priority } from '../bus/request.ts';
import type { Reading } from '../control/reading.ts';
import { planReads } from './plan-reads.ts';
import type { CommandName, Profile, StateRule, Step } from './profile.ts';
import { decodePoint, encodeWrite, RegisterWords, rawLimit } from './registers.ts';

export interface PileAddress {
  readonly line: Line;
  readonly unit: number;
}

/** One pile's registers in the terms of the domain. It decides nothing; it remembers only that a stop has come. */
export class PileDriver {
  readonly profile: Profile;
  readonly #address: PileAddress;
  readonly #reads: ReturnType<typeof planReads>;
  #stops = 0;

  constructor(profile: Profile, address: PileAddress) {
    this.profile = profile;
    this.#address = address;
    this.#reads = planReads(profile);
  }

  /**
   * Reads everything that a decision needs.
   *
   * @throws LineError when any part of it could not be read: half a picture is none
   */
  async read(): Promise<Reading> {
    const words = new RegisterWords();
    for (const read of this.#reads) {
      words.add(read, await this.#request('poll', read));
    }
    return readingOf(this.profile, words);
  }

  /**
   * Writes a command's steps in order. A stop ends a start that is still under way: on the line its frame comes
   * between two of the start's, and the one after it would let the pile deliver again.
   *
   * @throws LineError at the first step that the pile does not take; the rest is not written
   */
  async command(name: CommandName, limitMa: number | null): Promise<void> {
    const isStop = name === 'softStop' || name === 'hardStop';
    if (isStop) this.#stops += 1;
    const stops = this.#stops;
    const isSuperseded = () => !isStop && this.#stops !== stops;
    await this.#write(this.profile.commands[name], 'command', limitMa, isSuperseded);
  }

  /** Feeds the pile's watchdog where reading does not. @throws LineError */
  async feedWatchdog(): Promise<void> {
    await this.#write(this.profile.watchdog?.feed ?? [], 'keep-alive', null);
  }

  async #write(
    steps: readonly Step[],
    priority: Priority,
    limitMa: number | null,
    isSuperseded: () => boolean = () => false,
  ): Promise<void> {
    for (const step of steps) {
      if (isSuperseded()) throw new LineError('superseded', 'a stop has come');
      const write = this.profile.writes[step.write];
      if (write === undefined) throw new TypeError(`${this.profile.profileId} has no write "${step.write}"`);
      if (step.value === 'limit' && limitMa === null) throw new TypeError('a limit is needed');
      const raw = step.value === 'limit' ? rawLimit(write, limitMa ?? 0) : step.value;
      await this.#request(priority, encodeWrite(write, raw));
    }
  }

  #request(priority: Priority, request: Parameters<Line['request']>[0]['request']): Promise<readonly number[]> {
    const { line, unit } = this.#address;
    return line.request({ unit, priority, request, timing: this.profile.timing });
  }
}

/** Decodes words into a reading. Pure. */
export function readingOf(profile: Profile, words: RegisterWords): Reading {
  const valueNamed = (name: string | undefined): number | null => {
    const point = name === undefined ? undefined : profile.points[name];
    const raw = point === undefined ? null : words.get(point);
    return point === undefined || raw === null ? null : decodePoint(point, raw);
  };
  const { currents, power, temperature, energyRegister } = profile.measures;
  const phaseMa = currents.map(valueNamed);
  return {
    status: profile.state.find((rule) => holds(rule, valueNamed))?.is ?? 'unknown',
    currentMa: phaseMa.some((value) => value === null) ? null : Math.max(...phaseMa.map((value) => value ?? 0)),
    powerW: valueNamed(power),
    temperatureDc: valueNamed(temperature),
    registerWh: valueNamed(energyRegister),
  };
}

function holds(rule: StateRule, valueNamed: (name: string) => number | null): boolean {
  return rule.when.every((condition) => {
    const value = valueNamed(condition.point);
    if (value === null) return false;
    if (condition.in !== undefined) return condition.in.includes(value);
    const { bits, equals } = condition;
    // As big integers: the language's own bit operators end at 31 bits.
    return bits !== undefined && equals !== undefined && (BigInt(value) & BigInt(bits)) === BigInt(equals);
  });
}
