import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type BatchHead, bytesInFlight, windowOf } from './lane.ts';
import { MAX_BYTES_IN_FLIGHT, type PumpState, pump, pumpAtRest } from './pump.ts';

// A site, a network that loses, doubles, delays and breaks, and a cloud that applies what comes in order, as the real one does.
// Numbers of batches begin by chance with each process; that two of them do not begin within a few of each other is taken for granted.

const PER_BATCH = 5;
const TICK_MS = 250;
const LANES = [0, 1] as const;

interface SentBatch extends BatchHead {
  readonly lane: number;
  readonly sendNo: number;
  readonly seqs: readonly number[];
}
interface Answer {
  readonly lane: number;
  readonly sendNo: number | null;
  readonly ackedSeq: number;
}
type Message =
  | { readonly to: 'cloud'; readonly batch: SentBatch }
  | { readonly to: 'cloud'; readonly helloOf: number }
  | { readonly to: 'site'; readonly answer: Answer }
  | { readonly to: 'site'; readonly welcomeTo: number };
/** What becomes of one message: after how many milliseconds each copy of it comes. One that is lost has none. */
interface Fate {
  readonly delaysMs: readonly number[];
  /** On its way to the site it is still before the broker while the connection breaks, and comes over the next one. */
  readonly isBeforeBroker: boolean;
}
type Happening =
  | { readonly kind: 'write'; readonly lane: 0 | 1; readonly count: number }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'reconnect' }
  /** The site's process ends, and another begins on the same store. */
  | { readonly kind: 'restart' };

const GOOD: Fate = { delaysMs: [20], isBeforeBroker: false };
const PACES = [null, 20_000];

class World {
  nowMs = 0;
  readonly window: number;
  readonly isOldCloud: boolean;
  state: PumpState = pumpAtRest(PACES, 0);
  connection = 0;
  #restarts = 0;
  readonly written: [number, number] = [0, 0];
  /** What the site's store has of its records: it forgets what is acknowledged. */
  readonly outbox: [number[], number[]] = [[], []];
  readonly cursor: [number, number] = [0, 0];
  /** What the cloud has applied or, where it has it already, compared. */
  readonly seen = [new Set<number>(), new Set<number>()];
  batchesSent = 0;
  readonly #fractions: () => number;
  readonly #fate: () => Fate;
  #network: { readonly dueMs: number; readonly message: Message; readonly isBeforeBroker: boolean }[] = [];
  isGood = false;

  constructor(parts: {
    window: number;
    isOldCloud: boolean;
    copiedThroughSeq: number;
    fractions: () => number;
    fate: () => Fate;
  }) {
    this.window = parts.isOldCloud ? 1 : parts.window;
    this.isOldCloud = parts.isOldCloud;
    this.cursor[0] = parts.copiedThroughSeq;
    if (parts.copiedThroughSeq > 0) this.write(0, parts.copiedThroughSeq);
    this.#fractions = parts.fractions;
    this.#fate = parts.fate;
  }

  write(lane: 0 | 1, count: number): void {
    const from = this.written[lane];
    for (let n = 1; n <= count; n += 1) this.outbox[lane].push(from + n);
    this.written[lane] = from + count;
  }

  reconnect(): void {
    this.connection += 1;
    // What is under way to the cloud may still arrive; a clean session begins without what the broker had for the former one.
    this.#network = this.#network.filter(({ message, isBeforeBroker }) => message.to === 'cloud' || isBeforeBroker);
    this.#drive({ kind: 'disconnected' });
    this.#drive({ kind: 'connected' });
  }

