import type { SiteConfig } from '../config/site.ts';
import { GRID_POLL_MS } from '../power/grid-meter.ts';
import type { LinePlan } from './plan-line.ts';

/** How soon the grid meter tells what else is taken at the site. */
export interface GridMeterPlan {
  readonly meterId: string;
  readonly lineId: string;
  /** The longest from one look to the next. */
  readonly seenWithinMs: number;
  /** Two looks, one of them lost. */
  readonly twoLooksMs: number;
}

/** Null where the site has no grid meter. */
export function planGridMeter({ power }: SiteConfig, lines: readonly LinePlan[]): GridMeterPlan | null {
  const meterId = power?.gridMeter?.meterId;
  const line = lines.find(({ devices }) => devices.some((one) => one.part === 'meters' && one.deviceId === meterId));
  if (meterId === undefined || line === undefined) return null;
  const seenWithinMs = Math.max(GRID_POLL_MS, line.saturatedCycleMs);
  return {
    meterId,
    lineId: line.lineId,
    seenWithinMs,
    twoLooksMs: seenWithinMs + Math.max(GRID_POLL_MS, line.lostCycleMs),
  };
}
