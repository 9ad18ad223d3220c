import type { StartCommand } from '#shared/wire/messages.ts';
import type { Session } from '../../edge/control/session.ts';
import { sessionOn } from '../../edge/ledger/testing.ts';

/** A session that a start command began, as a ledger keeps it. */
export function sessionOf(command: StartCommand, sessionId: string): Session {
  const { connectorId, orderId, commandId, tariff } = command;
  return { ...sessionOn(1, connectorId), sessionId, orderId, commandId, tariff, confirmed: true };
}
