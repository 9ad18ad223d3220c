import type { ConnectorView } from '#shared/wire/messages.ts';
import type { SiteHealth } from '../documents/site-trial.ts';
import type { Field } from './field.ts';
import type { SyncView } from './thread-messages.ts';

/** What of the site works now. @param sync null before anybody knows */
export function healthOf(field: Pick<Field, 'lines' | 'view'>, sync: SyncView | null): SiteHealth {
  const isThere = ({ status }: ConnectorView) => status !== 'offline';
  return {
    openLineIds: new Set(field.lines().flatMap(({ lineId, isOpen }) => (isOpen ? [lineId] : []))),
    answeringIds: new Set(
      field
        .view()
        .filter(isThere)
        .map(({ connectorId }) => connectorId),
    ),
    isLinkUp: sync?.link === 'open',
  };
}

/** Connectors that have a charge, or are about to have one. */
export function chargingAt(field: Pick<Field, 'view'>): ReadonlySet<string> {
  const isBusy = ({ sessionId, status }: ConnectorView) =>
    sessionId !== null || status === 'starting' || status === 'charging' || status === 'stopping';
  return new Set(
    field
      .view()
      .filter(isBusy)
      .map(({ connectorId }) => connectorId),
  );
}
