import type { Clock, Timers } from '#shared/clock.ts';
import { type LocalTime, localTimeIn } from '#shared/local-time.ts';
import { type Influence, noInfluence } from '../control/influence.ts';
import { comparisonsIn } from '../rules/condition.ts';
import type { Evaluate, Holding } from '../rules/engine.ts';
import { isOfConnector } from '../rules/facts.ts';
import {
  afterBlindness,
  afterLook,
  carriedOver,
  influenceAt,
  nothingYet,
  type Outcome,
  type Turn,
  turnsBetween,
} from '../rules/outcome.ts';
import { type RuleSet, textOfRule } from '../rules/rule-set.ts';
import { type RulesView, viewOfRules } from '../rules/rules-view.ts';
import { type SiteLook, snapshotOf } from '../rules/snapshot.ts';
import { Pace } from './pace.ts';
import { type ApplyResult, RulesDoor, type RulesDoorParts } from './rules-door.ts';

/** What the rules have to tell a person. `connectorId` is null when it is about the whole site. */
export interface RulesAlarm {
  readonly code: 'site-rule' | 'site-rules-refused' | 'site-rules-failed';
  readonly connectorId: string | null;
  readonly detail: string;
}

export interface SiteRulesParts extends RulesDoorParts {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly look: () => SiteLook;
  readonly engineFor: (ruleSet: RuleSet, breathe: () => Promise<void>) => Evaluate;
  readonly onInfluence: (connectorId: string, influence: Influence) => void;
  readonly onAlarm: (alarm: RulesAlarm) => void;
  /** Resolves when the last alarm is on disk. */
  readonly end: () => Promise<void>;
}

const LOOK_EVERY_MS = 1000;
/** After a look the thread belongs to the piles for so many times what it took, but no longer than an outcome lasts. */
const REST_PER_LOOK = 4;
/** A look that takes so long is an alarm. */
const SLOW_AFTER_MS = 2000;
/** So long the last outcome counts when none comes after it; then what is missing is unsafe. */
const OUTCOME_LASTS_MS = 10_000;
/** So long the first look waits for piles that have not been read yet. */
const FIRST_LOOK_WITHIN_MS = 10_000;
const LONGEST_DETAIL = 500;

/** The rules that are looked at, and what that needs. Another object is another generation: no result crosses over. */
interface InForce {
  readonly ruleSet: RuleSet;
  readonly evaluate: Evaluate;
  readonly localTime: ((atMs: number) => LocalTime) | null;
}

/**
 * `waiting`: not looked at yet. `looking`: as it should be. `blind`: no look has come to an end for too long.
 * `none`: rules are wanted, and there are no good ones.
 */
type Standing = 'waiting' | 'looking' | 'blind' | 'none';

/** Rules that nobody can judge might have refused. */
const objectionTo: Readonly<Record<Standing, string | null>> = {
  waiting: 'the rules of the site have not been looked at yet',
  looking: null,
  blind: 'the rules of the site cannot be looked at',
  none: 'the rules of the site were refused, and there is no good version of them',
};

/**
 * Looks at the site rules at its own pace, never in the way of a stop: one look at a time, and what a look finds counts only
 * while the rules that it was made with are in force.
 */
export class SiteRules {
  readonly #parts: SiteRulesParts;
  readonly #pace: Pace;
  readonly #door: RulesDoor;
  /** What the rules said at their last look, and what the connectors have been told. */
  #ruled: ReadonlyMap<string, Influence> = new Map();
  readonly #told = new Map<string, string>();
  #force: InForce | null = null;
  #outcome: Outcome;
  #standing: Standing = 'looking';
  #failing: string | null = null;
  #startedMonoMs: number;
  #done: Promise<void> = Promise.resolve();

