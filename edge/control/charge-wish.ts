import type { ChargeLimits } from '#shared/charge-limits.ts';
import type { Tariff } from '#shared/tariff/tariff.ts';
import type { LocalUser } from '#shared/wire/cdr.ts';
import type { StartCommand } from '#shared/wire/messages.ts';

/** What is asked for when a charge is to begin: by an order of the cloud, or by somebody on site. */
export interface ChargeWish {
  /** The order, and the command that carries it; null for a charge that is begun on site. */
  readonly orderId: string | null;
  readonly commandId: string | null;
  /** Who begins it on site; null for an order of the cloud. */
  readonly startedBy: LocalUser | null;
  /** Carried from the first call to the register write. */
  readonly requestId: string;
  /** Null when none is known: the charge is never given a price from elsewhere. */
  readonly tariff: Tariff | null;
  readonly limits: ChargeLimits;
  /** The most that may be charged for it, in minor units: what has been paid or held ahead. Null: nobody holds anything. */
  readonly holdMinor: number | null;
  /** Whose hold on the connector it may use; null: nobody's. */
  readonly reservationId: string | null;
}

export const wishOf = (command: StartCommand): ChargeWish => ({
  orderId: command.orderId,
  commandId: command.commandId,
  startedBy: null,
  requestId: command.requestId,
  tariff: command.tariff,
  limits: command.limits ?? {},
  holdMinor: command.holdMinor ?? null,
  reservationId: command.reservationId ?? null,
});
