import { Dice } from '../sim/dice.ts';
import { type ApiDocument, type Operation, operationsOf } from './api-document.ts';
import { credentialFaults, type SigningKey, signedHeaders, someAddress } from './callers.ts';
import { CloudUnderFire, type DatabaseEngine } from './cloud-under-fire.ts';
import { type Drawn, drawRequest } from './draw-request.ts';
import { Judge } from './judge-answer.ts';
import { KnownValues } from './known-values.ts';
import { type Answered, asCurl, Sender, type Sent } from './send.ts';
import { ValueMaker } from './value-maker.ts';

export interface FuzzWish {
  readonly seed: number;
  readonly requests: number;
  readonly engine: DatabaseEngine;
  /** Only operations whose path has this in it; null: all. */
  readonly only: string | null;
}

export interface FuzzFailure {
  readonly index: number;
  readonly operation: string;
  readonly complaints: readonly string[];
  /** What came back, the beginning of it. */
  readonly answer: string;
  readonly curl: string;
}

export interface FuzzReport {
  readonly requests: number;
  readonly operations: number;
  /** Operations of which none was ever done. */
  readonly neverDone: readonly string[];
  readonly statuses: Readonly<Record<string, number>>;
  readonly slowestMs: number;
  readonly seconds: number;
  readonly memoryMiB: { readonly warm: number; readonly end: number; readonly most: number };
  readonly stored: { readonly operations: number; readonly orders: number };
  readonly failures: readonly FuzzFailure[];
  /** How many more failures there were than are listed. */
  readonly moreFailures: number;
  /** What was wrong at the end: with the process, its log, its memory, its database. */
  readonly complaints: readonly string[];
}

const AT_ONCE = 8;
const LISTED = 30;
/** What a password costs to try is meant to be much. */
const isCostly = ({ path }: Operation): boolean => /\/sessions$|\/invitations\/|\/password$/.test(path);
/** What takes something away from whoever is named. */
const DESTRUCTIVE =
  /suspend|disable|revoke|rotate|access|terms|maintenance|plans|hours|leave|\/keys\/\{key_id\}$|\/partners\/\{partner_id\}$/;
