import { Dice } from '../sim/dice.ts';
import { type ApiDocument, type Operation, operationsOf } from './api-document.ts';
import { bearerCaller, type Caller, credentialFaults, partnerCaller, signedHeaders, someAddress } from './callers.ts';
import { CloudUnderFire, type DatabaseEngine, type NamedKey } from './cloud-under-fire.ts';
import { type Drawn, drawRequest } from './draw-request.ts';
import { Judge } from './judge-answer.ts';
import { KnownValues } from './known-values.ts';
import { People } from './people.ts';
import { SecretWatch } from './secret-watch.ts';
import { Sender } from './send.ts';
import { codeOf, type FuzzFailure, Shooter } from './shooter.ts';
import { nameOf, type OperationTally, Tally } from './tally.ts';
import { isPlainObject } from './told.ts';
import { ValueMaker } from './value-maker.ts';
import { Wanderer } from './wanderer.ts';

export interface FuzzWish {
  readonly seed: number;
  readonly requests: number;
  readonly engine: DatabaseEngine;
  /** Only operations whose path has this in it; null: all. */
  readonly only: string | null;
}

export interface FuzzReport {
  readonly requests: number;
  readonly operations: readonly OperationTally[];
  /** Operations that can be done, and never were. */
  readonly neverDone: readonly string[];
  readonly statuses: Readonly<Record<string, number>>;
  readonly slowestMs: number;
  readonly seconds: number;
  readonly memoryMiB: { readonly warm: number; readonly end: number; readonly most: number };
  readonly stored: { readonly operations: number; readonly orders: number };
  /** Sequences that were begun, those that came to their end, and why the others did not. */
  readonly walks: {
    readonly begun: number;
    readonly whole: number;
    readonly brokenOff: Readonly<Record<string, number>>;
  };
  readonly failures: readonly FuzzFailure[];
  /** How many more failures there were than are listed. */
  readonly moreFailures: number;
  /** What was wrong at the end: with the process, its log, its memory, its database. */
  readonly complaints: readonly string[];
}

const AT_ONCE = 8;
/** A walk is some twenty requests: a third of them all. */
const WALK_SHARE = 0.025;
/** From here on people have accounts, and what is dangerous waits for a confirmation. */
const ALONE_SHARE = 0.45;
/** With fewer, chance decides what is reached. */
const ENOUGH_FOR_ALL = 2_000;
const REACH_SHARE = 0.15;
/** What a password costs to try is meant to be much. */
const isCostly = ({ path }: Operation): boolean => /\/sessions$|\/invitations\/|\/password$/.test(path);
/** What takes something away from whoever is named. */
const DESTRUCTIVE =
  /suspend|disable|revoke|rotate|access|terms|maintenance|hours|leave|withdraw|choose|documents|\/keys\/\{key_id\}$|\/partners\/\{partner_id\}$/;
const WARM_SHARE = 0.3;
/** Beyond what it had when warm. An embedded database lives in the process and grows with its rows. */
const MOST_GROWTH_MIB: Readonly<Record<DatabaseEngine, number>> = { postgresql: 256, pglite: 768 };
const LOG_ERROR = 50;
/** Nobody has told this cloud whom to alert, which it says; what is an alarm for people, or a bill of the site that is wrong on purpose, is no failure of a request. */
const NOT_BY_CALLERS =
  /^(alerts? (of these levels )?reach(es)? nobody|alarm about a partner|the platform raises an alarm|order needs a person)/;
/** What cannot be done in this cloud, and why. */
const CANNOT_BE_DONE: Readonly<Record<string, string>> = {};

/** One run against one cloud. What it draws depends on the seed, and on the ids that the cloud gives. */
export async function runFuzz(wish: FuzzWish, tell: (line: string) => void): Promise<FuzzReport> {
  const target = await CloudUnderFire.start(wish.engine);
  try {
    return await new FuzzRun(wish, target, tell).run();
  } finally {
    await target.stop();
  }
}

class FuzzRun {
  readonly #wish: FuzzWish;
  readonly #target: CloudUnderFire;
  readonly #tell: (line: string) => void;
  readonly #known = new KnownValues();
  readonly #people = new People();
  readonly #sender: Sender;
  readonly #applicants = new Map<string, string>();
  #keys: NamedKey[] = [];
  #keyNumber = 0;
  #draws = 0;

  constructor(wish: FuzzWish, target: CloudUnderFire, tell: (line: string) => void) {
    this.#wish = wish;
    this.#target = target;
    this.#tell = tell;
    this.#sender = new Sender(target.cloud.ready.httpUrl);
  }

