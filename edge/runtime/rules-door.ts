import type { Logger } from 'pino';
import { activeIn, type RuleHistory, withActive } from '../rules/rule-history.ts';
import type { RuleSet, RuleSite } from '../rules/rule-set.ts';
import { readRulesFile } from '../rules/rules-file.ts';
import { rulesAtStart, type Taking, takeFormerRules, takeRules } from '../rules/take-rules.ts';

export interface RulesDoorParts {
  readonly site: RuleSite;
  /** The file that the site's file names; null where it names none. */
  readonly file: string | null;
  /** What is kept of former versions. */
  readonly history: RuleHistory;
  /** Resolves when the version is on disk, and the active one there. */
  readonly store: (version: number, document: unknown) => Promise<void>;
  readonly log: Logger;
}

interface DoorEvents {
  /** A rule set has been taken, and is on disk. */
  readonly onTaken: (ruleSet: RuleSet) => void;
  readonly onRefused: (reason: string) => void;
}

export type ApplyResult =
  | { readonly kind: 'done'; readonly version: number }
  | { readonly kind: 'refused'; readonly reason: string };

/** The only way by which rules come into force: the site's file, a technician's load, a roll-back, later the cloud. */
export class RulesDoor {
  readonly #parts: RulesDoorParts & DoorEvents;
  #history: RuleHistory;
  #refused: string | null = null;
  #last: Promise<unknown> = Promise.resolve();

  constructor(parts: RulesDoorParts & DoorEvents) {
    this.#parts = parts;
    this.#history = parts.history;
  }

  get history(): RuleHistory {
    return this.#history;
  }

  /** Why the last rules that were offered were refused; null when they were taken. */
  get refused(): string | null {
    return this.#refused;
  }

  /** The rules that this process begins with; `none`: some were wanted, and none is good. */
  open(): RuleSet | 'none' | null {
    const { file, site } = this.#parts;
    const source = file === null ? null : { path: file, readText: () => readRulesFile(file) };
    const { ruleSet, isNew, refusals } = rulesAtStart(this.#history, source, site);
    for (const reason of refusals) this.#refuse(reason);
    if (ruleSet === null) return refusals.length > 0 ? 'none' : null;
    if (isNew) this.#last = this.#storeAtStart(ruleSet);
    return ruleSet;
  }

  /**
   * Puts a rule set into force once it is on disk.
   *
   * @param name what the document is called in a refusal
   */
  apply(text: string, name: string): Promise<ApplyResult> {
    return this.#admit(() => takeRules(this.#history, text, name, this.#parts.site));
  }

  /** Goes back to the version that was in force before. */
  rollBack(): Promise<ApplyResult> {
    return this.#admit(() => takeFormerRules(this.#history, this.#parts.site));
  }

  /** The store was damaged and another has taken its place: the rules in force are put into it. */
  storeAgain(): void {
    this.#last = this.#last.then(() => this.#putActive());
  }

  async #putActive(): Promise<void> {
    const active = activeIn(this.#history);
    if (active === null) return;
    try {
      await this.#parts.store(active.version, active.document);
    } catch (error) {
      this.#parts.log.error({ code: 'store.unavailable', err: error }, 'site rules could not be stored again');
    }
  }

  /** Resolves when what was asked for has been done or refused. */
  async close(): Promise<void> {
    await this.#last;
  }

  /** One after the other: each is judged by what the one before has left. */
  #admit(take: () => Taking): Promise<ApplyResult> {
    const admitted = this.#last.then(() => this.#take(take()));
    this.#last = admitted;
    return admitted;
  }

  async #take(taking: Taking): Promise<ApplyResult> {
    if (taking.kind === 'refused') return this.#refuse(taking.reason);
    const { ruleSet } = taking;
    const { rulesVersion } = ruleSet;
    try {
      await this.#parts.store(rulesVersion, ruleSet);
    } catch (error) {
      return this.#refuse(`version ${rulesVersion} could not be stored: ${messageOf(error)}`);
    }
    this.#history = withActive(this.#history, rulesVersion, ruleSet);
    this.#refused = null;
    this.#parts.log.info({ rulesVersion, rules: ruleSet.rules.length }, 'site rules are in force');
    this.#parts.onTaken(ruleSet);
    return { kind: 'done', version: rulesVersion };
  }

  /** The file is there at the next start as well: rules that could not be stored are in force all the same. */
  async #storeAtStart(ruleSet: RuleSet): Promise<void> {
    this.#history = withActive(this.#history, ruleSet.rulesVersion, ruleSet);
    try {
      await this.#parts.store(ruleSet.rulesVersion, ruleSet);
    } catch (error) {
      this.#parts.log.error({ code: 'store.unavailable', err: error }, 'site rules of the file could not be stored');
    }
  }

  #refuse(reason: string): ApplyResult {
    this.#refused = reason;
    this.#parts.onRefused(reason);
    return { kind: 'refused', reason };
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
