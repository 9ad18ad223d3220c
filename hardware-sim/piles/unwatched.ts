import type { PileModel } from './pile-model.ts';
import { newWatchdog } from './watchdog.ts';

/** A model without a watchdog: what was set stays set, whoever is heard and whatever is unplugged. */
export const unwatched = (
  nowMs: number,
  parts: Pick<PileModel, 'image' | 'maxCurrentMa' | 'permission' | 'reportedRegisterWh'>,
): PileModel => ({ ...parts, watchdog: newWatchdog(0, nowMs), heard: () => {}, unplugged: () => {} });
