import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Cdr } from '#shared/wire/cdr.ts';
import type { EnergyRegister } from './meter-track.ts';
import type { Reading } from './reading.ts';
import { charging, facts, plugged, Rig, restartFromDisk, startCommand, stopCommand, uuid } from './testing.ts';

// Whatever a meter does: nobody pays for energy that has not flowed. Its values lie in classes far apart (2,000 Wh from
// the start, 0 after a reset, 5,000 after a replacement, each modulo 10,000 Wh), and a run stays below 1,000 Wh, so that
// what the meter did is never hidden in what the pile could have delivered.

const MWH_PER_WH = 1000;
const APART_WH = 10_000;
const START_WH = 52_000;
/** The most that can hide below a step of the register, or that a register that stood still was not caught at. */
const hiddenWh = (resolutionWh: number, everyS: number) => Math.max(20, resolutionWh) + 3 * resolutionWh + 4 * everyS;

type Act =
  | { readonly do: 'deliver'; readonly seconds: number; readonly powerW: number }
  | { readonly do: 'glitch' | 'jump'; readonly steps: number }
  | { readonly do: 'reset' }
  | { readonly do: 'replace'; readonly steps: number; readonly tells: boolean }
  | { readonly do: 'stuck'; readonly seconds: number; readonly catchesUp: boolean }
  | { readonly do: 'silent'; readonly seconds: number }
  | { readonly do: 'restart'; readonly seconds: number; readonly reboot: boolean };

const seconds = fc.integer({ min: 1, max: 14 });
const steps = fc.integer({ min: 1, max: 9 });
const deliver = fc.record({
  do: fc.constant('deliver' as const),
  seconds,
  powerW: fc.constantFrom(0, 1400, 7000, 11_000),
});
const restart = fc.record({ do: fc.constant('restart' as const), seconds, reboot: fc.boolean() });
const silent = fc.record({ do: fc.constant('silent' as const), seconds });
const glitch = fc.record({ do: fc.constant('glitch' as const), steps: fc.integer({ min: -5, max: 9 }) });
const stuck = fc.record({ do: fc.constant('stuck' as const), seconds, catchesUp: fc.boolean() });
const jump = fc.record({ do: fc.constant('jump' as const), steps });
const reset = fc.constant({ do: 'reset' as const });
const replace = fc.record({ do: fc.constant('replace' as const), steps, tells: fc.boolean() });

interface Metering {
  readonly energy: EnergyRegister;
  readonly everyS: number;
}

const meteringOf = (kind: EnergyRegister['kind'], rollsOverAtWh: number | null) =>
  fc.record({
    energy: fc.constantFrom(1, 10, 100).map((resolutionWh): EnergyRegister => ({ kind, rollsOverAtWh, resolutionWh })),
    everyS: fc.constantFrom(1, 3),
  });

/** A pile whose true energy is known, and the meter that tells of it as it likes. */
class World {
  rig: Rig;
  trueMwh = 0;
  powerW = 11_000;
  readonly #energy: EnergyRegister;
  /** A meter of its own is read at every so many looks at the pile. */
  readonly #everyS: number;
  #looks = 0;
  #offsetMwh: number;
  #meterId: string | null = null;
  #meters = 0;
  #boots = 900;
  #frozenWh: number | null = null;
  #isSilent = false;
  #glitchWh = 0;

  constructor({ energy, everyS }: Metering, fractionMwh: number) {
    this.#energy = energy;
    this.#everyS = everyS;
    this.#offsetMwh = START_WH * MWH_PER_WH + fractionMwh;
    this.rig = new Rig({ facts: { energy } });
    this.rig.command(startCommand());
    this.rig.pass(100).see({ ...plugged, registerWh: this.shownWh });
    this.rig.send({ kind: 'durable', sessionId: this.rig.session.sessionId });
    this.rig.pass(100).send({ kind: 'written', write: 'start', limitMa: 16_000 });
    this.rig.pass(100).see(this.reading());
    this.rig.acknowledge();
  }