  async run(): Promise<FuzzReport> {
    const documents = {
      partner: await this.#fetchDocument('/openapi.json'),
      staff: await this.#fetchDocument('/staff/v1/openapi.json'),
    };
    const all = Object.entries(documents).flatMap(([name, document]) => operationsOf(name, document));
    const operations = all.filter(({ path }) => this.#wish.only === null || path.includes(this.#wish.only));
    const tally = new Tally(all);
    const watch = new SecretWatch();
    watch.keep(this.#target.staffToken);
    const baseUrl = this.#target.cloud.ready.httpUrl;
    const common = { sender: this.#sender, baseUrl, known: this.#known, tell: this.#tell };
    const judge = new Judge(documents);
    judge.prepare(all);
    const shooter = new Shooter({ ...common, judge, tally, watch });
    // The two documents have the components of both.
    const schemas = documents.partner.components?.schemas ?? {};
    const maker = new ValueMaker(schemas, this.#known);
    maker.prepare(operations.flatMap(({ body, parameters }) => [...parameters.map((one) => one.schema), body ?? {}]));
    this.#known.prefer('connector_id', this.#target.connectorIds);
    for (let n = 0; n < 3; n += 1) await this.#addKey(watch);
    const victim = await this.#target.newKey('victim-partner');
    this.#known.learn([victim.key, { partner_id: victim.partnerId }]);
    watch.keep(victim.key.secret);
    await this.#warmUp(operations);
    const wanderer = new Wanderer(this.#wish, {
      operations: new Map(all.map((operation) => [nameOf(operation), operation])),
      shooter,
      stage: this.#target,
      people: this.#people,
      keys: () => this.#keys,
    });
    const beganMs = performance.now();
    let warm: { now: number } | null = null;
    let toldAt = 0;
    const worker = async (): Promise<void> => {
      while (shooter.shots < this.#wish.requests) {
        const share = shooter.shots / this.#wish.requests;
        if (warm === null && share >= WARM_SHARE) warm = this.#target.memoryMiB();
        if (shooter.shots - toldAt >= 5_000) {
          toldAt = shooter.shots;
          this.#tell(`${toldAt} requests, ${shooter.failures.length} kinds of failure`);
        }
        const dice = new Dice(this.#wish.seed, `draw ${this.#draws++}`);
        if (wanderer.hasFirsts(share >= ALONE_SHARE) || dice.chance(WALK_SHARE))
          await wanderer.walk(share >= ALONE_SHARE);
        else await this.#one(operations, maker, shooter, tally, dice);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    const seconds = Math.round((performance.now() - beganMs) / 1000);
    const { memoryMiB, stored, complaints } = await this.#end(shooter, (warm ?? this.#target.memoryMiB()).now);
    const names = operations.map(nameOf).filter((name) => !(name in CANNOT_BE_DONE));
    const neverDone = names.filter((name) => !tally.hasSucceeded(name));
    const isAll = this.#wish.only === null && this.#wish.requests >= ENOUGH_FOR_ALL;
    if (isAll) complaints.push(...neverDone.map((name) => `never done: ${name}`));
    complaints.push(...wanderer.troubles);
    return {
      requests: shooter.shots,
      operations: tally.rows().filter(({ operation }) => operations.some((one) => nameOf(one) === operation)),
      neverDone,
      statuses: tally.statuses,
      slowestMs: Math.round(shooter.slowestMs),
      seconds,
      memoryMiB,
      stored,
      walks: wanderer.counts(),
      failures: shooter.failures,
      moreFailures: shooter.moreFailures,
      complaints,
    };
  }

  /** Each way is gone once before it is timed: a program that has just started is compiled as it runs. */
  async #warmUp(operations: readonly Operation[]): Promise<void> {
    for (const { method, path } of operations.filter((operation) => operation.method === 'GET'))
      await this.#sender.send({ method, target: path.replaceAll(/[{}]/g, ''), headers: {}, body: Buffer.alloc(0) });
  }

  async #one(
    operations: readonly Operation[],
    maker: ValueMaker,
    shooter: Shooter,
    tally: Tally,
    dice: Dice,
  ): Promise<void> {
    const drawn = this.#draw(operations, maker, tally, dice);
    const { caller, key } = this.#caller(drawn, dice);
    const told = await shooter.fire({ drawn, caller });
    if (told === null) return;
    const { body } = told;
    if (isPlainObject(body) && 'application_id' in body && 'token' in body)
      this.#applicants.set(String(body.application_id), String(body.token));
    if (key !== null && /^auth\.(unknown_key|suspended|address_refused)$/.test(codeOf(body) ?? ''))
      await this.#replaceKey(key, shooter);
  }

  /** What the run stands on is left alone, mostly: a partner that is shut out finds nothing any more. */
  #draw(operations: readonly Operation[], maker: ValueMaker, tally: Tally, dice: Dice): Drawn {
    for (let tries = 0; ; tries += 1) {
      const operation = this.#pick(operations, tally, dice);
      const drawn = drawRequest(operation, maker, dice);
      const text = `${drawn.target} ${drawn.body.subarray(0, 5_000)}`;
      const isSpared = operation.method !== 'GET' && this.#isStoodOn(operation, text);
      if (!isSpared || tries > 5 || dice.chance(0.002)) return drawn;
    }
  }

  #isStoodOn({ door, path }: Operation, text: string): boolean {
    if (/accounts|invitations|sessions/.test(path) && /(owner|person)-\d/.test(text)) return true;
    if (door === 'staff' && !DESTRUCTIVE.test(path)) return false;
    if (door === 'staff')
      return /fuzz-(site|c\d|partner)/.test(text) || this.#keys.some(({ key }) => text.includes(key.key_id));
    return path.startsWith('/v1/keys/') && this.#keys.some(({ key }) => text.includes(key.key_id));
  }

  #pick(operations: readonly Operation[], tally: Tally, dice: Dice): Operation {
    const undone = dice.chance(REACH_SHARE) ? operations.filter((one) => !tally.hasSucceeded(nameOf(one))) : [];
    const operation = dice.pick(undone.length > 0 ? undone : operations);
    if (isCostly(operation) && !dice.chance(0.1)) return this.#pick(operations, tally, dice);
    // Partners have the most to do here: as often as all the others together.
    return operation.door !== 'partner' && dice.chance(0.4) ? this.#pick(operations, tally, dice) : operation;
  }

  /** Who asks: rightly, mostly. `key`: of a partner who is let in. */
  #caller({ operation, target }: Drawn, dice: Dice): { caller: Caller; key: NamedKey | null } {
    const isRight = dice.chance(0.93);
    // Whoever comes without the right credentials comes from somewhere else each time, or he would be banned.
    const isStranger = !isRight || operation.door === 'open' || operation.door === 'applicant';
    const from: Record<string, string> = isStranger ? { 'x-forwarded-for': someAddress(dice) } : {};
    if (operation.door === 'partner') {
      const named = dice.pick(this.#keys);
      if (isRight) return { caller: partnerCaller(named.partnerId, named.key, dice), key: named };
      const fault = dice.pick(credentialFaults);
      const { partnerId, key } = named;
      const headers: Caller['headers'] = (request) => ({ ...signedHeaders(key, request, fault, dice), ...from });
      return { caller: { partnerId, headers }, key: null };
    }
    const bearer = (token: string | null) => ({
      caller: {
        partnerId: null,
        headers: () => ({ ...from, ...(token !== null && { authorization: `Bearer ${token}` }) }),
      },
      key: null,
    });
    if (!isRight) return bearer(dice.chance(0.5) ? 'pgs_nobody' : null);
    if (operation.door === 'staff') {
      // Whoever ends the sessions of an owner ends what others are about to confirm.
      const isOfSelf = /\/sessions\/|\/password$/.test(operation.path);
      const owner = !isOfSelf && dice.chance(0.5) ? this.#people.any(dice.between(0, 1_000)) : null;
      return { caller: bearerCaller(owner?.token ?? this.#target.staffToken), key: null };
    }
    const id = /applications\/([^/?]+)/.exec(target)?.[1] ?? '';
    return bearer(operation.door === 'applicant' ? (this.#applicants.get(id) ?? 'nobody') : null);
  }

  async #addKey(watch: { keep(secret: string): void }): Promise<void> {
    this.#keyNumber += 1;
    const named = await this.#target.newKey(`fuzz-partner-${this.#keyNumber}`);
    watch.keep(named.key.secret);
    this.#keys.push(named);
  }

  /** Somebody has shut out the partner, which is well; the run goes on with another one. */
  async #replaceKey(named: NamedKey, shooter: Shooter): Promise<void> {
    if (!this.#keys.includes(named)) return;
    this.#keys = this.#keys.filter((other) => other !== named);
    await this.#addKey({ keep: (secret) => shooter.keepSecret(secret) });
  }

  async #fetchDocument(path: string): Promise<ApiDocument> {
    const headers = { authorization: `Bearer ${this.#target.staffToken}` };
    const answer = await this.#sender.send({ method: 'GET', target: path, headers, body: Buffer.alloc(0) });
    if (answer.status !== 200) throw new Error(`${path}: ${answer.status}`);
    return JSON.parse(answer.body.toString('utf8'));
  }

  /** Looks at the process, ends it, and looks at what it leaves. */
  async #end(shooter: Shooter, warm: number) {
    const statusOf = async (target: string): Promise<number | null> => {
      const asked = { method: 'GET', target, headers: {}, body: Buffer.alloc(0) };
      return (await this.#sender.send(asked).catch(() => null))?.status ?? null;
    };
    const isAlive = (await statusOf('/healthz')) === 200;
    const isReady = isAlive && (await statusOf('/readyz')) === 200;
    const memory = isAlive ? this.#target.memoryMiB() : { now: 0, most: 0 };
    this.#sender.close();
    const { complaints, ...stored } = await this.#target.finish(shooter.accepted);
    if (!isAlive) complaints.push('the process does not live any more');
    else if (!isReady) complaints.push('the process is not ready any more');
    if (memory.now - warm > MOST_GROWTH_MIB[this.#wish.engine])
      complaints.push(`memory has grown from ${warm} to ${memory.now} MiB`);
    const errors = this.#target.log().filter(({ level, msg }) => level >= LOG_ERROR && !NOT_BY_CALLERS.test(msg ?? ''));
    for (const line of errors.slice(0, 5)) complaints.push(`in the log: ${JSON.stringify(line).slice(0, 1_500)}`);
    for (const trouble of this.#target.site.troubles.slice(0, 3)) complaints.push(`at the site: ${trouble}`);
    return { memoryMiB: { warm, end: memory.now, most: memory.most }, stored, complaints };
  }
}