const WARM_SHARE = 0.3;
/** Beyond what it had when warm. An embedded database lives in the process and grows with its rows. */
const MOST_GROWTH_MIB: Readonly<Record<DatabaseEngine, number>> = { postgresql: 256, pglite: 768 };
const LOG_ERROR = 50;
/** Nobody has told this cloud whom to alert, which it says; and what is an alarm for people is no failure of a request. */
const NOT_BY_CALLERS = /^(alerts of these levels reach nobody|alarm about a partner)/;

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
  readonly #sender: Sender;
  readonly #applicants = new Map<string, string>();
  readonly #accepted = new Set<string>();
  readonly #done = new Set<string>();
  readonly #statuses: Record<string, number> = {};
  readonly #failures: FuzzFailure[] = [];
  readonly #seen = new Set<string>();
  #more = 0;
  #slowestMs = 0;
  #keys: SigningKey[] = [];
  #keyNumber = 0;
  #next = 0;

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
    const operations = Object.entries(documents)
      .flatMap(([name, document]) => operationsOf(name, document))
      .filter(({ path }) => this.#wish.only === null || path.includes(this.#wish.only));
    const judge = new Judge(documents);
    // The two documents have the components of both.
    const maker = new ValueMaker(documents.partner.components?.schemas ?? {}, this.#known);
    this.#known.prefer('connector_id', this.#target.connectorIds);
    for (let n = 0; n < 3; n += 1) await this.#addKey();
    this.#known.learn([await this.#target.newKey('victim-partner'), { partner_id: 'victim-partner' }]);
    await this.#warmUp(operations);
    const beganMs = performance.now();
    let warm: { now: number } | null = null;
    const worker = async (): Promise<void> => {
      while (this.#next < this.#wish.requests) {
        const index = this.#next++;
        if (warm === null && index >= this.#wish.requests * WARM_SHARE) warm = this.#target.memoryMiB();
        if (index > 0 && index % 5_000 === 0)
          this.#tell(`${index} requests, ${this.#failures.length} kinds of failure`);
        await this.#one(index, operations, maker, judge);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    const seconds = Math.round((performance.now() - beganMs) / 1000);
    return this.#report(operations, seconds, (warm ?? this.#target.memoryMiB()).now);
  }

  /** Each way is gone once before it is timed: a program that has just started is compiled as it runs. */
  async #warmUp(operations: readonly Operation[]): Promise<void> {
    for (const { method, path } of operations.filter((operation) => operation.method === 'GET'))
      await this.#sender.send({ method, target: path.replaceAll(/[{}]/g, ''), headers: {}, body: Buffer.alloc(0) });
  }

  async #one(index: number, operations: readonly Operation[], maker: ValueMaker, judge: Judge): Promise<void> {
    const dice = new Dice(this.#wish.seed, `request ${index}`);
    const drawn = this.#draw(operations, maker, dice);
    const sent = this.#authenticated(drawn, dice);
    const name = `${drawn.operation.method} ${drawn.operation.path}`;
    let answer: Answered;
    try {
      answer = await this.#sender.send(sent);
    } catch (error) {
      this.#fail(index, name, [`no answer: ${error instanceof Error ? error.message : error}`], '', sent);
      return;
    }
    this.#slowestMs = Math.max(this.#slowestMs, answer.elapsedMs);
    this.#statuses[answer.status] = (this.#statuses[answer.status] ?? 0) + 1;
    const complaints = judge.judge(drawn, answer);
    if (complaints.length > 0) this.#fail(index, name, complaints, answer.body.toString('utf8').slice(0, 400), sent);
    this.#learn(drawn, answer);
    if (sent.keyInUse !== null && /auth\.(unknown_key|suspended|address_refused)/.test(answer.body.toString('latin1')))
      await this.#replaceKey(sent.keyInUse);
  }

  /** What the run stands on is left alone, mostly: a partner that is shut out finds nothing any more. */
  #draw(operations: readonly Operation[], maker: ValueMaker, dice: Dice): Drawn {
    for (let tries = 0; ; tries += 1) {
      const operation = this.#pick(operations, dice);
      const drawn = drawRequest(operation, maker, dice);
      const text = `${drawn.target} ${drawn.body.subarray(0, 5_000)}`;
      const isSpared = operation.method !== 'GET' && this.#isStoodOn(operation, text);
      if (!isSpared || tries > 5 || dice.chance(0.01)) return drawn;
    }
  }

  #isStoodOn({ door, path }: Operation, text: string): boolean {
    if (door === 'staff' && !DESTRUCTIVE.test(path)) return false;
    if (door === 'staff')
      return /fuzz-(site|c\d|partner)/.test(text) || this.#keys.some((key) => text.includes(key.key_id));
    return path.startsWith('/v1/keys/') && this.#keys.some((key) => text.includes(key.key_id));
  }

  #pick(operations: readonly Operation[], dice: Dice): Operation {
    const operation = dice.pick(operations);
    if (isCostly(operation) && !dice.chance(0.1)) return this.#pick(operations, dice);
    // Partners have the most to do here: as often as all the others together.
    return operation.door !== 'partner' && dice.chance(0.4) ? this.#pick(operations, dice) : operation;
  }

  #authenticated(drawn: Drawn, dice: Dice): Sent & { readonly keyInUse: SigningKey | null } {
    const { method, target, body } = drawn;
    const isRight = dice.chance(0.93);
    const { headers, keyInUse } = this.#credentials(drawn, isRight, dice);
    // Whoever comes without the right credentials comes from somewhere else each time, or he would be banned.
    const isStranger = !isRight || drawn.operation.door === 'open' || drawn.operation.door === 'applicant';
    const from = isStranger ? { 'x-forwarded-for': someAddress(dice) } : {};
    return { method, target, body, keyInUse, headers: { ...drawn.headers, ...headers, ...from } };
  }

  #credentials(
    { operation, method, target, body }: Drawn,
    isRight: boolean,
    dice: Dice,
  ): { headers: Record<string, string>; keyInUse: SigningKey | null } {
    if (operation.door === 'partner') {
      const key = dice.pick(this.#keys);
      const fault = isRight ? 'none' : dice.pick(credentialFaults);
      return { headers: signedHeaders(key, { method, target, body }, fault, dice), keyInUse: isRight ? key : null };
    }
    const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` }, keyInUse: null });
    if (!isRight) return dice.chance(0.5) ? bearer('pgs_nobody') : { headers: {}, keyInUse: null };
    if (operation.door === 'staff') return bearer(this.#target.staffToken);
    const id = /applications\/([^/?]+)/.exec(target)?.[1] ?? '';
    return operation.door === 'applicant'
      ? bearer(this.#applicants.get(id) ?? 'nobody')
      : { headers: {}, keyInUse: null };
  }

  #learn({ operation, method }: Drawn, { status, headers, body }: Answered): void {
    if (status >= 300) return;
    this.#done.add(`${operation.method} ${operation.path}`);
    if (!String(headers['content-type']).includes('json') || body.length > 200_000) return;
    const told: unknown = JSON.parse(body.toString('utf8'));
    this.#known.learn(told);
    if (typeof told !== 'object' || told === null) return;
    if (status === 202 && operation.door === 'partner' && method === 'POST' && 'operation_id' in told)
      this.#accepted.add(String(told.operation_id));
    if ('application_id' in told && 'token' in told)
      this.#applicants.set(String(told.application_id), String(told.token));
  }

  #fail(index: number, operation: string, complaints: string[], answer: string, sent: Sent): void {
    const kind = `${operation} ${complaints.join('; ')}`;
    if (this.#seen.has(kind) || this.#failures.length >= LISTED) {
      this.#more += 1;
      return;
    }
    this.#seen.add(kind);
    const curl = asCurl(this.#target.cloud.ready.httpUrl, sent);
    this.#failures.push({ index, operation, complaints, answer, curl: curl.slice(0, 4_000) });
    this.#tell(`request ${index}: ${kind}`);
  }

  async #addKey(): Promise<void> {
    this.#keyNumber += 1;
    this.#keys.push(await this.#target.newKey(`fuzz-partner-${this.#keyNumber}`));
  }

  /** Somebody has shut out the partner, which is well; the run goes on with another one. */
  async #replaceKey(key: SigningKey): Promise<void> {
    if (!this.#keys.includes(key)) return;
    this.#keys = this.#keys.filter((other) => other !== key);
    await this.#addKey();
  }

  async #fetchDocument(path: string): Promise<ApiDocument> {
    const headers = { authorization: `Bearer ${this.#target.staffToken}` };
    const answer = await this.#sender.send({ method: 'GET', target: path, headers, body: Buffer.alloc(0) });
    if (answer.status !== 200) throw new Error(`${path}: ${answer.status}`);
    return JSON.parse(answer.body.toString('utf8'));
  }

  async #report(operations: readonly Operation[], seconds: number, warm: number): Promise<FuzzReport> {
    const alive = await this.#sender
      .send({ method: 'GET', target: '/healthz', headers: {}, body: Buffer.alloc(0) })
      .catch(() => null);
    const memory = alive === null ? { now: 0, most: 0 } : this.#target.memoryMiB();
    this.#sender.close();
    const { complaints, ...stored } = await this.#target.finish(this.#accepted);
    if (alive?.status !== 200) complaints.push('the process does not live any more');
    if (memory.now - warm > MOST_GROWTH_MIB[this.#wish.engine])
      complaints.push(`memory has grown from ${warm} to ${memory.now} MiB`);
    const errors = this.#target.log().filter(({ level, msg }) => level >= LOG_ERROR && !NOT_BY_CALLERS.test(msg ?? ''));
    for (const line of errors.slice(0, 5)) complaints.push(`in the log: ${JSON.stringify(line).slice(0, 1_500)}`);
    for (const trouble of this.#target.site.troubles.slice(0, 3)) complaints.push(`at the site: ${trouble}`);
    return {
      requests: this.#wish.requests,
      operations: operations.length,
      neverDone: operations.map(({ method, path }) => `${method} ${path}`).filter((name) => !this.#done.has(name)),
      statuses: this.#statuses,
      slowestMs: Math.round(this.#slowestMs),
      seconds,
      memoryMiB: { warm, end: memory.now, most: memory.most },
      stored,
      failures: this.#failures,
      moreFailures: this.#more,
      complaints,
    };
  }
}
