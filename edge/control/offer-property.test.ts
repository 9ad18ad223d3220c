import fc from 'fast-check';
import { expect, test } from 'vitest';
import { noInfluence } from './influence.ts';
import { allowedMa } from './offer.ts';
import { offerableMa } from './target.ts';
import { charging, facts, plugged, Rig } from './testing.ts';

type Outcome = 'taken' | 'refused' | 'unheard';
type Step =
  | { do: 'want'; ceilingMa: number | null }
  | { do: 'answer'; outcome: Outcome }
  | { do: 'look'; seconds: number; outcome: Outcome | null }
  | { do: 'restart'; atRest: boolean };
type Write = { write: 'start' | 'limit'; limitMa: number };

const TAKEN_WITHIN_MS = 10_000;
const POLL_MS = 1000;

/** A pile on a line that carries one write at a time; of those that wait, only the newest goes out. */
class World {
  readonly rig = new Rig().toCharging().acknowledge();
  pileMa = facts.limitMa;
  isAtRest = false;
  wantedMa = facts.limitMa;
  inFlight: Write | null = null;
  #waiting: Write[] = [];
  #seen = this.rig.orders.length;
  #aboveSinceMs: number | null = null;
  /** It outlasts a restart of the pile. */
  #registerWh = charging.registerWh ?? 0;

  take(step: Step): void {
    switch (step.do) {
      case 'want': {
        const influence = { ...noInfluence, ceilingMa: step.ceilingMa };
        this.wantedMa = offerableMa(facts.limitMa, influence, facts);
        this.rig.send({ kind: 'influenced', influence });
        break;
      }
      case 'answer':
        this.#answer(step.outcome);
        break;
      case 'look':
        for (let second = 0; second < step.seconds; second += 1) {
          if (step.outcome !== null) this.#answer(step.outcome);
          this.look();
        }
        break;
      case 'restart':
        this.#restart(step.atRest);
    }
    this.#check();
  }

  look(): void {
    if (this.rig.phase !== 'charging') return;
    const isOff = this.offeredMa === 0;
    this.#registerWh += isOff ? 0 : 2;
    const flowing = { ...charging, currentMa: this.offeredMa - 100 };
    this.rig.pass(POLL_MS).see({ ...(isOff ? plugged : flowing), registerWh: this.#registerWh });
    this.#check();
  }

  /** What the pile lets flow: at rest nothing, whatever its limit. */
  get offeredMa(): number {
    return this.isAtRest ? 0 : this.pileMa;
  }

  #restart(atRest: boolean): void {
    this.rig.send({ kind: 'set-up', result: 'missing' });
    this.pileMa = facts.limitMa;
    this.isAtRest = atRest;
    // What it delivers by a limit of its own is only known when it has been seen.
    this.rig.pass(POLL_MS).see({ ...(atRest ? plugged : charging), registerWh: this.#registerWh });
    this.rig.send({ kind: 'set-up', result: 'taken' });
  }

  #answer(outcome: Outcome): void {
    if (this.inFlight === null || this.rig.phase !== 'charging') return;
    const { write, limitMa } = this.inFlight;
    this.inFlight = null;
    if (outcome !== 'refused') this.pileMa = limitMa;
    if (outcome !== 'refused' && write === 'start') this.isAtRest = false;
    this.rig.send({ kind: outcome === 'taken' ? 'written' : 'write-failed', write, limitMa });
  }

  /** Hands over to the line what has been ordered, and looks at what must always hold. */
  #check(): void {
    this.#carry();
    const { phase } = this.rig.state;
    if (phase.kind !== 'charging') {
      // A vehicle that takes nothing for a minute ends the charge without a fault.
      expect(['pile-fault', null]).toContain(this.rig.session.stop?.fault);
      return;
    }
    expect(allowedMa(phase.offer, this.rig.monoMs)).toBeGreaterThanOrEqual(this.offeredMa);
    const isAbove = this.offeredMa > this.wantedMa;
    this.#aboveSinceMs = isAbove ? (this.#aboveSinceMs ?? this.rig.monoMs) : null;
    if (isAbove) expect(this.rig.monoMs - (this.#aboveSinceMs ?? 0)).toBeLessThanOrEqual(TAKEN_WITHIN_MS + POLL_MS);
  }

  #carry(): void {
    for (; this.#seen < this.rig.orders.length; this.#seen += 1) {
      const order = this.rig.orders[this.#seen];
      if (order?.kind !== 'write' || order.limitMa === null) continue;
      if (order.write === 'start' || order.write === 'limit')
        this.#waiting.push({ write: order.write, limitMa: order.limitMa });
    }
    if (this.inFlight !== null) return;
    const newest = this.#waiting.pop() ?? null;
    const superseded = this.#waiting;
    this.#waiting = [];
    this.inFlight = newest;
    for (const { write } of superseded) this.rig.send({ kind: 'superseded', write });
  }
}

const outcome = fc.constantFrom<Outcome>('taken', 'refused', 'unheard');
const ceilingMa = fc.constantFrom(null, null, 0, 6000, 8000, 12_000);
const seconds = fc.integer({ min: 1, max: 8 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('want' as const), ceilingMa }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('answer' as const), outcome }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('look' as const), seconds, outcome: fc.option(outcome) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const), atRest: fc.boolean() }) },
);

test('ED-06 whatever a pile takes, refuses or takes unheard, what may flow is known, less is enforced, and it ends up with what is wanted', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 14, size: 'max' }), (steps) => {
      const world = new World();
      for (const one of steps) {
        world.take(one);
        if (world.rig.phase !== 'charging') return;
      }
      world.take({ do: 'look', seconds: 30, outcome: 'taken' });
      if (world.rig.phase !== 'charging') return;
      const { offeredMa, wantedMa } = world;
      expect(offeredMa).toBe(wantedMa);
      expect(world.rig.state.phase).toMatchObject({ offer: { limitMa: wantedMa, pending: null } });
    }),
    { numRuns: 300 },
  );
});
