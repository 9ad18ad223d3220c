import type { FastifyReply } from 'fastify';
import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { type ErrorCode, PilegateError } from '#shared/errors.ts';
import { givenUuidSchema } from '#shared/ids.ts';
import type { CloudContext } from '../context.ts';
import { problems, signedProblems } from '../http/problem.ts';
import { parseJsonBody } from '../http/raw-body.ts';
import type { Caller } from '../partners/caller.ts';
import type { PartnerGate } from '../partners/gate.ts';
import type { Answered } from './first-answer.ts';
import { raiseHold } from './raise-hold.ts';
import {
  acceptedSchema,
  operationQuerySchema,
  operationSchema,
  raiseHoldBodySchema,
  startBodySchema,
  stopBodySchema,
} from './schemas.ts';
import { startCharge } from './start.ts';
import { stopCharge } from './stop.ts';
import { acceptedView, operationView } from './view.ts';

const tags = ['operations'];

/** What every operation can be refused with. */
export const writeProblems = [
  ...signedProblems,
  'request.too_large',
  'request_id.reused',
] as const satisfies readonly ErrorCode[];

/** Why a connector cannot be had, by what is known of it, its station, its price and the partner's credit. */
export const connectorProblems = [
  'connector.unknown',
  'connector.occupied',
  'connector.reserved',
  'connector.faulted',
  'connector.disabled',
  'connector.offline',
  'station.closed',
  'station.maintenance',
  'site.offline',
  'site.outdated',
  'tariff.missing',
  'credit.none',
] as const satisfies readonly ErrorCode[];

/** Found on the log by each of its names; the same request again is on it again. */
function logAccepted({ logger }: Pick<CloudContext, 'logger'>, { keyId, call }: Caller, { operation, hit }: Answered) {
  const { operation_id: operationId, request_id: requestId, order_id: orderId, kind } = operation;
  const { reservation_id: reservationId } = operation;
  const fields = { requestId, operationId, orderId, reservationId, kind, keyId, ...call };
  logger.info(fields, hit ? 'operation is asked for again' : 'operation is accepted');
}

/** A write that was accepted, now or before. */
export function answer(context: CloudContext, caller: Caller, reply: FastifyReply, answered: Answered) {
  const { operation, hit } = answered;
  logAccepted(context, caller, answered);
  reply.header('location', `/v1/operations/${operation.operation_id}`);
  if (hit) reply.header('idempotency-hit', 'true');
  return reply.status(202).send(acceptedView(operation));
}

/** Start, stop and raise of the hold, answered at once with an operation whose outcome can be asked for or comes by webhook. */
export function operationRoutes(context: CloudContext, gate: PartnerGate): FastifyPluginCallbackZod {
  const control = { preValidation: [gate.requires('control'), parseJsonBody] };
  const look = { preValidation: [gate.requires('control', 'read'), parseJsonBody] };
  const own = (caller: Caller) =>
    context.db
      .selectFrom('operations')
      .selectAll()
      .where('partner_id', '=', caller.partnerId)
      .where('environment', '=', caller.environment);

  return (app, _options, done) => {
    app.post('/v1/operations/start', {
      ...control,
      schema: {
        tags,
        summary: 'Start a charge',
        description:
          'What the platform knows already is refused at once and leaves nothing behind. What only the site can see fails the operation, with the same codes.',
        body: startBodySchema,
        response: {
          202: acceptedSchema,
          ...problems(
            ...writeProblems,
            ...connectorProblems,
            'connector.not_plugged',
            'reservation.unknown',
            'reservation.not_active',
            'reservation.wrong_connector',
            'amount.below_minimum',
            'credit.exhausted',
          ),
        },
      },
      handler: async (request, reply) => {
        const caller = gate.callerOf(request);
        return answer(context, caller, reply, await startCharge(context, caller, request.body));
      },
    });

    app.post('/v1/operations/stop', {
      ...control,
      schema: {
        tags,
        summary: 'Stop a charge',
        description: 'Succeeds when the charge is over. While the start is still open, it is cancelled.',
        body: stopBodySchema,
        response: {
          202: acceptedSchema,
          ...problems(...writeProblems, 'order.unknown', 'order.not_running'),
        },
      },
      handler: async (request, reply) => {
        const caller = gate.callerOf(request);
        return answer(context, caller, reply, await stopCharge(context, caller, request.body));
      },
    });

    app.post('/v1/operations/raise-hold', {
      ...control,
      schema: {
        tags,
        summary: 'Raise what is held for a charge',
        description:
          'Of a charge that was started with `hold_minor`. It waits for its site as a stop does: until it has its outcome, keep the money held. A hold never falls.',
        body: raiseHoldBodySchema,
        response: {
          202: acceptedSchema,
          ...problems(
            ...writeProblems,
            'order.unknown',
            'order.not_running',
            'hold.none',
            'hold.not_higher',
            'credit.exhausted',
          ),
        },
      },
      handler: async (request, reply) => {
        const caller = gate.callerOf(request);
        return answer(context, caller, reply, await raiseHold(context, caller, request.body));
      },
    });

    app.get('/v1/operations/:operation_id', {
      ...look,
      schema: {
        tags,
        summary: 'One operation',
        params: z.object({ operation_id: givenUuidSchema }),
        response: { 200: operationSchema, ...problems(...signedProblems, 'operation.unknown') },
      },
      handler: async (request) => {
        const { operation_id: operationId } = request.params;
        const row = await own(gate.callerOf(request)).where('operation_id', '=', operationId).executeTakeFirst();
        if (row === undefined) throw new PilegateError('operation.unknown', `no operation ${operationId}`);
        return operationView(row);
      },
    });

    app.get('/v1/operations', {
      ...look,
      schema: {
        tags,
        summary: 'Operations by request_id',
        querystring: operationQuerySchema,
        response: { 200: z.object({ operations: z.array(operationSchema) }), ...problems(...signedProblems) },
      },
      handler: async (request) => {
        const { request_id: requestId, kind } = request.query;
        const rows = await own(gate.callerOf(request))
          .where('request_id', '=', requestId)
          .$if(kind !== undefined, (query) => query.where('kind', '=', kind ?? 'start'))
          .orderBy('created_at_ms')
          .execute();
        return { operations: rows.map(operationView) };
      },
    });
    done();
  };
}
