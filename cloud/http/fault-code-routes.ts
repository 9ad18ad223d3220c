import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { PilegateError } from '#shared/errors.ts';
import { whoseFault } from '#shared/faults/whose.ts';
import { type FaultCode, faultCatalogue, faultCodes } from '#shared/faults.ts';
import { problemSchema, problems } from './problem.ts';

const tags = ['errors'];
const LONGEST_CODE = 64;

const faultCodeSchema = z
  .object({
    code: z.string().describe('as in the `fault_code` of a charge that has ended, and the `faults` of a status'),
    fault: problemSchema.shape.fault,
    title: z.string(),
    title_zh: z.string(),
    for_driver: z.string().describe('what to tell whoever stands at the pile'),
    for_driver_zh: z.string(),
  })
  .meta({ id: 'FaultCode' });

function faultView(code: FaultCode): z.infer<typeof faultCodeSchema> {
  const { en, zh, driverEn, driverZh } = faultCatalogue[code];
  return { code, fault: whoseFault(code), title: en, title_zh: zh, for_driver: driverEn, for_driver_zh: driverZh };
}

/** What can go wrong at a pile, in words for partners and their drivers. No login, as for errors. */
export const faultCodeRoutes: FastifyPluginCallbackZod = (app, _options, done) => {
  app.get('/fault-codes', {
    schema: {
      tags,
      summary: 'Every fault that a charge can end with, or a connector have',
      description: 'More may be added.',
      response: { 200: z.object({ fault_codes: z.array(faultCodeSchema) }), ...problems('platform.unavailable') },
    },
    handler: () => ({ fault_codes: faultCodes.map(faultView) }),
  });
  app.get('/fault-codes/:code', {
    schema: {
      tags,
      summary: 'What a fault means, and what to tell the driver',
      params: z.object({ code: z.string().max(LONGEST_CODE) }),
      response: { 200: faultCodeSchema, ...problems('request.invalid', 'request.not_found', 'platform.unavailable') },
    },
    handler: ({ params: { code } }) => {
      const known = faultCodes.find((one) => one === code);
      if (known === undefined) throw new PilegateError('request.not_found', `no fault ${code}`);
      return faultView(known);
    },
  });
  done();
};
