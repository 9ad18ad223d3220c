import { readSite, type SiteConfig } from '../config/site.ts';
import { joinDevices, type SiteDevices } from '../config/site-devices.ts';
import type { Profile } from '../devices/load-profiles.ts';
import { complain } from '../documents/complain.ts';
import type { ReadDocument } from '../documents/read-document.ts';
import { planSite, refuseInfeasible, type SitePlan } from './plan-site.ts';

/** A site with everything that is known of it before it runs. */
export interface PlannedSite {
  /** As it was written. */
  readonly text: string;
  readonly site: SiteConfig;
  readonly devices: SiteDevices;
  readonly plan: SitePlan;
  /** Adds to complaints where in the text they stand. */
  readonly place: ReadDocument<unknown>['place'];
}

interface Source {
  /** Paths in the document are relative to this file. */
  readonly file: string;
  /** What the document is called in a refusal. */
  readonly name: string;
  readonly profiles: ReadonlyMap<string, Profile>;
  /** The site works with it already. */
  readonly isInForce?: boolean;
}

/**
 * Reads a site's configuration, joins it with the profiles of its devices, and computes what it means.
 *
 * @throws PilegateError `config.invalid` with every complaint and its place: first about its shape, then about what holds
 *   between its parts and what its profiles say
 */
export function plannedSite(text: string, { file, name, profiles, isInForce }: Source): PlannedSite {
  const { site, complaints, place } = readSite(text, file, name, isInForce);
  const joined = joinDevices(site, profiles);
  const all = [...complaints, ...joined.complaints];
  if (all.length > 0) throw complain(name, place(all));
  return { text, site, devices: joined.devices, plan: planSite(site, joined.devices), place };
}

/**
 * Everything that is checked of a site's configuration before anything is driven.
 *
 * @throws PilegateError `config.invalid`, or `site.infeasible` with every problem's numbers
 */
export function checkedSite(text: string, source: Source): PlannedSite {
  const planned = plannedSite(text, source);
  refuseInfeasible(source.name, planned.plan, planned.place);
  return planned;
}
