import { isPilegateError } from '#shared/errors.ts';
import { loadProfiles } from '../devices/load-profiles.ts';
import { readTextFile } from '../documents/read-text.ts';
import { plannedSite } from '../planner/checked-site.ts';
import { describePlan } from '../planner/describe-plan.ts';
import { refusalText } from './refusal-text.ts';

/**
 * Checks a site's file as the edge does at its start. It needs no running edge, and no device.
 *
 * @returns the plan for a person, and whether the site can be run; a file that is refused is described the same way
 */
export function checkSiteFile(siteFile: string, profilesFolder: string): { isFeasible: boolean; text: string } {
  try {
    const profiles = loadProfiles(profilesFolder);
    const { plan } = plannedSite(readTextFile(siteFile), { file: siteFile, name: siteFile, profiles });
    return { isFeasible: plan.problems.length === 0, text: describePlan(plan) };
  } catch (error) {
    if (!isPilegateError(error)) throw error;
    return { isFeasible: false, text: refusalText(error, siteFile) };
  }
}
