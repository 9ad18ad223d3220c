import { Dice } from '../sim/dice.ts';
import { chargeAndStop, forceStop, reserveAndCancel } from './journeys/charging.ts';
import { credit, keys, onboarding, webhooks, withdrawal } from './journeys/partners.ts';
import { documentKeys, sandboxFault, site, upkeep } from './journeys/sites.ts';
import { account, alarms, alerts, errorPages, owner, statusStream, tickets } from './journeys/staff.ts';
import { People } from './people.ts';
import { BrokenOff, Walk, type WalkParts } from './walk.ts';

type Journey = (walk: Walk) => Promise<void>;

const journeys: Readonly<Record<string, Journey>> = {
  chargeAndStop,
  forceStop,
  reserveAndCancel,
  credit,
  keys,
  onboarding,
  webhooks,
  withdrawal,
  documentKeys,
  sandboxFault,
  site,
  upkeep,
  alarms,
  alerts,
  errorPages,
  statusStream,
  tickets,
};
/** Two codes each, and one more every 30 s: what one walk of an account needs. */
const FIRST_OWNERS = 3;
const FIRST_PEOPLE = 'firstPeople';
/** What chance breaks off the first time is gone again. */
const TRIES = 3;
const REQUESTS_PER_OWNER = 5_000;

/** Nobody else uses up their codes before they have done their part. */
async function firstPeople({ parts, dice }: Walk): Promise<void> {
  const people = new People();
  const alone = new Walk({ ...parts, people }, dice);
  for (let n = 0; n < FIRST_OWNERS; n += 1) await owner(alone);
  await account(alone);
  for (const one of people.all) parts.people.add(one);
}
const withPeople: Readonly<Record<string, Journey>> = { ...journeys, owner, account };

/** Goes each journey until it came to its end once, and then whichever comes. */
export class Wanderer {
  readonly #wish: { readonly seed: number; readonly requests: number };
  readonly #parts: WalkParts;
  /** What was not gone to its end yet, and how often it is still tried. */
  readonly #firsts: string[];
  readonly #brokenOff: Record<string, number> = {};
  /** Walks that ended as no walk may. */
  readonly troubles: string[] = [];
  #begun = 0;
  #whole = 0;
  #names = 0;
  #owners = 0;
  #peopleLeft = 1;
  readonly #isWhole = new Set<string>();
  readonly #tried = new Map<string, number>();

  constructor(wish: { readonly seed: number; readonly requests: number }, parts: Omit<WalkParts, 'fresh' | 'tried'>) {
    this.#wish = wish;
    this.#parts = { ...parts, tried: new Set(), fresh: (what) => `${what}-${wish.seed}-${this.#names++}` };
    this.#firsts = Object.keys(journeys);
  }

  /** Whether something is to be gone for the first time now. */
  hasFirsts(isTimeForPeople: boolean): boolean {
    return this.#firsts.length > 0 || (isTimeForPeople && this.#peopleLeft > 0);
  }

  /** One walk, to its end or to where it is broken off. */
  async walk(isTimeForPeople: boolean): Promise<void> {
    const dice = new Dice(this.#wish.seed, `walk ${this.#begun}`);
    this.#begun += 1;
    const [name, journey] = this.#next(isTimeForPeople, dice);
    try {
      await journey(new Walk(this.#parts, dice));
      this.#whole += 1;
      this.#isWhole.add(name);
    } catch (error) {
      const why = `${name}: ${error instanceof Error ? error.message : error}`;
      this.#brokenOff[why] = (this.#brokenOff[why] ?? 0) + 1;
      const tries = (this.#tried.get(name) ?? 0) + 1;
      this.#tried.set(name, tries);
      if (tries < TRIES && !this.#isWhole.has(name)) this.#again(name);
      if (!(error instanceof BrokenOff) && this.troubles.length < 5) this.troubles.push(`walk ${why}`);
    }
  }

  #again(name: string): void {
    if (name === FIRST_PEOPLE) this.#peopleLeft = 1;
    else this.#firsts.push(name);
  }

  counts() {
    return { begun: this.#begun, whole: this.#whole, brokenOff: this.#brokenOff };
  }

  #next(isTimeForPeople: boolean, dice: Dice): readonly [string, Journey] {
    if (isTimeForPeople && this.#peopleLeft > 0) {
      this.#peopleLeft = 0;
      return [FIRST_PEOPLE, firstPeople];
    }
    const all = this.#parts.people.isNobody ? journeys : withPeople;
    const name = this.#firsts.shift() ?? dice.pick(Object.keys(all));
    const journey = all[name];
    if (journey === undefined) throw new Error(`no journey ${name}`);
    if (name !== 'owner') return [name, journey];
    this.#owners += 1;
    return this.#owners * REQUESTS_PER_OWNER > this.#wish.requests ? ['chargeAndStop', chargeAndStop] : [name, journey];
  }
}
