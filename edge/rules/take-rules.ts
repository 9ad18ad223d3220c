import { isPilegateError } from '#shared/errors.ts';
import { activeIn, formerIn, knownAs, type RuleHistory } from './rule-history.ts';
import { type RuleSet, type RuleSite, readRuleSet } from './rule-set.ts';

export type Taking =
  | { readonly kind: 'taken'; readonly ruleSet: RuleSet }
  | { readonly kind: 'refused'; readonly reason: string };

const refused = (reason: string): Taking => ({ kind: 'refused', reason });

/** Judges rules that somebody offers. @param name what the document is called in a refusal */
export function takeRules(history: RuleHistory, text: string, name: string, site: RuleSite): Taking {
  const taking = taken(text, name, site);
  if (taking.kind === 'refused') return taking;
  const { rulesVersion } = taking.ruleSet;
  const known = knownAs(history, rulesVersion);
  const active = activeIn(history);
  if (known === null && active !== null && rulesVersion < active.version)
    return refused(`${name}: rulesVersion: ${active.version} is in force; new rules need a higher number`);
  // Order and spaces do not count: what was read is compared.
  if (known !== null && JSON.stringify(known.document) !== JSON.stringify(taking.ruleSet))
    return refused(
      `${name}: rulesVersion: ${rulesVersion} is known with other content; changed rules need a new number`,
    );
  return taking;
}

/** Judges the version before the one in force. */
export function takeFormerRules(history: RuleHistory, site: RuleSite): Taking {
  const former = formerIn(history);
  if (former === null) return refused('there is no earlier version to go back to');
  return taken(JSON.stringify(former.document), `version ${former.version}`, site);
}

/** The rules that a process begins with. */
export interface RulesAtStart {
  /** Null: there are none, or none that is good. */
  readonly ruleSet: RuleSet | null;
  /** They come from the file, and are not stored yet. */
  readonly isNew: boolean;
  readonly refusals: readonly string[];
}

/**
 * The file counts when its version is a new one; after that the history does, so that neither a version loaded later nor a
 * roll-back is undone by a restart. What is broken is passed over for the last good version.
 *
 * @param file null where the site's file names none; `readText` throws a PilegateError
 */
export function rulesAtStart(
  history: RuleHistory,
  file: { readonly path: string; readonly readText: () => string } | null,
  site: RuleSite,
): RulesAtStart {
  const refusals: string[] = [];
  if (file !== null) {
    const taking = takeFile(history, file.path, file.readText, site);
    if (taking?.kind === 'taken') return { ruleSet: taking.ruleSet, isNew: true, refusals };
    if (taking !== null) refusals.push(taking.reason);
  }
  const active = activeIn(history);
  for (const { version, document } of history.filter((stored) => active !== null && stored.version <= active.version)) {
    const taking = taken(JSON.stringify(document), `version ${version}`, site);
    if (taking.kind === 'taken') return { ruleSet: taking.ruleSet, isNew: false, refusals };
    refusals.push(taking.reason);
  }
  return { ruleSet: null, isNew: false, refusals };
}

/** Null when its version has been taken before, or a higher one has. */
function takeFile(history: RuleHistory, path: string, readText: () => string, site: RuleSite): Taking | null {
  try {
    const text = readText();
    const taking = taken(text, path, site);
    if (taking.kind === 'refused') return taking;
    const { rulesVersion } = taking.ruleSet;
    if (knownAs(history, rulesVersion) === null && rulesVersion < (activeIn(history)?.version ?? 0)) return null;
    const judged = takeRules(history, text, path, site);
    return judged.kind === 'taken' && knownAs(history, rulesVersion) !== null ? null : judged;
  } catch (error) {
    return refusalIn(error);
  }
}

function taken(text: string, name: string, site: RuleSite): Taking {
  try {
    return { kind: 'taken', ruleSet: readRuleSet(text, name, site) };
  } catch (error) {
    return refusalIn(error);
  }
}

function refusalIn(error: unknown): Taking {
  if (!isPilegateError(error)) throw error;
  return refused(error.detail);
}
