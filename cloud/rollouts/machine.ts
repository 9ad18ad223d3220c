/** How a site stands in a roll-out. */
export type RolloutSiteState = 'queued';
