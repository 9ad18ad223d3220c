import { type Complaint, PilegateError } from '#shared/errors.ts';
import type { SiteConfig } from '../config/site.ts';
import type { SiteDevices } from '../config/site-devices.ts';
import { type DevicePlan, planBoard, planMeter, planParking, planPile } from './device-plan.ts';
import { notesOf } from './notes.ts';
import { type GridMeterPlan, planGridMeter } from './plan-grid-meter.ts';
import { type InputPlan, planInputs } from './plan-inputs.ts';
import { type LinePlan, planLine } from './plan-line.ts';
import { planSupply, type SupplyPlan } from './plan-supply.ts';
import { type PlanProblem, problemsOf } from './problems.ts';

/** What a site's configuration means, before anything runs. */
export interface SitePlan {
  readonly siteId: string;
  /** Those on which anything is asked, in the order of the site's file. */
  readonly lines: readonly LinePlan[];
  readonly supply: SupplyPlan;
  readonly inputs: readonly InputPlan[];
  /** Null where the site has no grid meter. */
  readonly gridMeter: GridMeterPlan | null;
  /** Each of them forbids to run the site. */
  readonly problems: readonly PlanProblem[];
  /** What a technician should know, and nothing forbids. */
  readonly notes: readonly string[];
}

/** Computes whether a site can be run: bus time, watchdogs, stops, and what the supply carries when the edge is gone. */
export function planSite(site: SiteConfig, devices: SiteDevices): SitePlan {
  // Nothing is asked on the line of a card reader.
  const asked = site.lines.filter(({ lineId }) => !devices.readers.some(({ config }) => config.lineId === lineId));
  const lines = asked.map((line) => planLine(line, plansOn(line.lineId, site.power?.gridMeter?.meterId, devices)));
  const supply = planSupply(site, devices);
  const inputs = planInputs(devices, lines);
  const gridMeter = planGridMeter(site, lines);
  return {
    siteId: site.siteId,
    lines,
    supply,
    inputs,
    gridMeter,
    problems: problemsOf(lines, supply, inputs, gridMeter),
    notes: notesOf(site, devices, lines, supply, inputs),
  };
}

function plansOn(
  lineId: string,
  gridMeterId: string | undefined,
  { piles, meters, parking, io }: SiteDevices,
): DevicePlan[] {
  const isHere = ({ config }: { config: { lineId: string } }) => config.lineId === lineId;
  return [
    ...piles.filter(isHere).map(planPile),
    ...meters.filter(isHere).map((meter) => planMeter(meter, meter.config.meterId === gridMeterId)),
    ...parking.filter(isHere).map(planParking),
    ...io.filter(isHere).map(planBoard),
  ];
}

/**
 * Refuses a site that cannot be run as configured.
 *
 * @param place adds to the problems where in the file they stand
 * @throws PilegateError `site.infeasible` with the file and every problem's numbers, in both languages
 */
export function refuseInfeasible(
  file: string,
  { problems }: SitePlan,
  place: (complaints: readonly Complaint[]) => readonly Complaint[] = (complaints) => complaints,
): void {
  if (problems.length === 0) return;
  const told = problems.map(({ path, en, zh }) => `${file}: ${path}: ${en} ${zh}`).join('\n');
  const complaints = place(problems.map(({ path, en, zh }) => ({ path, reason: `${en} ${zh}` })));
  throw new PilegateError('site.infeasible', told, { complaints });
}
