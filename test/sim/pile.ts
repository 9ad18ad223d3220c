import type { Reading } from '../../edge/control/reading.ts';
import { plugged } from '../../edge/control/testing.ts';
import { ParkedCar } from '../offline/parked-car.ts';

/** What a charge truly took: the energy that flowed while the pile delivered for it. */
export interface TrueCharge {
  readonly connectorId: string;
  readonly sessionId: string;
  readonly commandId: string | null;
  /** When the contactor closed for it first. */
  readonly beganMs: number;
  energyWms: bigint;
  /** The energy of the car when the contactor closed last; null while it is open. */
  fromWms: bigint | null;
}

/** A pile and what stands before it, as they truly are. */
export class Pile {
  readonly connectorId: string;
  readonly car: ParkedCar;
  /** Answers nothing: neither questions nor orders. */
  isDeaf = false;
  /** Shows a fault of its own, and does not deliver. */
  isFaulty = false;
  readonly charges = new Map<string, TrueCharge>();
  #current: TrueCharge | null = null;
  readonly #nowMs: () => number;

  constructor(connectorId: string, nowMs: () => number, firstWh: number) {
    this.connectorId = connectorId;
    this.#nowMs = nowMs;
    this.car = new ParkedCar(nowMs(), firstWh);
  }

  /** Told to deliver for a session. */
  start(sessionId: string, commandId: string | null): void {
    if (this.isFaulty || !this.car.isPlugged) return;
    const nowMs = this.#nowMs();
    this.#settle();
    const known = this.charges.get(sessionId);
    const charge = known ?? {
      connectorId: this.connectorId,
      sessionId,
      commandId,
      beganMs: nowMs,
      energyWms: 0n,
      fromWms: null,
    };
    this.charges.set(sessionId, charge);
    charge.fromWms = this.car.energyWmsAt(nowMs);
    this.#current = charge;
    this.car.change(nowMs, { isClosed: true });
  }

  stop(): void {
    this.#settle();
    this.car.change(this.#nowMs(), { isClosed: false });
  }

  plug(): void {
    this.car.change(this.#nowMs(), { isPlugged: true });
  }

  unplug(): void {
    this.#settle();
    this.car.change(this.#nowMs(), { isPlugged: false, wantsW: 0 });
  }

  wants(powerW: number): void {
    this.car.change(this.#nowMs(), { wantsW: powerW });
  }

  breakDown(): void {
    this.isFaulty = true;
    this.stop();
  }

  /** What has flowed so far belongs to whom the contactor was closed for. */
  #settle(): void {
    const charge = this.#current;
    if (charge === null || charge.fromWms === null) return;
    charge.energyWms += this.car.energyWmsAt(this.#nowMs()) - charge.fromWms;
    charge.fromWms = null;
    this.#current = null;
  }

  /** The energy that a charge has truly taken, in Wh, with its fraction; null when it has taken nothing. */
  energyWhOf(sessionId: string): number {
    const charge = this.charges.get(sessionId);
    if (charge === undefined) return 0;
    const running = charge.fromWms === null ? 0n : this.car.energyWmsAt(this.#nowMs()) - charge.fromWms;
    return Number(charge.energyWms + running) / 3_600_000;
  }

  /** What a look at it shows; null when it does not answer. */
  reading(): Reading | null {
    if (this.isDeaf) return null;
    const { powerW, isPlugged } = this.car;
    const registerWh = this.car.registerWhAt(this.#nowMs());
    const currentMa = Math.round((powerW * 1000) / (3 * 230));
    if (this.isFaulty) return { ...plugged, status: 'fault', fault: 'pile-fault', powerW, currentMa, registerWh };
    const status = !isPlugged ? 'unplugged' : powerW > 0 ? 'charging' : 'plugged';
    return { ...plugged, status, powerW, currentMa, registerWh };
  }
}
