import { type CloudParts, CloudProcess } from './cloud-process.ts';
import { Dice } from './dice.ts';

/** They share the sites between them, and each takes over what another leaves. */
const NAMES = ['cloud1', 'cloud2'] as const;

interface Place {
  readonly name: string;
  readonly dice: Dice;
  process: CloudProcess | null;
}

export type CloudsParts = Omit<CloudParts, 'dice' | 'name' | 'onTransaction'> & { readonly seed: number };

/** The processes of the cloud: what is killed starts again. */
export class Clouds {
  readonly #parts: CloudsParts;
  readonly #places: readonly Place[];
  readonly #dice: Dice;
  /** Which has heard or said something last. */
  #lastAtWork: Place | null = null;
  #openTransactions = 0;

  constructor(parts: CloudsParts) {
    const { seed } = parts;
    this.#parts = parts;
    this.#dice = new Dice(seed, 'clouds');
    this.#places = NAMES.map((name) => ({ name, dice: new Dice(seed, name), process: null }));
  }

  get names(): readonly string[] {
    return NAMES;
  }

  /** A transaction of one of them is open. */
  get isBusy(): boolean {
    return this.#openTransactions > 0;
  }

  start(): void {
    for (const place of this.#places) this.#start(place);
  }

  /** One that takes calls; null while all are down. */
  one(): CloudProcess | null {
    const running = this.#places.flatMap(({ process }) => process ?? []);
    return running.length === 0 ? null : this.#dice.pick(running);
  }

  /** Kills the one that is at work, or has been last; it is started again after so long. */
  kill(awayMs: number): void {
    const running = this.#places.filter(({ process }) => process !== null);
    if (running.length === 0) return;
    const place = running.find((one) => one === this.#lastAtWork) ?? this.#dice.pick(running);
    this.#parts.trace.note(place.name, `is killed for ${awayMs} ms`);
    place.process?.life.end();
    place.process = null;
    this.#parts.scheduler.after(awayMs, () => this.#start(place));
  }

  end(): void {
    for (const { process } of this.#places) process?.life.end();
  }

  #start(place: Place): void {
    const { onHeard, onSaid, trace } = this.#parts;
    const { name, dice } = place;
    trace.note(name, 'starts');
    place.process = new CloudProcess({
      ...this.#parts,
      name,
      dice,
      onHeard: (topic) => {
        this.#lastAtWork = place;
        onHeard(topic);
      },
      onSaid: (topic, payload) => {
        this.#lastAtWork = place;
        onSaid(topic, payload);
      },
      onTransaction: (count) => {
        this.#openTransactions += count;
      },
    });
  }
}
