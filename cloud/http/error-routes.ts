import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { type ErrorCode, errorCatalogue, PilegateError } from '#shared/errors.ts';
import { errorCodes, httpStatusOf, isErrorCode, reachOf } from './error-reach.ts';
import { problemSchema, problems, typeOf } from './problem.ts';

const tags = ['errors'];
const LONGEST_CODE = 64;

const errorKindSchema = z
  .object({
    type: z.string().describe('as in problems'),
    code: z.string(),
    http_status: z.int().nullable().describe('null: only told as the `failure` of something, or not to partners'),
    fault: problemSchema.shape.fault,
    title: z.string(),
    title_zh: z.string(),
    what_to_do: z.string(),
    what_to_do_zh: z.string(),
  })
  .meta({ id: 'ErrorKind' });

function kindView(code: ErrorCode): z.infer<typeof errorKindSchema> {
  const { fault, en, zh, doEn, doZh } = errorCatalogue[code];
  return {
    type: typeOf(code),
    code,
    http_status: httpStatusOf(code),
    fault,
    title: en,
    title_zh: zh,
    what_to_do: doEn,
    what_to_do_zh: doZh,
  };
}

/** What the `type` of a problem leads to. No login: who reads it may be locked out. */
export const errorRoutes: FastifyPluginCallbackZod = (app, _options, done) => {
  app.get('/errors', {
    schema: {
      tags,
      summary: 'Every error that a partner can meet',
      response: { 200: z.object({ errors: z.array(errorKindSchema) }), ...problems('platform.unavailable') },
    },
    handler: () => ({ errors: errorCodes.filter((code) => reachOf(code) !== 'inside').map(kindView) }),
  });
  app.get('/errors/:code', {
    schema: {
      tags,
      summary: 'What an error means, and what to do',
      params: z.object({ code: z.string().max(LONGEST_CODE) }),
      response: { 200: errorKindSchema, ...problems('request.invalid', 'request.not_found', 'platform.unavailable') },
    },
    handler: ({ params: { code } }) => {
      if (!isErrorCode(code)) throw new PilegateError('request.not_found', `no error ${code}`);
      return kindView(code);
    },
  });
  done();
};
