import type { CloudContext } from '../context.ts';
import type { Down, SiteAddress } from './down.ts';
import type { Together } from './together.ts';

/** A site that the cloud knows, speaking on its own topic. */
export interface KnownSite extends SiteAddress {
  readonly environment: 'sandbox' | 'live';
}

export type IngestContext = Pick<
  CloudContext,
  | 'processId'
  | 'db'
  | 'clock'
  | 'random'
  | 'logger'
  | 'metrics'
  | 'secrets'
  | 'wake'
  | 'issuer'
  | 'siteLinks'
  | 'intrusions'
> & {
  readonly down: Down;
};

/** With what is done for many sites together. */
export type DispatchContext = IngestContext & { readonly together: Together };
