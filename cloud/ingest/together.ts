import type { CloudContext } from '../context.ts';
import { type FoundSite, findSites } from './find-sites.ts';
import { createGroup } from './group.ts';
import { type StateOutcome, storeStates, type ToldState } from './store-states.ts';

/** How many sites are asked for, or heard, in one statement. */
const SITES_AT_ONCE = 200;

/** What every message costs, done for many sites at a time: each of them says every two seconds that it lives. */
export interface Together {
  findSite(siteId: string): Promise<FoundSite | null>;
  storeState(told: ToldState): Promise<StateOutcome>;
}

export const createTogether = (context: Pick<CloudContext, 'db' | 'processId' | 'clock' | 'logger'>): Together => ({
  findSite: createGroup(SITES_AT_ONCE, (siteIds) => findSites(context.db, siteIds)),
  storeState: createGroup(SITES_AT_ONCE, (told) => storeStates(context, told)),
});