  restart(): void {
    this.#restarts += 1;
    // Multiples of the golden section are far from each other.
    this.state = pumpAtRest(PACES, (this.#restarts * 0.618) % 1);
    this.reconnect();
  }

  run(ms: number): void {
    for (const until = this.nowMs + ms; this.nowMs < until; ) {
      const nextTickMs = (Math.floor(this.nowMs / TICK_MS) + 1) * TICK_MS;
      this.nowMs = Math.min(until, nextTickMs, ...this.#network.map(({ dueMs }) => dueMs));
      const due = this.#network.filter(({ dueMs }) => dueMs <= this.nowMs);
      this.#network = this.#network.filter(({ dueMs }) => dueMs > this.nowMs);
      for (const { message } of due) this.#arrive(message);
      if (this.nowMs === nextTickMs) this.#drive({ kind: 'tick' });
    }
  }

  /** An older cloud takes the first stream alone. */
  get isDrained(): boolean {
    return this.outbox.every((rows, lane) => rows.length === 0 || (lane > 0 && this.isOldCloud));
  }

  #send(message: Message): void {
    const { delaysMs, isBeforeBroker } = this.isGood ? GOOD : this.#fate();
    for (const delayMs of delaysMs) this.#network.push({ message, dueMs: this.nowMs + delayMs, isBeforeBroker });
  }

  #arrive(message: Message): void {
    if ('batch' in message) return this.#send({ to: 'site', answer: this.#applied(message.batch) });
    if ('helloOf' in message) return this.#send({ to: 'site', welcomeTo: message.helloOf });
    // An acknowledgement does not say which connection it is for; a welcome does.
    if ('answer' in message) return this.#heard(message.answer);
    if (message.welcomeTo !== this.connection) return;
    this.#drive({ kind: 'welcomed', batchesInFlight: this.window, isTaken: [true, !this.isOldCloud] });
  }

  #applied({ lane, sendNo, seqs }: SentBatch): Answer {
    for (const seq of seqs) {
      const at = this.cursor[lane as 0 | 1];
      if (seq > at + 1) break;
      this.seen[lane]?.add(seq);
      this.cursor[lane as 0 | 1] = Math.max(at, seq);
    }
    return { lane, sendNo: this.isOldCloud ? null : sendNo, ackedSeq: this.cursor[lane as 0 | 1] };
  }

  #heard(answer: Answer): void {
    const before = this.state.lanes[answer.lane]?.ackedSeq ?? 0;
    this.#drive({ kind: 'acked', ...answer });
    const throughSeq = this.state.lanes[answer.lane]?.ackedSeq ?? 0;
    expect(throughSeq).toBeGreaterThanOrEqual(before);
    const rows = this.outbox[answer.lane as 0 | 1];
    while (rows.length > 0 && (rows[0] ?? 0) <= throughSeq) {
      // The promise: what the site forgets, the cloud has looked at.
      expect(this.seen[answer.lane]?.has(rows[0] ?? 0), `record ${rows[0]} of ${answer.lane}`).toBe(true);
      rows.shift();
    }
    this.#drive({ kind: 'tick' });
  }

  #drive(event: Parameters<typeof pump>[1]): void {
    const { state, actions } = pump<SentBatch>(this.state, event, {
      nowMonoMs: this.nowMs,
      fraction: this.#fractions(),
      next: (lane, afterSeq, sendNo) => this.#next(lane, afterSeq, sendNo),
    });
    this.state = state;
    for (const action of actions) {
      if (action.kind === 'batch') this.batchesSent += 1;
      this.#send(
        action.kind === 'hello' ? { to: 'cloud', helloOf: this.connection } : { to: 'cloud', batch: action.head },
      );
    }
    let bytes = 0;
    for (const lane of state.lanes) {
      expect(lane.flight.length).toBeLessThanOrEqual(Math.max(1, windowOf(lane, this.window)));
      bytes += bytesInFlight(lane);
    }
    expect(bytes).toBeLessThan(MAX_BYTES_IN_FLIGHT + 2 * 50_000);
  }

  #next(lane: number, afterSeq: number, sendNo: number): SentBatch | null {
    const rows = this.outbox[lane as 0 | 1];
    const seqs = rows.filter((seq) => seq > afterSeq).slice(0, PER_BATCH);
    const throughSeq = seqs.at(-1);
    if (throughSeq === undefined) return null;
    const hasMore = throughSeq < (rows.at(-1) ?? 0);
    return { lane, sendNo, seqs, throughSeq, hasMore, bytes: seqs.length * 2000 };
  }
}

