import type { Priority } from '../../bus/exchange.ts';
import { LineError } from '../../bus/line-error.ts';
import { holds } from '../profile/condition.ts';
import { type DeviceAddress, RegisterDevice, type Values } from '../register-device.ts';
import type { IoBoardProfile } from './io-board-profile.ts';

/** One look at a board, by channel from 1 on. */
export interface IoLook {
  /** Whether the contact at an input is closed. @throws LineError when the board did not tell */
  isClosed(channel: number): boolean;
  /** Whether the relay is energised, as it reads back. @throws LineError when the board did not tell */
  isOn(channel: number): boolean;
}

/** A board with contacts and relays on a Modbus line. It decides nothing. */
export class IoBoard {
  readonly profile: IoBoardProfile;
  readonly #device: RegisterDevice;
  #isProven = false;

  constructor(profile: IoBoardProfile, address: Omit<DeviceAddress, 'socket'>) {
    this.profile = profile;
    this.#device = new RegisterDevice(profile, { ...address, socket: 1 });
  }

  /** Another board may be there: it is proven anew. */
  forget(): void {
    this.#isProven = false;
    this.#device.forget();
  }

  /** @throws LineError also when the board is set up to switch its relays by itself */
  async read(priority: Priority): Promise<IoLook> {
    const values = await this.#device.read(priority);
    if (!this.#isProven) this.#prove(values);
    const { inputs, outputs } = this.profile;
    return {
      isClosed: (channel) => {
        const input = inputs[channel - 1];
        return bitOf(values, input?.point) === input?.closedIs;
      },
      isOn: (channel) => bitOf(values, outputs[channel - 1]?.point) === 1,
    };
  }

  /**
   * Energises a relay or lets it go. Taken by the board is not yet switched: read it back.
   *
   * @param isSuperseded asked when the line is free for it: whether it must not go out any more
   * @throws LineError
   */
  async write(channel: number, on: boolean, priority: Priority, isSuperseded: () => boolean): Promise<void> {
    const output = this.profile.outputs[channel - 1];
    const write = output === undefined ? undefined : this.profile.writes[output.write];
    if (output === undefined || write === undefined) throw new TypeError(`no output ${channel}`);
    await this.#device.write(write, on ? output.on : output.off, priority, isSuperseded);
  }

  #prove(values: Values): void {
    const wrong = this.profile.setupProof.find((condition) => !holds(condition, values(condition.point)));
    if (wrong !== undefined) {
      this.#device.forget();
      throw new LineError('mismatch', `the board is set up differently: "${wrong.point}" is ${values(wrong.point)}`);
    }
    this.#isProven = true;
  }
}

function bitOf(values: Values, point: string | undefined): 0 | 1 {
  const value = values(point);
  if (value === 0 || value === 1) return value;
  throw new LineError('mismatch', `"${point}" is not told`);
}
