import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { PilegateError } from '#shared/errors.ts';
import { pileCodeSchema } from '#shared/ids.ts';
import type { CloudContext } from '../context.ts';
import { cacheable, notModified, REVALIDATED } from '../http/cacheable.ts';
import { problems, signedProblems } from '../http/problem.ts';
import { parseJsonBody } from '../http/raw-body.ts';
import type { Caller } from '../partners/caller.ts';
import type { PartnerGate } from '../partners/gate.ts';
import { codeIn } from './code-in.ts';
import { findPile } from './piles.ts';
import { connectorSchema, pileSchema, stationFactsSchema } from './schemas.ts';
import { usableConnectors } from './usable.ts';
import { findConnector, findStationFacts } from './view.ts';

const resolvedSchema = z
  .object({ code: z.string(), connector: connectorSchema, pile: pileSchema, station: stationFactsSchema })
  .meta({ id: 'ResolvedPileCode' });

/** What a driver has scanned, or read to somebody. */
export function pileCodeRoutes(context: CloudContext, gate: PartnerGate): FastifyPluginCallbackZod {
  const { db, clock, settings } = context;
  const parts = { preValidation: [gate.requires('read'), parseJsonBody], onSend: cacheable(REVALIDATED) };
  const response = { 200: resolvedSchema, ...notModified, ...problems(...signedProblems, 'pile_code.unknown') };

  const resolve = async (caller: Caller, code: string): Promise<z.infer<typeof resolvedSchema>> => {
    const nowMs = clock.wallMs();
    const named = await usableConnectors(db, caller).where('pile_codes.code', '=', code).executeTakeFirst();
    const connector = named === undefined ? null : await findConnector(db, named.connector_id, caller, nowMs);
    const pile = connector && (await findPile(db, caller, connector.site_id, connector.pile_id));
    const station = connector && (await findStationFacts(db, connector.site_id, caller, nowMs));
    if (connector === null || pile === null || station === null)
      throw new PilegateError('pile_code.unknown', `no connector has the code ${code}`);
    return { code, connector, pile, station };
  };
  return (app, _options, done) => {
    app.get('/v1/pile-codes/:code', {
      ...parts,
      schema: {
        tags: ['stations'],
        summary: 'The connector with this code on the pile, its pile and its station, as they are now',
        params: z.object({ code: pileCodeSchema }),
        response,
      },
      handler: (request) => resolve(gate.callerOf(request), request.params.code),
    });

    app.get('/v1/pile-codes', {
      ...parts,
      schema: {
        tags: ['stations'],
        summary: 'The same, from whatever was scanned',
        description:
          'The code itself, our address with the code in it (`…/q/CODE`), or `hlht://CODE.OPERATOR/`. What names another operator is not resolved.',
        querystring: z.strictObject({ content: z.string().min(1).max(300) }),
        response,
      },
      handler: (request) => {
        const { content } = request.query;
        const code = codeIn(content, settings);
        if (code === null) throw new PilegateError('pile_code.unknown', 'what was scanned is no code of this operator');
        return resolve(gate.callerOf(request), code);
      },
    });
    done();
  };
}
