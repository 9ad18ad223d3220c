import type { Dice } from '../sim/dice.ts';
import type { Operation } from './api-document.ts';
import { bearerCaller, type Caller, partnerCaller, type SigningKey, stranger } from './callers.ts';
import type { CloudUnderFire } from './cloud-under-fire.ts';
import type { Drawn } from './draw-request.ts';
import { exactly, neighbourOf, PLANNED, plannedNeighbour, type Wish } from './neighbours.ts';
import type { People, Person } from './people.ts';
import { codeOf, type Shooter, type Told } from './shooter.ts';
import { fieldOf, textOf } from './told.ts';

export type PartnerCaller = ReturnType<typeof partnerCaller>;

/** What all walks of a run share. */
export interface WalkParts {
  readonly operations: ReadonlyMap<string, Operation>;
  readonly shooter: Shooter;
  readonly stage: CloudUnderFire;
  readonly people: People;
  /** Partners of the run, with a key for everything each. */
  readonly keys: () => readonly { readonly partnerId: string; readonly key: SigningKey }[];
  /** Operations beside which everything that is planned was sent. */
  readonly tried: Set<string>;
  /** Names a thing that nobody has made yet. */
  readonly fresh: (what: string) => string;
}

/** A step was refused, so what builds on it is left out. */
export class BrokenOff extends Error {}

/** What names another's thing: whoever else asks for it is refused. */
const OWN_PLACE = /\{(order|operation|reservation|endpoint|delivery|fault|key)_id\}/;
const OWN_FIELD = /"(order|reservation|event|endpoint)_id":/;
const POLL_MS = 100;
const MOST_POLLS = 60;

/** One sequence of requests, each of which needs what those before have brought about. Between them go requests that are wrong in one thing. */
export class Walk {
  readonly dice: Dice;
  readonly parts: WalkParts;

  constructor(parts: WalkParts, dice: Dice) {
    this.parts = parts;
    this.dice = dice;
  }

  /** The machine with the staff token, or an owner with a session. */
  staff(): Caller {
    const { people, stage } = this.parts;
    const owner = people.any(this.dice.between(0, 1_000));
    return owner === null || this.dice.chance(0.5) ? bearerCaller(stage.staffToken) : bearerCaller(owner.token);
  }

  partner(): PartnerCaller {
    const { partnerId, key } = this.dice.pick(this.parts.keys());
    return partnerCaller(partnerId, key, this.dice);
  }

  nobody = (): Caller => stranger(this.dice);

