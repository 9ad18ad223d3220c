import type { Figures } from './figures.ts';
import type { PartnerClient } from './partner-client.ts';
import type { PileTruth, SimulatorClient } from './simulator-client.ts';
import type { ReceivedEvent } from './webhook-receiver.ts';

/** One charge as its partner knows it, and what the simulator knew before it began. */
export interface BegunCharge {
  readonly orderId: string;
  readonly operationId: string;
  readonly pileId: string;
  readonly connectorId: string;
  readonly startRequest: { readonly request_id: string; readonly connector_id: string };
  readonly before: PileTruth;
}

/**
 * Asks everybody about a charge that has ended: simulator, order, webhook. Presses on with the same `request_id`
 * as well, which must give the first answer and leave the order as it is.
 */
export async function gatherFigures(
  client: PartnerClient,
  truth: SimulatorClient,
  charge: BegunCharge,
  events: { readonly started: ReceivedEvent; readonly ended: ReceivedEvent },
): Promise<Figures> {
  const after = await truth.truth(charge.pileId);
  const order = await client.get(`/v1/orders/${charge.orderId}`);
  if (order.status !== 200)
    throw new Error(`the order cannot be pulled: ${order.status} ${JSON.stringify(order.body)}`);
  const again = await client.post('/v1/operations/start', charge.startRequest);
  const orderAfter = await client.get(`/v1/orders/${charge.orderId}`);
  return {
    isRepeatHarmless:
      again.status === 202 &&
      again.body.operation_id === charge.operationId &&
      JSON.stringify(orderAfter.body) === JSON.stringify(order.body),
    isOff: !after.contactorClosed,
    areWebhooksSigned: events.started.isSigned && events.ended.isSigned,
    truthWh: after.energyTruthWh - charge.before.energyTruthWh,
    meterWh: after.reportedRegisterWh - charge.before.reportedRegisterWh,
    order: order.body,
    webhook: events.ended.data,
  };
}