  constructor(parts: SiteRulesParts) {
    this.#parts = parts;
    this.#pace = new Pace(parts.timers);
    this.#startedMonoMs = parts.clock.monoMs();
    this.#outcome = nothingYet(this.#startedMonoMs);
    this.#door = new RulesDoor({
      ...parts,
      onTaken: (ruleSet) => this.#putInForce(ruleSet),
      onRefused: (detail) => this.#alarm({ code: 'site-rules-refused', connectorId: null, detail }),
    });
  }

  start(): void {
    this.#startedMonoMs = this.#parts.clock.monoMs();
    const ruleSet = this.#door.open();
    if (ruleSet === 'none') this.#standing = 'none';
    else if (ruleSet !== null) this.#putInForce(ruleSet);
    this.#tell();
    this.#done = this.#run();
  }

  /** Ends after what is under way. What the rules said last stays said. */
  async close(): Promise<void> {
    this.#pace.end();
    await this.#done;
    await this.#door.close();
    await this.#parts.end();
  }

  /**
   * Puts a rule set into force once it is on disk.
   *
   * @param name what the document is called in a refusal
   */
  apply(text: string, name: string): Promise<ApplyResult> {
    return this.#door.apply(text, name);
  }

  /** Goes back to the version that was in force before. */
  rollBack(): Promise<ApplyResult> {
    return this.#door.rollBack();
  }

  /** The store was damaged and another has taken its place: the rules in force are put into it. */
  storeAgain(): void {
    this.#door.storeAgain();
  }

  view(): RulesView {
    return viewOfRules({
      ruleSet: this.#force?.ruleSet ?? null,
      outcome: this.#outcome,
      history: this.#door.history,
      trouble: objectionTo[this.#standing] ?? this.#failing,
      refused: this.#door.refused,
    });
  }

  /** What the former rules said stays said until the new ones have been looked at. */
  #putInForce(ruleSet: RuleSet): void {
    const former = this.#force?.ruleSet;
    this.#force = this.#forceOf(ruleSet);
    if (former === undefined) {
      this.#outcome = nothingYet(this.#parts.clock.monoMs());
      this.#standing = ruleSet.rules.length > 0 ? 'waiting' : 'looking';
    } else this.#outcome = carriedOver(this.#outcome, former, ruleSet);
    this.#tell();
    this.#pace.hurry();
  }

  #forceOf(ruleSet: RuleSet): InForce {
    const { timers, engineFor } = this.#parts;
    const breathe = () => new Promise<void>((resolve) => void timers.after(0, resolve));
    const { timezone } = ruleSet;
    return {
      ruleSet,
      evaluate: engineFor(ruleSet, breathe),
      localTime: timezone === undefined ? null : localTimeIn(timezone),
    };
  }

  async #run(): Promise<void> {
    while (!this.#pace.isOver) {
      this.#pace.begin();
      const beganMonoMs = this.#parts.clock.monoMs();
      if (this.#force !== null) await this.#turn(this.#force);
      const tookMs = this.#parts.clock.monoMs() - beganMonoMs;
      await this.#pace.pause(Math.max(LOOK_EVERY_MS, Math.min(REST_PER_LOOK * tookMs, OUTCOME_LASTS_MS)));
    }
  }

  async #turn(force: InForce): Promise<void> {
    const { clock, look } = this.#parts;
    const beganMonoMs = clock.monoMs();
    let found: Found;
    let takenMonoMs = beganMonoMs;
    try {
      const looked = look();
      if (!this.#mayLook(looked)) return;
      const snapshot = snapshotOf(looked, force.localTime);
      takenMonoMs = snapshot.takenMonoMs;
      found = await this.#found(force.evaluate(snapshot));
    } catch (error) {
      found = { kind: 'failed', reason: error instanceof Error ? error.message : String(error) };
    }
    if (force !== this.#force || this.#pace.isOver) return;
    if (found.kind === 'failed') return this.#fail(force, found.reason);
    const tookMs = clock.monoMs() - beganMonoMs;
    if (tookMs < SLOW_AFTER_MS) this.#failing = null;
    else this.#note(`a look took ${Math.round(tookMs)} ms`);
    this.#standing = 'looking';
    this.#settle(
      force,
      afterLook(this.#outcome, force.ruleSet, this.#parts.site.connectors, found.holding, takenMonoMs),
    );
  }

  /** After a restart nothing has been read yet, and what is missing would stop charges that only have to be adopted. */
  #mayLook({ connectors, now }: SiteLook): boolean {
    if (this.#standing !== 'waiting') return true;
    const isEverythingRead = connectors.every(({ state }) => state.reading !== null);
    return isEverythingRead || now.monoMs - this.#startedMonoMs >= FIRST_LOOK_WITHIN_MS;
  }

  /** What comes after it has been given up is not heard any more. */
  async #found(evaluation: Promise<Holding>): Promise<Found> {
    const { timers } = this.#parts;
    const cancelSlow = timers.after(SLOW_AFTER_MS, () => this.#note(`a look takes longer than ${SLOW_AFTER_MS} ms`));
    let cancelGivenUp = () => {};
    const givenUp = new Promise<Found>((resolve) => {
      const reason = `a look did not end within ${OUTCOME_LASTS_MS} ms`;
      cancelGivenUp = timers.after(OUTCOME_LASTS_MS, () => resolve({ kind: 'failed', reason }));
    });
    try {
      return await Promise.race([evaluation.then((holding) => ({ kind: 'found' as const, holding })), givenUp]);
    } finally {
      cancelSlow();
      cancelGivenUp();
    }
  }

  #fail(force: InForce, reason: string): void {
    this.#note(reason);
    // The engine may be in the middle of something: it is not asked again.
    const renewed = this.#forceOf(force.ruleSet);
    this.#force = renewed;
    if (this.#parts.clock.monoMs() - this.#outcome.lookedMonoMs < OUTCOME_LASTS_MS) return;
    this.#standing = 'blind';
    this.#settle(renewed, afterBlindness(this.#outcome, force.ruleSet, this.#parts.site.connectors));
  }

  /** Told once, until a look ends well and in time. */
  #note(reason: string): void {
    if (this.#failing === null) this.#alarm({ code: 'site-rules-failed', connectorId: null, detail: reason });
    this.#failing = reason;
  }

  #settle({ ruleSet }: InForce, outcome: Outcome): void {
    const turns = turnsBetween(this.#outcome, outcome, ruleSet);
    this.#outcome = outcome;
    this.#ruled = new Map(
      this.#parts.site.connectors.map(({ connectorId }) => [connectorId, influenceAt(outcome, connectorId, ruleSet)]),
    );
    this.#tell();
    this.#report(turns);
  }

  #report(turns: readonly Turn[]): void {
    const { log } = this.#parts;
    const alarmed = new Set<string>();
    for (const { rule, connectorId, isOn } of turns) {
      const { ruleId, effect } = rule;
      if (isOn) log.warn({ code: 'site-rule', ruleId, connectorId, effect: effect.kind }, 'site rule takes effect');
      else log.info({ ruleId, connectorId, effect: effect.kind }, 'site rule is over');
      if (!isOn || effect.kind !== 'alarm') continue;
      const isAboutConnector = comparisonsIn(rule.conditions).some(({ fact }) => isOfConnector(fact));
      if (!isAboutConnector && alarmed.has(ruleId)) continue;
      alarmed.add(ruleId);
      const about = isAboutConnector ? connectorId : null;
      this.#alarm({ code: 'site-rule', connectorId: about, detail: textOfRule(rule) });
    }
  }

  #alarm({ detail, ...about }: RulesAlarm): void {
    this.#parts.onAlarm({ ...about, detail: detail.slice(0, LONGEST_DETAIL) });
  }

  /** Tells every connector what has changed for it. */
  #tell(): void {
    const objection = objectionTo[this.#standing];
    for (const { connectorId } of this.#parts.site.connectors) {
      const ruled = this.#ruled.get(connectorId) ?? noInfluence;
      const refuse = objection === null ? [] : [{ fault: 'site-rules-failed' as const, detail: objection }];
      const influence: Influence = { ...ruled, refuse: [...ruled.refuse, ...refuse] };
      const text = JSON.stringify(influence);
      if (this.#told.get(connectorId) === text) continue;
      this.#told.set(connectorId, text);
      this.#parts.onInfluence(connectorId, influence);
    }
  }
}

type Found =
  | { readonly kind: 'found'; readonly holding: Holding }
  | { readonly kind: 'failed'; readonly reason: string };
