import type { SiteConfig } from '../config/site.ts';
import type { RuleSite } from './rule-set.ts';

/** The names of a site that its rules may use. */
export const ruleSiteOf = ({ piles, io }: Pick<SiteConfig, 'piles' | 'io'>): RuleSite => ({
  connectors: piles.map(({ connectorId, pileId }) => ({ connectorId, pileId })),
  inputIds: io.flatMap(({ inputs }) => inputs.map(({ inputId }) => inputId)),
});
