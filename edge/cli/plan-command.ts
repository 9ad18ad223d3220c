import { errorCatalogue, isPilegateError } from '#shared/errors.ts';
import { loadSite } from '../config/site.ts';
import { devicesOf } from '../config/site-devices.ts';
import { loadProfiles } from '../devices/load-profiles.ts';
import { describePlan } from '../planner/describe-plan.ts';
import { planSite } from '../planner/plan-site.ts';

/**
 * Checks a site's file as the edge does at its start. It needs no running edge, and no device.
 *
 * @returns the plan for a person, and whether the site can be run; a file that is refused is described the same way
 */
export function checkSiteFile(siteFile: string, profilesFolder: string): { isFeasible: boolean; text: string } {
  try {
    const site = loadSite(siteFile);
    const plan = planSite(site, devicesOf(site, loadProfiles(profilesFolder)));
    return { isFeasible: plan.problems.length === 0, text: describePlan(plan) };
  } catch (error) {
    if (!isPilegateError(error)) throw error;
    const { doEn, doZh } = errorCatalogue[error.code];
    return { isFeasible: false, text: `${error.message}\n${doEn} ${doZh}` };
  }
}