  get shownWh(): number {
    const { resolutionWh, rollsOverAtWh } = this.#energy;
    const countedWh = (this.trueMwh + this.#offsetMwh) / MWH_PER_WH;
    const wh = rollsOverAtWh === null ? countedWh : countedWh % rollsOverAtWh;
    return Math.floor(wh / resolutionWh) * resolutionWh;
  }

  reading(): Reading {
    const registerWh = this.#isSilent ? null : (this.#frozenWh ?? this.shownWh) + this.#glitchWh;
    const currentMa = Math.round(this.powerW / 0.69);
    return { ...charging, powerW: this.powerW, currentMa, registerWh, meterId: this.#meterId };
  }

  flow(ms: number): void {
    this.trueMwh += Math.floor((this.powerW * ms) / 3600);
  }

  second(): void {
    // A meter that nobody can bill by has ended the charge.
    if (this.rig.phase !== 'charging') return;
    this.flow(1000);
    this.rig.pass(1000);
    const beforeWh = this.rig.session.lastReading.registerWh;
    this.#looks += 1;
    const reading = this.reading();
    this.rig.see(this.#looks % this.#everyS === 0 ? reading : { ...reading, registerWh: null, meterId: null });
    expect(this.rig.session.lastReading.registerWh).toBeGreaterThanOrEqual(beforeWh);
  }

  act(act: Act): void {
    const forSeconds = (count: number) => {
      for (let i = 0; i < count; i += 1) this.second();
    };
    switch (act.do) {
      case 'deliver':
        this.powerW = act.powerW;
        return forSeconds(act.seconds);
      case 'glitch':
        this.#glitchWh = Math.max(act.steps * APART_WH, -Math.floor(this.shownWh / APART_WH) * APART_WH);
        this.second();
        this.#glitchWh = 0;
        return;
      case 'jump':
        this.#offsetMwh += act.steps * APART_WH * MWH_PER_WH;
        return this.second();
      case 'reset':
        this.#offsetMwh = -this.trueMwh;
        return this.second();
      case 'replace':
        this.#offsetMwh = (act.steps * APART_WH + 5000) * MWH_PER_WH - this.trueMwh;
        this.#meters += 1;
        this.#meterId = act.tells ? `M${this.#meters}` : null;
        return this.second();
      case 'stuck': {
        this.#frozenWh = this.shownWh;
        const atMwh = this.trueMwh;
        forSeconds(act.seconds);
        this.#frozenWh = null;
        if (!act.catchesUp) this.#offsetMwh -= this.trueMwh - atMwh;
        return;
      }
      case 'silent':
        this.#isSilent = true;
        forSeconds(act.seconds);
        this.#isSilent = false;
        return forSeconds(this.#everyS);
      case 'restart':
        return this.#restart(act.seconds, act.reboot);
    }
  }

  #restart(secondsAway: number, reboot: boolean): void {
    if (this.rig.phase !== 'charging') return;
    this.flow(secondsAway * 1000);
    this.#boots += reboot ? 1 : 0;
    const boot = reboot ? { bootId: uuid(this.#boots), monoMs: 30_000 } : {};
    const bootId = { bootId: uuid(this.#boots) };
    this.rig = restartFromDisk(this.rig, secondsAway * 1000, { facts: { energy: this.#energy }, ...bootId, ...boot });
    this.rig.see(this.reading());
    this.rig.acknowledge();
  }

  end(): Cdr {
    const { rig } = this;
    rig.command(stopCommand(rig.session.sessionId));
    rig.pass(100).send({ kind: 'written', write: rig.rung });
    for (let i = 0; i < 10 && rig.phase === 'stopping'; i += 1) {
      rig.pass(1000).see({ ...this.reading(), status: 'plugged', powerW: 0, currentMa: 0 });
    }
    return rig.cdr;
  }
}

const newCourses = new Set(['rollover', 'reset', 'replaced', 'jump']);

/** What the raw counts and the credits of a record add up to. */
const evidenceWh = ({ rawStartWh = 0, rawEndWh = 0, meterEvents = [] }: Cdr): number =>
  meterEvents
    .filter((event) => newCourses.has(event.kind))
    .reduce(
      (sum, event) => sum + event.fromRawWh + event.creditedWh - (event.toRawWh ?? Number.NaN),
      rawEndWh - rawStartWh,
    );

const fractionMwh = fc.integer({ min: 0, max: 99_999 });

function run(metering: Metering, fraction: number, acts: readonly Act[]) {
  const world = new World(metering, fraction);
  for (const act of acts) world.act(act);
  const cdr = world.end();
  return { cdr, trueWh: world.trueMwh / MWH_PER_WH, meterMarks: cdr.marks.filter((mark) => mark.startsWith('meter-')) };
}

test('ED-13 without misbehaviour the energy billed is the energy that flowed, to the resolution', () => {
  // A slow meter is not asked for 2 s before and after: all in all 10 s.
  const brief = fc.record({ do: fc.constant('silent' as const), seconds: fc.integer({ min: 1, max: 6 }) });
  const acts = fc.array(fc.oneof(deliver, restart, brief), { maxLength: 12 });
  fc.assert(
    fc.property(meteringOf('cumulative', null), fractionMwh, acts, (metering, fraction, chosen) => {
      const { cdr, trueWh, meterMarks } = run(metering, fraction, chosen);
      expect(Math.abs(cdr.energyWh - trueWh)).toBeLessThan(metering.energy.resolutionWh);
      expect(meterMarks).toEqual([]);
      expect(cdr.meterEvents).toEqual([]);
    }),
    { numRuns: 150 },
  );
});

test.each([
  ['any misbehaviour of a cumulative register', meteringOf('cumulative', null), [jump, reset, replace]],
  [
    'any misbehaviour of a register that counts since power-up',
    meteringOf('since-power-on', null),
    [jump, reset, replace],
  ],
  ['any misbehaviour of a register of each charge', meteringOf('per-session', null), [jump, reset, replace]],
  ['a rollover', meteringOf('cumulative', START_WH + 200), []],
] as const)(
  'ED-13 %s: never more billed than flowed, nothing lost without a mark, and the evidence adds up',
  (_, meterings, more) => {
    const acts = fc.array(fc.oneof(deliver, deliver, restart, silent, glitch, stuck, ...more), { maxLength: 12 });
    fc.assert(
      fc.property(meterings, fractionMwh, acts, (metering, fraction, chosen) => {
        const { cdr, trueWh, meterMarks } = run(metering, fraction, chosen);
        const { resolutionWh } = metering.energy;
        expect(cdr.energyWh).toBeLessThan(trueWh + resolutionWh);
        expect(cdr.rating?.energyWh).toBe(cdr.energyWh);
        expect(evidenceWh(cdr)).toBe(cdr.energyWh);
        const hiding = chosen.filter((act) => act.do === 'stuck' || act.do === 'reset').length;
        const isLess = cdr.energyWh <= trueWh - resolutionWh - hiding * hiddenWh(resolutionWh, metering.everyS);
        if (isLess) expect(meterMarks).not.toEqual([]);
      }),
      { numRuns: 150 },
    );
  },
);

test('the runs above stay where nothing can hide', () => {
  expect((facts.maxPowerW * 12 * 15) / 3600).toBeLessThan(1000);
});
