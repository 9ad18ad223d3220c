import type { Caller } from './callers.ts';
import type { Drawn } from './draw-request.ts';
import type { Judge } from './judge-answer.ts';
import type { KnownValues } from './known-values.ts';
import type { SecretWatch } from './secret-watch.ts';
import { type Answered, asCurl, type Sender, type Sent } from './send.ts';
import { nameOf, type Tally } from './tally.ts';
import { isPlainObject } from './told.ts';

export interface FuzzFailure {
  readonly index: number;
  readonly operation: string;
  readonly complaints: readonly string[];
  /** What came back, the beginning of it. */
  readonly answer: string;
  readonly curl: string;
}

/** One request and what it is to be judged by beyond the documents. */
export interface Shot {
  readonly drawn: Drawn;
  readonly caller: Caller;
  readonly headers?: Readonly<Record<string, string>>;
  /** It names what is another's: to let it through is a failure. */
  readonly isForeign?: boolean;
}

export interface ShooterParts {
  readonly sender: Sender;
  readonly baseUrl: string;
  readonly judge: Judge;
  readonly tally: Tally;
  readonly watch: SecretWatch;
  readonly known: KnownValues;
  readonly tell: (line: string) => void;
}

/** The answer to a shot. */
export interface Told {
  readonly status: number;
  /** Of JSON the value; undefined: no JSON. */
  readonly body: unknown;
  readonly headers: Answered['headers'];
}

const LISTED = 30;
const MOST_LEARNT_BYTES = 200_000;

/** Sends requests, judges every answer, counts it, and takes in what it tells. */
export class Shooter {
  readonly failures: FuzzFailure[] = [];
  /** Operations that were accepted, by the word of the API. */
  readonly accepted = new Set<string>();
  moreFailures = 0;
  slowestMs = 0;
  shots = 0;
  readonly #seen = new Set<string>();
  readonly #parts: ShooterParts;

  constructor(parts: ShooterParts) {
    this.#parts = parts;
  }

  /** Null: no answer came, which is a failure. */
  async fire({ drawn, caller, headers = {}, isForeign = false }: Shot): Promise<Told | null> {
    const { sender, judge, tally, watch, known } = this.#parts;
    const index = this.shots;
    this.shots += 1;
    const { method, target, body } = drawn;
    const sent = { method, target, body, headers: { ...drawn.headers, ...caller.headers(drawn), ...headers } };
    const operation = nameOf(drawn.operation);
    let answer: Answered;
    try {
      answer = await sender.send(sent);
    } catch (error) {
      this.#fail(index, operation, [`no answer: ${error instanceof Error ? error.message : error}`], '', sent);
      return null;
    }
    const text = answer.body.toString('utf8');
    const isJson = /json/.test(String(answer.headers['content-type']));
    const told = { status: answer.status, body: isJson ? parsed(text) : undefined, headers: answer.headers };
    this.slowestMs = Math.max(this.slowestMs, answer.elapsedMs);
    tally.count(operation, answer.status, codeOf(told.body));
    const complaints = judge.judge(drawn, answer);
    const isOther = drawn.operation.door === 'partner' && watch.isForeign(caller.partnerId, target.split('?')[0] ?? '');
    if ((isForeign || isOther) && answer.status < 300) complaints.push('lets in somebody whose it is not');
    const asked = `${decoded(target)} ${body}`;
    complaints.push(...watch.complaints(caller.partnerId, asked, text));
    if (complaints.length > 0) this.#fail(index, operation, complaints, text.slice(0, 400), sent);
    if (answer.status >= 300 || body.length > MOST_LEARNT_BYTES) return told;
    // What is only read is no secret: the audit log names the challenge of a confirmation by the name that its token has elsewhere.
    const learnt = method === 'GET' ? 'ids' : 'ids and secrets';
    watch.learn(drawn.operation.door === 'partner' ? caller.partnerId : null, told.body, learnt, asked);
    known.learn(told.body);
    const { operation_id: id } = isPlainObject(told.body) ? told.body : {};
    if (answer.status === 202 && drawn.operation.door === 'partner' && id !== undefined) this.accepted.add(String(id));
    return told;
  }

  /** What came by another way than as an answer. */
  countStream(operation: string): void {
    this.#parts.tally.count(operation, 101, null);
  }

  /** What the caller itself has made up, and nobody else may hear. */
  keepSecret(secret: string): void {
    this.#parts.watch.keep(secret);
  }

  #fail(index: number, operation: string, complaints: string[], answer: string, sent: Sent): void {
    const kind = `${operation} ${complaints.join('; ')}`;
    if (this.#seen.has(kind) || this.failures.length >= LISTED) {
      this.moreFailures += 1;
      return;
    }
    this.#seen.add(kind);
    const curl = asCurl(this.#parts.baseUrl, sent);
    this.failures.push({ index, operation, complaints, answer, curl: curl.slice(0, 4_000) });
    this.#parts.tell(`request ${index}: ${kind}`);
  }
}

/** What a refusal says that it is; null: nothing. */
export const codeOf = (body: unknown): string | null =>
  isPlainObject(body) && typeof body.code === 'string' ? body.code : null;

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function decoded(target: string): string {
  try {
    return `${target} ${decodeURIComponent(target)}`;
  } catch {
    return target;
  }
}