  /** Asks for what is good, after some that is not. @throws BrokenOff when it is refused */
  async ask(name: string, caller: Caller, wish: Wish = {}): Promise<unknown> {
    const operation = this.#operation(name);
    const { target } = exactly(operation, wish);
    const isSamePlace = (drawn: Drawn) => drawn.target.split('?')[0] === target.split('?')[0];
    for (const drawn of this.#neighbours(name, operation, wish)) {
      const told = await this.parts.shooter.fire({ drawn, caller });
      // It was good all the same, and has done what the step was to do.
      if (told !== null && told.status < 300 && isSamePlace(drawn) && isOfSameThing(wish.body, drawn.body))
        return told.body;
    }
    if (operation.door === 'partner') await this.#askAsAnother(operation, caller, wish);
    return bodyOf(name, await this.#exactly(operation, caller, wish));
  }

  /** The same without anything beside it, for what is asked for again and again. */
  async look(name: string, caller: Caller, wish: Wish = {}): Promise<unknown> {
    return bodyOf(name, await this.#exactly(this.#operation(name), caller, wish));
  }

  /** What is dangerous: a person confirms it with a code, as soon as there are people. @throws BrokenOff also when nobody has a code */
  confirmed(name: string, wish: Wish = {}): Promise<unknown> {
    const { people, stage } = this.parts;
    if (people.isNobody) return this.ask(name, bearerCaller(stage.staffToken), wish);
    const found = people.withCode();
    if (found === null) return Promise.reject(new BrokenOff('nobody has a code'));
    return this.#confirmedBy(found.owner, found.code, name, wish);
  }

  async #confirmedBy({ token }: Person, code: string, name: string, wish: Wish = {}): Promise<unknown> {
    const operation = this.#operation(name);
    const caller = bearerCaller(token);
    const first = await this.#exactly(operation, caller, wish);
    if (codeOf(first?.body) !== 'confirmation.required') return bodyOf(name, first);
    const challenge = textOf(first?.body, 'challenge');
    const told = await this.look('POST /staff/v1/confirmations', caller, { body: { challenge, code } });
    const headers = { 'pilegate-confirmation': textOf(told, 'confirmation') };
    return bodyOf(name, await this.#exactly(operation, caller, { ...wish, headers }));
  }

  /** Asks until the answer is as it has to be in the end. @throws BrokenOff when that takes too long */
  async until(name: string, caller: Caller, wish: Wish, isDone: (told: unknown) => boolean): Promise<unknown> {
    for (let polls = 0; polls < MOST_POLLS; polls += 1) {
      const told = await this.look(name, caller, wish);
      if (isDone(told)) return told;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    throw new BrokenOff(`${name} does not become what it should`);
  }

  /** The same, of one field. */
  untilField = (name: string, caller: Caller, wish: Wish, field: string, ...values: readonly string[]) =>
    this.until(name, caller, wish, (told) => values.includes(String(fieldOf(told, field))));

  /** Another partner asks for the same, and must not get it. */
  async #askAsAnother(operation: Operation, caller: Caller, wish: Wish): Promise<void> {
    const isOwn = OWN_PLACE.test(operation.path) || OWN_FIELD.test(JSON.stringify(wish.body ?? null));
    const others = this.parts.keys().filter(({ partnerId }) => partnerId !== caller.partnerId);
    if (!isOwn || others.length === 0 || !this.dice.chance(0.5)) return;
    const { partnerId, key } = this.dice.pick(others);
    const other = partnerCaller(partnerId, key, this.dice);
    await this.parts.shooter.fire({ drawn: exactly(operation, wish), caller: other, isForeign: true });
  }

  #neighbours(name: string, operation: Operation, wish: Wish): Drawn[] {
    const byChance = Array.from({ length: this.dice.pick([0, 0, 1, 1, 2]) }, () =>
      neighbourOf(operation, wish, this.dice),
    );
    if (this.parts.tried.has(name)) return byChance;
    this.parts.tried.add(name);
    const plan = Array.from({ length: PLANNED }, (_, number) => plannedNeighbour(operation, wish, number));
    return [...plan.filter((drawn) => drawn !== null), ...byChance];
  }

  #exactly(operation: Operation, caller: Caller, wish: Wish): Promise<Told | null> {
    return this.parts.shooter.fire({ drawn: exactly(operation, wish), caller });
  }

  /** @throws Error when the documents have no such operation: the walk is out of date */
  #operation(name: string): Operation {
    const operation = this.parts.operations.get(name);
    if (operation === undefined) throw new Error(`no operation ${name}`);
    return operation;
  }
}

function bodyOf(name: string, told: Told | null): unknown {
  if (told !== null && told.status < 300) return told.body;
  throw new BrokenOff(`${name}: ${told === null ? 'no answer' : (codeOf(told.body) ?? told.status)}`);
}

/** Whether a changed body still names the same things. What the caller calls its request is in the answer. */
function isOfSameThing(body: Wish['body'], sent: Buffer): boolean {
  if (body === undefined || Buffer.isBuffer(body)) return true;
  const names = (value: object) =>
    Object.entries(value).filter(([name]) => name !== 'request_id' && /_id$|^until$/.test(name));
  try {
    return JSON.stringify(names(body)) === JSON.stringify(names(JSON.parse(sent.toString('utf8'))));
  } catch {
    return false;
  }
}