const happening: fc.Arbitrary<Happening> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('write'),
      lane: fc.constantFrom(...LANES),
      count: fc.integer({ min: 1, max: 40 }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('wait'), ms: fc.integer({ min: 10, max: 4000 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('reconnect', 'reconnect', 'restart') }) },
);
const fate: fc.Arbitrary<Fate> = fc.record({
  delaysMs: fc.array(fc.constantFrom(10, 20, 50, 200, 3000, 20_000), { maxLength: 2 }),
  isBeforeBroker: fc.boolean(),
});
const course = fc.record({
  window: fc.integer({ min: 1, max: 8 }),
  // An older cloud does not say what it answers: of a copied store late answers of it could be taken for others.
  cloud: fc.constantFrom(
    { isOldCloud: false, copiedThroughSeq: 0 },
    { isOldCloud: false, copiedThroughSeq: 7 },
    { isOldCloud: false, copiedThroughSeq: 60 },
    { isOldCloud: true, copiedThroughSeq: 0 },
  ),
  happenings: fc.array(happening, { minLength: 1, maxLength: 25 }),
  fates: fc.array(fate, { minLength: 1, maxLength: 40 }),
  fractions: fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { minLength: 1, maxLength: 20 }),
});

/** Taken in turn, again and again. */
function inTurn<Value>(values: readonly Value[]): () => Value {
  let at = -1;
  return () => {
    at += 1;
    return values[at % values.length] as Value;
  };
}

test('SY-01 whatever a network does: only what the cloud has looked at is forgotten, the window holds, and in the end all is there', () => {
  fc.assert(
    fc.property(course, ({ happenings, fates, fractions, window, cloud }) => {
      const world = new World({ window, ...cloud, fate: inTurn(fates), fractions: inTurn(fractions) });
      world.reconnect();
      for (const one of happenings) {
        if (one.kind === 'write') world.write(one.lane, one.count);
        else if (one.kind === 'wait') world.run(one.ms);
        else world[one.kind]();
      }
      world.isGood = true;
      world.reconnect();
      for (let round = 0; round < 60 && !world.isDrained; round += 1) world.run(5000);
      expect(world.isDrained).toBe(true);
      expect(world.cursor[0]).toBe(world.written[0]);
    }),
    { numRuns: 1000 },
  );
});

test('SY-08 over a network that is well nothing is sent twice', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 400 }), fc.integer({ min: 1, max: 8 }), (count, window) => {
      const good = { fate: () => GOOD, fractions: () => 0.5 };
      const world = new World({ window, isOldCloud: false, copiedThroughSeq: 0, ...good });
      world.write(0, count);
      world.reconnect();
      world.run(20_000);
      expect([world.isDrained, world.batchesSent]).toEqual([true, Math.ceil(count / PER_BATCH)]);
    }),
    { numRuns: 50 },
  );
});

test('SY-01 what is lost makes no storm: each loss costs a window at most', () => {
  fc.assert(
    fc.property(
      fc.integer(),
      fc.integer({ min: 1, max: 30 }),
      fc.integer({ min: 1, max: 8 }),
      (seed, percent, window) => {
        let dice = seed >>> 0;
        let lost = 0;
        const fate = () => {
          dice = (Math.imul(dice, 1_664_525) + 1_013_904_223) >>> 0;
          const isLost = dice / 2 ** 32 < percent / 100;
          if (isLost) lost += 1;
          return isLost ? { ...GOOD, delaysMs: [] } : GOOD;
        };
        const world = new World({ window, isOldCloud: false, copiedThroughSeq: 0, fate, fractions: () => 0.5 });
        world.write(0, 500);
        world.reconnect();
        for (let round = 0; round < 500 && !world.isDrained; round += 1) world.run(5000);
        expect(world.isDrained).toBe(true);
        expect(world.batchesSent).toBeLessThanOrEqual(500 / PER_BATCH + lost * (window + 1));
      },
    ),
    { numRuns: 40 },
  );
});
