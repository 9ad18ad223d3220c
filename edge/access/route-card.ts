import { errorCatalogue } from '#shared/errors.ts';
import type { LocalUser } from '#shared/wire/cdr.ts';
import type { Refusal } from '../control/answer.ts';

/** A connector as somebody with a card finds it. */
export interface Standing {
  readonly connectorId: string;
  /**
   * `waiting`: plugged in, and nothing stands against a charge. `held`: plugged in, and something does. `charging`: a charge
   * that can be ended. `unplugged`, `unseen`, `busy`: it begins, ends, or is worked at.
   */
  readonly is: 'waiting' | 'held' | 'charging' | 'unplugged' | 'unseen' | 'busy';
  /** The charge that is there or is beginning, by its request, and who began it; null without one. */
  readonly charge: { readonly requestId: string; readonly startedBy: LocalUser | null } | null;
}

export type CardRoute =
  | { readonly kind: 'begin'; readonly connectorId: string }
  | { readonly kind: 'end'; readonly connectorId: string; readonly requestId: string }
  | ({ readonly kind: 'denied' } & Required<Refusal>);

const denied = (code: Refusal['code']): CardRoute => ({ kind: 'denied', code, detail: errorCatalogue[code].en });

/**
 * What a card means that is presented where it could mean several connectors. A charge of its own is ended before another
 * is begun: whoever wants to end it would otherwise pay for a stranger's. Where more than one vehicle could be meant, none
 * is: the wrong bill is worse than a second try.
 *
 * @param endsAnyAt where it is a technician's: there it ends charges that others began, where nobody waits to begin one
 */
export function routeCard(
  reference: string,
  endsAnyAt: ReadonlySet<string>,
  connectors: readonly Standing[],
): CardRoute {
  const charging = connectors.filter(({ is }) => is === 'charging');
  const own = charging.filter(({ charge }) => charge?.startedBy?.reference === reference);
  if (own.length > 0) return endOf(own);
  const isEnding = connectors.some(({ is, charge }) => is === 'busy' && charge?.startedBy?.reference === reference);
  if (isEnding) return denied('connector.occupied');
  const waiting = connectors.filter(({ is }) => is === 'waiting');
  const plugged = waiting.length > 0 ? waiting : connectors.filter(({ is }) => is === 'held');
  const [first] = plugged;
  if (plugged.length > 1) return denied('access.several_waiting');
  if (first !== undefined) return { kind: 'begin', connectorId: first.connectorId };
  const others = charging.filter(({ connectorId }) => endsAnyAt.has(connectorId));
  if (charging.length > 0) return others.length > 0 ? endOf(others) : denied('access.not_your_charge');
  if (connectors.some(({ is }) => is === 'busy')) return denied('connector.occupied');
  return denied(connectors.some(({ is }) => is === 'unplugged') ? 'connector.not_plugged' : 'connector.offline');
}

function endOf(charging: readonly Standing[]): CardRoute {
  const [first] = charging;
  if (charging.length > 1 || first?.charge == null) return denied('access.several_waiting');
  return { kind: 'end', connectorId: first.connectorId, requestId: first.charge.requestId };
}
