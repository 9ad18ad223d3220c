import { errorCatalogue, isPilegateError } from '#shared/errors.ts';
import { loadSite } from '../config/site.ts';
import { readRuleSet } from '../rules/rule-set.ts';
import { ruleSiteOf } from '../rules/rule-site.ts';
import { readRulesFile } from '../rules/rules-file.ts';
import type { RulesView, RuleView } from '../rules/rules-view.ts';

/**
 * Checks a rule set as the edge does before it takes one. It needs no running edge.
 *
 * @param siteFile null: the names of connectors, piles and inputs are not checked
 */
export function checkRulesFile(rulesFile: string, siteFile: string | null): { isGood: boolean; text: string } {
  try {
    const site = siteFile === null ? null : ruleSiteOf(loadSite(siteFile));
    const { rulesVersion, rules } = readRuleSet(readRulesFile(rulesFile), rulesFile, site);
    const names = site === null ? '; names of the site are not checked' : '';
    return { isGood: true, text: `${rulesFile}: good, version ${rulesVersion}, ${rules.length} rules${names}` };
  } catch (error) {
    if (!isPilegateError(error)) throw error;
    const { doEn, doZh } = errorCatalogue[error.code];
    return { isGood: false, text: `${error.message}\n${doEn} ${doZh}` };
  }
}

/** The rules of a running edge as text for a terminal. */
export function rulesText({ version, versions, rules, trouble, refused }: RulesView): string {
  const others = versions.filter((other) => other !== version);
  const kept = others.length > 0 ? `; kept are ${others.join(', ')}` : '';
  return [
    version === null ? 'no rules are in force' : `version ${version} is in force${kept}`,
    ...(trouble === null ? [] : [`trouble: ${trouble}`]),
    ...(refused === null ? [] : [`refused last: ${refused}`]),
    ...rules.flatMap(ruleLines),
  ].join('\n');
}

function ruleLines({ message, effect, on, turning }: RuleView): string[] {
  const where = on.length > 0 ? `in effect at ${on.join(', ')}` : 'not in effect';
  const next = turning.length > 0 ? `, about to change at ${turning.join(', ')}` : '';
  return [message, `  ${effect}: ${where}${next}`];
}
