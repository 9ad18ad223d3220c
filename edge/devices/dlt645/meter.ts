import type { Exchange, LinePort, Priority } from '../../bus/exchange.ts';
import { LineError } from '../../bus/line-error.ts';
import type { MeterDriver, MeterLook } from '../meter-driver.ts';
import { mainsOf } from '../pile-reading.ts';
import { FRAME_BYTES, isMeterAddress, MOST_WAKE_UP_BYTES } from './frame.ts';
import { type Dlt645MeterProfile, type MeterPoint, wholeValue } from './meter-profile.ts';
import { readAddress, readNumber } from './questions.ts';

/** Everything that a meter tells of itself. Null means that the meter has no such value, and is never zero. */
export interface MeterReading extends MeterLook {
  /** Negative when power flows back into the grid. */
  readonly powerW: number | null;
  /** Of the phases that the profile names, in its order. */
  readonly phaseVoltagesMv: readonly (number | null)[];
}

/** Wake-up bytes, frame, and the identifier before the data. */
const REPLY_BYTES = MOST_WAKE_UP_BYTES + FRAME_BYTES + 4;

/** One DL/T 645-2007 meter on a serial line. */
export class Dlt645Meter implements MeterDriver {
  readonly profile: Dlt645MeterProfile;
  readonly address: string;
  readonly #line: LinePort;
  /** Optional points that this meter has refused. */
  readonly #lacking = new Set<string>();

  /** @param address the twelve digits on the meter's plate */
  constructor(address: string, profile: Dlt645MeterProfile, line: LinePort) {
    if (!isMeterAddress(address)) throw new TypeError(`a meter address has twelve digits: "${address}"`);
    this.address = address;
    this.profile = profile;
    this.#line = line;
  }

  get pollMs(): number {
    return this.profile.timing.pollMs;
  }

  /**
   * Reads what is billed: each value is a question of its own, and at 2400 baud a long one.
   *
   * @throws LineError
   */
  async read(): Promise<MeterLook> {
    const registerWh = await this.#read('poll', this.profile.measures.energy.point);
    return { meterId: this.address, registerWh, currentMa: null, powerW: null, voltageMv: null };
  }

  /** Reads every measure. @throws LineError when any could not be read that the meter must have: half a picture is none */
  async readAll(priority: Priority = 'poll'): Promise<MeterReading> {
    const { energy, power, currents, voltages } = this.profile.measures;
    const registerWh = await this.#read(priority, energy.point);
    const powerW = await this.#read(priority, power);
    const currentsMa: number[] = [];
    for (const name of currents) {
      const phaseMa = await this.#read(priority, name);
      if (phaseMa !== null) currentsMa.push(Math.abs(phaseMa));
    }
    const phaseVoltagesMv: (number | null)[] = [];
    for (const name of voltages) phaseVoltagesMv.push(await this.#read(priority, name));
    return {
      meterId: this.address,
      registerWh,
      powerW,
      currentMa: currentsMa.length === 0 ? null : Math.max(...currentsMa),
      voltageMv: mainsOf(phaseVoltagesMv.filter((mv) => mv !== null)),
      phaseVoltagesMv,
    };
  }

  /** The meter may be another one, with other points. */
  forget(): void {
    this.#lacking.clear();
  }

  async #read(priority: Priority, name: string | undefined): Promise<number | null> {
    const point = name === undefined ? undefined : this.profile.points[name];
    if (name === undefined || point === undefined || this.#lacking.has(name)) return null;
    try {
      return await this.#readPoint(priority, point);
    } catch (error) {
      const isRefused = error instanceof LineError && error.failure === 'exception';
      if (!isRefused || !point.optional) throw error;
      this.#lacking.add(name);
      return null;
    }
  }

  async #readPoint(priority: Priority, point: MeterPoint): Promise<number | null> {
    const { address, profile } = this;
    const exchange = readNumber({ address, wakeUpBytes: profile.wakeUpBytes }, point.di, point);
    const dataBytes = point.digits / 2;
    const raw = await askMeter(this.#line, profile, { priority, address, exchange, dataBytes });
    return raw === null ? null : wholeValue(raw, point);
  }
}

/**
 * Asks the only meter of a line who it is.
 *
 * @throws LineError also when several meters answer at once
 */
export function findMeter(line: LinePort, profile: Dlt645MeterProfile): Promise<string> {
  const exchange = readAddress(profile.wakeUpBytes);
  return askMeter(line, profile, { priority: 'command', address: 'any', exchange, dataBytes: 2 });
}

function askMeter<Answer>(
  line: LinePort,
  { timing }: Dlt645MeterProfile,
  question: {
    readonly priority: Priority;
    readonly address: string;
    readonly exchange: Exchange<Answer>;
    readonly dataBytes: number;
  },
): Promise<Answer> {
  const { priority, address, exchange, dataBytes } = question;
  const device = `dlt645:${address}`;
  return line.ask({ device, priority, timing, exchange, answerBytes: REPLY_BYTES + dataBytes });
}
