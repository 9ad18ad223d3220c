import type { FastifyRequest } from 'fastify';
import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { givenUuidSchema } from '#shared/ids.ts';
import type { CloudContext } from '../../context.ts';
import { callerBlock } from '../../http/addresses.ts';
import { problems } from '../../http/problem.ts';
import { parseJsonBody } from '../../http/raw-body.ts';
import { recordingPartner } from '../recording.ts';
import { createApplicantGate } from './applicant-gate.ts';
import {
  createApplication,
  findApplication,
  newApplicationId,
  reviseApplication,
  submitApplication,
  withdrawApplication,
} from './applications.ts';
import { mediaTypes } from './file-content.ts';
import { addFile, MOST_FILE_BYTES, removeFile } from './files.ts';
import { checkRegistration, registrationSchema } from './registration.ts';
import {
  applicationIdSchema,
  applicationSchema,
  applicationView,
  createdApplicationSchema,
  fileQuerySchema,
} from './schemas.ts';
import { createUploads } from './uploads.ts';

const tags = ['onboarding'];
const params = z.object({ application_id: applicationIdSchema });
const fileParams = params.extend({ file_id: givenUuidSchema });
const strangerProblems = ['request.invalid', 'request.not_json', 'request.too_many', 'auth.banned'] as const;
const refusals = problems(...strangerProblems, 'auth.missing', 'application.unknown', 'application.state');
const BASE = '/onboarding/v1/applications';

/** How somebody becomes a partner: registers, adds files, hands it in, and sees what came of it. */
export function onboardingRoutes(context: CloudContext): FastifyPluginCallbackZod {
  const gate = createApplicantGate(context);
  const uploads = createUploads();
  const own = { onRequest: gate.applicant, preValidation: [parseJsonBody] };
  const rules = { devAllow: context.settings.webhookDevAllow, lookUp: context.lookUp };

  const recording = (request: FastifyRequest, applicationId: string, action: string, detail: object = {}) => {
    const subject = { kind: 'partner-application', id: applicationId };
    const db = recordingPartner(context, request, { actorId: applicationId, action, subject, detail });
    return { ...context, db };
  };
  const show = async (applicationId: string) =>
    applicationView(context.db, await findApplication(context.db, applicationId));

  return (app, _options, done) => {
    for (const mediaType of Object.values(mediaTypes))
      app.addContentTypeParser(mediaType, { parseAs: 'buffer' }, (_request, body, parsed) => parsed(null, body));

    app.post(BASE, {
      onRequest: gate.stranger,
      preValidation: [parseJsonBody],
      // Everything that is wrong is told at once, which the schema alone would not do.
      attachValidation: true,
      schema: {
        tags,
        summary: 'Register',
        description: 'The answer has a token, which is shown once. Then add the business licence, and hand it in.',
        body: registrationSchema,
        response: { 201: createdApplicationSchema, ...problems(...strangerProblems, 'request.too_large') },
      },
      handler: async (request, reply) => {
        const registration = await checkRegistration(request.body, rules);
        const applicationId = newApplicationId(context.random);
        const detail = { credit_code: registration.credit_code };
        const recorded = recording(request, applicationId, 'application.register', detail);
        const token = await createApplication(recorded, applicationId, registration);
        return reply.status(201).send({ application_id: applicationId, token });
      },
    });

    app.get(`${BASE}/:application_id`, {
      ...own,
      schema: { tags, summary: 'How it stands', params, response: { 200: applicationSchema, ...refusals } },
      handler: (request) => applicationView(context.db, gate.applicationOf(request)),
    });

    app.put(`${BASE}/:application_id`, {
      ...own,
      attachValidation: true,
      schema: {
        tags,
        summary: 'Correct it',
        description: 'Not while it is with staff.',
        params,
        body: registrationSchema,
        response: { 200: applicationSchema, ...refusals },
      },
      handler: async (request) => {
        const { application_id: id } = gate.applicationOf(request);
        const registration = await checkRegistration(request.body, rules);
        const detail = { credit_code: registration.credit_code };
        await reviseApplication(recording(request, id, 'application.revise', detail), id, registration);
        return show(id);
      },
    });

    app.post(`${BASE}/:application_id/files`, {
      onRequest: [
        gate.applicant,
        (request, reply, begun) => {
          uploads.begin(callerBlock(request.ip), reply.raw);
          begun();
        },
      ],
      bodyLimit: MOST_FILE_BYTES,
      schema: {
        tags,
        summary: 'Add a file',
        description:
          'The body is the file: PDF, JPEG or PNG, at most 5 MiB, with its `Content-Type`. At most 10 files; 60 MiB from one address at once, and 10 an hour from then on.',
        params,
        querystring: fileQuerySchema,
        consumes: Object.values(mediaTypes),
        response: {
          201: applicationSchema,
          ...problems(
            ...strangerProblems,
            'auth.missing',
            'application.unknown',
            'application.state',
            'application.file_refused',
            'application.no_room',
            'request.too_large',
          ),
        },
      },
      handler: async (request, reply) => {
        const { application_id: id } = gate.applicationOf(request);
        const { purpose, name } = request.query;
        const bytes = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
        const mediaType = (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
        const detail = { purpose, bytes: bytes.length };
        const file = { purpose, name, mediaType, bytes, from: callerBlock(request.ip) };
        await addFile(recording(request, id, 'application.add_file', detail), id, file);
        return reply.status(201).send(await show(id));
      },
    });

    app.delete(`${BASE}/:application_id/files/:file_id`, {
      ...own,
      schema: {
        tags,
        summary: 'Take a file out',
        params: fileParams,
        response: { 200: applicationSchema, ...refusals },
      },
      handler: async (request) => {
        const { application_id: id } = gate.applicationOf(request);
        const { file_id: fileId } = request.params;
        await removeFile(recording(request, id, 'application.remove_file', { file_id: fileId }), id, fileId);
        return show(id);
      },
    });

    app.post(`${BASE}/:application_id/submit`, {
      ...own,
      schema: {
        tags,
        summary: 'Hand it in, for the first time or again',
        params,
        response: {
          200: applicationSchema,
          ...problems(
            ...strangerProblems,
            'auth.missing',
            'application.unknown',
            'application.state',
            'application.incomplete',
          ),
        },
      },
      handler: async (request) => {
        const { application_id: id } = gate.applicationOf(request);
        await submitApplication(recording(request, id, 'application.submit'), id);
        return show(id);
      },
    });

    app.post(`${BASE}/:application_id/withdraw`, {
      ...own,
      schema: { tags, summary: 'Withdraw it', params, response: { 200: applicationSchema, ...refusals } },
      handler: async (request) => {
        const { application_id: id } = gate.applicationOf(request);
        await withdrawApplication(recording(request, id, 'application.withdraw'), id);
        return show(id);
      },
    });
    done();
  };
}
