import type { CancelReservationCommand, ReserveCommand } from '#shared/wire/messages.ts';
import type { RecordOf, ReservationEndReason } from '#shared/wire/records.ts';
import { putTariffInForce } from '../staff/create-tariff.ts';
import type { ChargingSite } from './charging-site.ts';
import { exampleTariff } from './fixtures.ts';
import type { Answer } from './partner-client.ts';
import { reported } from './records.ts';
import type { TestClock } from './test-clock.ts';
import type { TestCloud } from './test-cloud.ts';

/** What a partner and a site do about reservations, at a site of a test. */
export interface ReservingSite {
  /** Nobody stands there. */
  free(connectorId?: string): Promise<void>;
  reserve(change?: object): Promise<Answer>;
  cancel(reservationId: string, requestId?: string): Promise<Answer>;
  look(reservationId: string): Promise<Answer['body']>;
  takeReserve(): Promise<ReserveCommand>;
  takeCancelReservation(): Promise<CancelReservationCommand>;
  /** The site holds the connector. */
  hold(command: ReserveCommand): Promise<void>;
  /** From the request to the hold. */
  held(change?: object): Promise<ReserveCommand>;
  ended(
    command: Pick<ReserveCommand, 'reservationId' | 'connectorId'>,
    reason: ReservationEndReason,
    change?: Partial<RecordOf<'reservation.ended'>>,
  ): RecordOf<'reservation.ended'>;
  start(change?: object): Promise<Answer>;
}

export const HALF_AN_HOUR_MS = 1_800_000;

/** 2.00, and 0.10 for each minute; 10.00 more of who does not come. */
export const reservationPrices = { flatMinor: 200, minutePriceE4: 1000, noShowMinor: 1000 };

/** Reservations at the site have their price from now on. A version of a tariff is stored once, so each site has a tariff of its own. */
export const putReservationPrices = ({ context }: TestCloud, { stage: { siteId } }: ChargingSite): Promise<void> =>
  putTariffInForce(context, [siteId], {
    ...exampleTariff,
    tariffId: `priced-${siteId}`,
    reservation: reservationPrices,
  });

export function reservingSite(site: () => ChargingSite, clock: TestClock): ReservingSite {
  const post = (kind: string, body: object) => site().stage.partner.call('POST', `/v1/operations/${kind}`, body);
  let requests = 0;
  const requestId = (): string => {
    requests += 1;
    return `q-${requests}`;
  };
  const self: ReservingSite = {
    free: (id = site().connectorId()) => site().plugIn(id, { status: 'available', plugged: false }),
    reserve: (change = {}) =>
      post('reserve', {
        request_id: requestId(),
        connector_id: site().connectorId(),
        until: new Date(clock.wallMs() + HALF_AN_HOUR_MS).toISOString(),
        ...change,
      }),
    cancel: (reservationId, id = requestId()) =>
      post('cancel-reservation', { request_id: id, reservation_id: reservationId }),
    look: async (id) => (await site().stage.partner.call('GET', `/v1/reservations/${id}`)).body,
    async takeReserve() {
      const command = await site().edge.take('command', ({ kind }) => kind === 'reserve');
      if (command.kind !== 'reserve') throw new Error('not a reserve');
      return command;
    },
    async takeCancelReservation() {
      const command = await site().edge.take('command', ({ kind }) => kind === 'cancel-reservation');
      if (command.kind !== 'cancel-reservation') throw new Error('not a cancel');
      return command;
    },
    async hold({ reservationId, commandId, connectorId, untilMs }) {
      const pileId = `${connectorId}-pile`;
      const { edge } = site();
      await edge.record({ kind: 'reservation.active', reservationId, commandId, pileId, connectorId, untilMs });
      await edge.record(reported(commandId, 'done'));
    },
    async held(change = {}) {
      await self.free();
      const { status, body } = await self.reserve(change);
      if (status !== 202) throw new Error(JSON.stringify(body));
      const command = await self.takeReserve();
      await self.hold(command);
      return command;
    },
    ended: ({ reservationId, connectorId }, reason, change = {}) => ({
      kind: 'reservation.ended',
      reservationId,
      connectorId,
      reason,
      sessionId: null,
      heldMs: 600_000,
      detail: null,
      ...change,
    }),
    start: (change = {}) => post('start', { request_id: requestId(), connector_id: site().connectorId(), ...change }),
  };
  return self;
}
