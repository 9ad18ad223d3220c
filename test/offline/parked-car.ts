/** A car at a connector and the meter before it, as they truly are. Energy is kept in W·ms: nothing is rounded but what is shown. */
interface Piece {
  readonly fromMs: number;
  readonly powerW: number;
  readonly energyWms: bigint;
}

const WMS_PER_WH = 3_600_000n;

/** The pile, its contactor and its meter; the car draws what it wants while the contactor is closed. */
export class ParkedCar {
  isPlugged = false;
  isClosed = false;
  #wantsW = 0;
  readonly #firstWh: number;
  /** The power from each moment on, and the energy until then. */
  readonly #pieces: Piece[];

  constructor(atMs: number, firstWh: number) {
    this.#firstWh = firstWh;
    this.#pieces = [{ fromMs: atMs, powerW: 0, energyWms: 0n }];
  }

  get powerW(): number {
    return this.isClosed ? this.#wantsW : 0;
  }

  /** Something changes at this moment: plug, contactor, or what the car wants. */
  change(atMs: number, to: { isPlugged?: boolean; isClosed?: boolean; wantsW?: number }): void {
    this.isPlugged = to.isPlugged ?? this.isPlugged;
    this.isClosed = this.isPlugged && (to.isClosed ?? this.isClosed);
    this.#wantsW = to.wantsW ?? this.#wantsW;
    const { powerW } = this;
    if (powerW !== this.#last.powerW) this.#pieces.push({ fromMs: atMs, powerW, energyWms: this.energyWmsAt(atMs) });
  }

  get #last(): Piece {
    const last = this.#pieces.at(-1);
    if (last === undefined) throw new Error('there is always a piece');
    return last;
  }

  #pieceAt(atMs: number): Piece {
    const piece = this.#pieces.findLast(({ fromMs }) => fromMs <= atMs);
    if (piece === undefined) throw new RangeError('before the beginning');
    return piece;
  }

  /** All energy until a moment that may be long past. */
  energyWmsAt(atMs: number): bigint {
    const piece = this.#pieceAt(atMs);
    return piece.energyWms + BigInt(piece.powerW) * BigInt(Math.round(atMs - piece.fromMs));
  }

  /** What the meter shows: whole watt-hours, rounded down. */
  registerWhAt(atMs: number): number {
    return this.#firstWh + Number(this.energyWmsAt(atMs) / WMS_PER_WH);
  }
}
