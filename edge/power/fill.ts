/** One that rises with the level. Its load up to `fromMa` has been taken off the room already. */
export interface Rising {
  readonly cells: readonly number[];
  readonly drawPermille: number;
  /** From this level on it takes more room. */
  readonly fromMa: number;
  /** It rises no further. */
  readonly toMa: number;
}

export interface Level {
  readonly ma: number;
  /** The cell that has no room left; null: it has reached its own most. */
  readonly boundBy: number | null;
}

const NEVER = Number.POSITIVE_INFINITY;

/**
 * Fills from below, all together, so that the least is as large as can be: who is held by a full cell stays, the others
 * rise on. Max-min fair, in whole mA.
 *
 * @param roomUa what each cell can still carry; what is filled in is taken off
 * @returns a level for each, in their order
 */
export function fill(rising: readonly Rising[], roomUa: number[]): Level[] {
  return new Filling(rising, roomUa).run();
}

class Filling {
  readonly #rising: readonly Rising[];
  readonly #room: number[];
  readonly #levels: (Level | null)[];
  /** What one mA more of all that rise takes of each cell, in µA. */
  readonly #slope: number[];
  /** Indexes of those that have not begun to rise, the next one last. */
  readonly #waiting: number[];
  #active: number[] = [];
  /** At which level a cell was full. */
  readonly #fullAt: (number | null)[];
  #level = 0;

  constructor(rising: readonly Rising[], roomUa: number[]) {
    this.#rising = rising;
    this.#room = roomUa;
    this.#levels = rising.map(() => null);
    this.#slope = roomUa.map(() => 0);
    this.#fullAt = roomUa.map(() => null);
    this.#waiting = rising.map((_, i) => i).sort((a, b) => this.#at(b).fromMa - this.#at(a).fromMa || b - a);
  }

  run(): Level[] {
    this.#begin();
    while (this.#active.length + this.#waiting.length > 0) {
      this.#rise();
      this.#freeze();
      this.#begin();
    }
    return this.#levels.map((level) => level ?? { ma: 0, boundBy: null });
  }

  #at(index: number): Rising {
    const found = this.#rising[index];
    if (found === undefined) throw new RangeError(`no ${index}`);
    return found;
  }

  /** Up to the next level at which something changes. */
  #rise(): void {
    const next = this.#waiting.at(-1);
    let to = next === undefined ? NEVER : this.#at(next).fromMa;
    for (const i of this.#active) to = Math.min(to, this.#at(i).toMa);
    this.#slope.forEach((slope, cell) => {
      if (slope > 0) to = Math.min(to, this.#level + this.#stepsLeft(cell, slope));
    });
    const byMa = to - this.#level;
    this.#slope.forEach((slope, cell) => {
      this.#room[cell] = (this.#room[cell] ?? 0) - slope * byMa;
    });
    this.#level = to;
  }

  #stepsLeft(cell: number, slope: number): number {
    // What is left of a full cell is less than a mA for each: it stays there.
    return this.#fullAt[cell] === null ? Math.max(0, Math.floor((this.#room[cell] ?? 0) / slope)) : 0;
  }

  #freeze(): void {
    const full = new Set<number>();
    this.#slope.forEach((slope, cell) => {
      if (slope === 0 || this.#stepsLeft(cell, slope) > 0) return;
      full.add(cell);
      this.#fullAt[cell] ??= this.#level;
    });
    this.#active = this.#active.filter((i) => {
      const { cells, toMa, drawPermille } = this.#at(i);
      if (toMa > this.#level && !cells.some((cell) => full.has(cell))) return true;
      this.#levels[i] = this.#levelIn(cells, toMa);
      for (const cell of cells) this.#slope[cell] = (this.#slope[cell] ?? 0) - drawPermille;
      return false;
    });
  }

  /** One whose load was above the level already is worth no more than the others in its cells. */
  #levelIn(cells: readonly number[], toMa: number): Level {
    let found: Level = { ma: Math.min(this.#level, toMa), boundBy: null };
    for (const cell of cells) {
      const fullAt = this.#fullAt[cell] ?? NEVER;
      if (fullAt < found.ma || (fullAt === found.ma && found.ma < toMa)) found = { ma: fullAt, boundBy: cell };
    }
    return found;
  }

  #begin(): void {
    if (this.#active.length === 0 && this.#waiting.length > 0) this.#level = Math.max(this.#level, this.#nextFrom());
    for (let i = this.#waiting.at(-1); i !== undefined && this.#at(i).fromMa <= this.#level; i = this.#waiting.at(-1)) {
      this.#waiting.pop();
      this.#active.push(i);
      const { cells, drawPermille } = this.#at(i);
      for (const cell of cells) this.#slope[cell] = (this.#slope[cell] ?? 0) + drawPermille;
    }
    this.#freeze();
  }

  #nextFrom(): number {
    const next = this.#waiting.at(-1);
    return next === undefined ? NEVER : this.#at(next).fromMa;
  }
}
