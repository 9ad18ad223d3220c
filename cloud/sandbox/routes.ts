import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { connectorIdSchema, requestIdSchema } from '#shared/ids.ts';
import { sandboxFaultKinds, sandboxFaults } from '#shared/sandbox-faults.ts';
import type { CloudContext } from '../context.ts';
import { iso, isoOrNull } from '../http/iso.ts';
import { problems, signedProblems } from '../http/problem.ts';
import { parseJsonBody } from '../http/raw-body.ts';
import { doOnce } from '../partners/first-answers.ts';
import type { PartnerGate } from '../partners/gate.ts';
import { beginFault, endFault, faultsAt, findSandboxConnector, isActive, refuseLive } from './faults.ts';
import type { SandboxFaultRow } from './tables.ts';

const tags = ['sandbox'];
const LONGEST_S = 3_600;
const faultIdSchema = z.string().regex(/^sf_[0-9a-f]{32}$/, 'a fault id');
const ofConnector = z.object({ connector_id: connectorIdSchema });

const faultSchema = z
  .object({
    fault_id: z.string().nullable().describe("null: another partner's, which you can see and not end"),
    connector_id: z.string(),
    kind: z.string(),
    strikes: z.enum(['connector', 'site']),
    status: z.enum(['active', 'over']),
    started_at: z.iso.datetime(),
    ends_at: z.iso.datetime().describe('when it ends by itself'),
    ended_at: z.iso.datetime().nullable().describe('when you have ended it before'),
  })
  .meta({ id: 'SandboxFault' });

const kindSchema = z
  .object({ kind: z.string(), strikes: z.enum(['connector', 'site']), en: z.string(), zh: z.string() })
  .meta({ id: 'SandboxFaultKind' });

const newFaultSchema = z.strictObject({
  request_id: requestIdSchema.optional().describe('the same once more is answered as the first time, for 24 h'),
  kind: z.enum(sandboxFaultKinds),
  duration_s: z.int().min(1).max(LONGEST_S),
});

const strikesOf = (kind: string) => (kind.startsWith('site-') ? ('site' as const) : ('connector' as const));

/** Faults on purpose, at simulated piles only. */
export function sandboxRoutes(context: CloudContext, gate: PartnerGate): FastifyPluginCallbackZod {
  const preValidation = [gate.requires('control'), parseJsonBody];
  const view = (row: SandboxFaultRow, partnerId: string): z.infer<typeof faultSchema> => ({
    fault_id: row.partner_id === partnerId ? row.fault_id : null,
    connector_id: row.connector_id,
    kind: row.kind,
    strikes: strikesOf(row.kind),
    status: isActive(row, context.clock.wallMs()) ? 'active' : 'over',
    started_at: iso(row.started_at_ms),
    ends_at: iso(row.ends_at_ms),
    ended_at: isoOrNull(row.ended_at_ms),
  });

  return (app, _options, done) => {
    app.get('/v1/sandbox/fault-kinds', {
      preValidation,
      schema: {
        tags,
        summary: 'What you can make happen, and what comes of it',
        response: { 200: z.object({ kinds: z.array(kindSchema) }), ...problems(...signedProblems, 'sandbox.only') },
      },
      handler: (request) => {
        refuseLive(gate.callerOf(request));
        return { kinds: sandboxFaultKinds.map((kind) => ({ kind, ...sandboxFaults[kind] })) };
      },
    });

    app.post('/v1/sandbox/connectors/:connector_id/faults', {
      preValidation,
      schema: {
        tags,
        summary: 'Make a fault at a simulated pile',
        description:
          'With a sandbox key. It ends by itself. At most 10 of yours at a time, and none where another partner tries a charge.',
        params: ofConnector,
        body: newFaultSchema,
        response: {
          201: faultSchema,
          ...problems(
            ...signedProblems,
            'request_id.reused',
            'sandbox.only',
            'connector.unknown',
            'sandbox.no_rig',
            'sandbox.fault_exists',
            'sandbox.too_many',
            'sandbox.busy',
            'sandbox.fault_refused',
          ),
        },
      },
      handler: async (request, reply) => {
        const caller = gate.callerOf(request);
        const { connector_id: connectorId } = request.params;
        const { request_id: requestId, kind, duration_s: durationS } = request.body;
        const asked = { ...request.params, ...request.body };
        const write = { caller, action: 'sandbox.begin_fault', requestId, asked };
        // Kept when the pile has it: of two at once the other is refused by the fault itself.
        const answer = await doOnce(context, write, faultSchema, async (keep) => {
          const row = await beginFault(context, caller, { connectorId, kind, durationS });
          return keep(context.db, row.fault_id, view(row, caller.partnerId));
        });
        return reply.status(201).send(answer);
      },
    });

    app.get('/v1/sandbox/connectors/:connector_id/faults', {
      preValidation,
      schema: {
        tags,
        summary: 'Faults of a connector: yours, and those of others that are active there or at its station',
        params: ofConnector,
        response: {
          200: z.object({ faults: z.array(faultSchema) }),
          ...problems(...signedProblems, 'sandbox.only', 'connector.unknown'),
        },
      },
      handler: async (request) => {
        const caller = gate.callerOf(request);
        refuseLive(caller);
        const { connector_id: id } = request.params;
        const { site_id: siteId } = await findSandboxConnector(context.db, caller, id);
        const rows = await faultsAt(context.db, id, siteId, caller.partnerId, context.clock.wallMs());
        const here = rows.filter((row) => row.connector_id === id || strikesOf(row.kind) === 'site');
        return { faults: here.map((row) => view(row, caller.partnerId)) };
      },
    });

    app.delete('/v1/sandbox/faults/:fault_id', {
      preValidation,
      schema: {
        tags,
        summary: 'End a fault of yours before its time',
        params: z.object({ fault_id: faultIdSchema }),
        response: {
          204: z.undefined().describe('it is over'),
          ...problems(...signedProblems, 'sandbox.only', 'sandbox.fault_unknown'),
        },
      },
      handler: async (request, reply) => {
        await endFault(context, gate.callerOf(request), request.params.fault_id);
        return reply.status(204).send();
      },
    });
    done();
  };
}
