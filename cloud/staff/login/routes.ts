import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { givenUuidSchema } from '#shared/ids.ts';
import type { CloudContext } from '../../context.ts';
import { transaction } from '../../db/transaction.ts';
import { iso } from '../../http/iso.ts';
import { problems } from '../../http/problem.ts';
import { type FailureLimit, withinFailures } from '../../limits/failure-limit.ts';
import { beginEnrolment, finishEnrolment } from '../accounts/enrol.ts';
import { personCalling } from '../caller.ts';
import type { StaffGate } from '../gate.ts';
import { accountRoles } from '../roles.ts';
import { staffProblems, staffTags } from '../routes.ts';
import { staffIdSchema } from '../schemas.ts';
import { changePassword } from './change-password.ts';
import { confirm } from './confirmations.ts';
import { endSessions, logIn } from './sessions.ts';

/** Of an address, whatever account it tries; each account has its own limit beside it. */
const LIMIT: FailureLimit = { door: 'staff', policy: { perMinute: 20, burst: 20 }, code: 'staff.too_many' };
/** Bounds what is hashed. */
const passwordSchema = z.string().min(1).max(256);
const codeSchema = z.string().regex(/^\d{6}$/, 'six digits');
const invitedSchema = { staff_id: staffIdSchema, invitation: z.string().min(1).max(100) };

const loginProblems = ['request.invalid', 'staff.login_refused', 'staff.too_many'] as const;

/** How people come in: invitation, login, confirmation, logout. */
export function loginRoutes(context: CloudContext, staff: StaffGate): FastifyPluginCallbackZod {
  const limited = <Value>(address: string, work: () => Promise<Value>): Promise<Value> =>
    withinFailures(context, LIMIT, address, work);
  return (app, _options, done) => {
    app.post('/staff/v1/sessions', {
      ...staff.open('session.begin'),
      schema: {
        tags: staffTags,
        summary: 'Log in with both factors',
        body: z
          .strictObject({
            staff_id: staffIdSchema,
            password: passwordSchema,
            code: codeSchema.optional(),
            recovery_code: z.string().min(1).max(64).optional(),
          })
          .refine(({ code, recovery_code }) => (code === undefined) !== (recovery_code === undefined), {
            path: ['code'],
            message: 'a code, or a recovery code in its place',
          }),
        response: {
          201: z.object({
            token: z.string().describe('shown once; send it as Authorization: Bearer'),
            expires_at: z.iso.datetime(),
            idle_s: z.int().describe('it ends earlier when nothing comes for so long'),
            staff_id: z.string(),
            name: z.string(),
            role: z.enum([...accountRoles, 'service']),
          }),
          ...problems(...loginProblems),
        },
      },
      handler: async (request, reply) => {
        const { staff_id: staffId, password, code, recovery_code: recoveryCode } = request.body;
        const secondFactor =
          code === undefined
            ? ({ kind: 'recovery-code', text: recoveryCode ?? '' } as const)
            : ({ kind: 'code', text: code } as const);
        const login = { staffId, password, secondFactor, ...staff.whereFrom(request) };
        const { token, expiresAtMs, caller } = await limited(request.ip, () => logIn(context, login));
        const { name, role } = caller;
        const idleS = Math.round(context.settings.staff.idleMs / 1000);
        const session = { token, expires_at: iso(expiresAtMs), idle_s: idleS, staff_id: staffId, name, role };
        return reply.status(201).send(session);
      },
    });

    app.post('/staff/v1/invitations/begin', {
      ...staff.open('staff.set_up'),
      schema: {
        tags: staffTags,
        summary: 'Set a password with an invitation, and get the secret of the second factor',
        body: z.strictObject({ ...invitedSchema, password: passwordSchema }),
        response: {
          200: z.object({
            totp_secret: z.string().describe('shown once; base32 (RFC 4648), 6 digits, 30 s, SHA-1'),
            otpauth_uri: z.string(),
          }),
          ...problems('request.invalid', 'staff.invitation_refused', 'staff.too_many'),
        },
      },
      handler: (request) =>
        limited(request.ip, async () => {
          const { staff_id: staffId, invitation, password } = request.body;
          const { totpSecret, uri } = await beginEnrolment(
            context,
            { staffId, invitation },
            password,
            staff.whereFrom(request),
          );
          return { totp_secret: totpSecret, otpauth_uri: uri };
        }),
    });

    app.post('/staff/v1/invitations/finish', {
      ...staff.open('staff.enrol'),
      schema: {
        tags: staffTags,
        summary: 'Prove the second factor: the account can log in from here on',
        body: z.strictObject({ ...invitedSchema, code: codeSchema }),
        response: {
          200: z.object({ recovery_codes: z.array(z.string()).describe('shown once; each is good once') }),
          ...problems('request.invalid', 'staff.invitation_refused', 'staff.too_many'),
        },
      },
      handler: (request) =>
        limited(request.ip, async () => {
          const { staff_id: staffId, invitation, code } = request.body;
          const invited = { staffId, invitation };
          return { recovery_codes: await finishEnrolment(context, invited, code, staff.whereFrom(request)) };
        }),
    });

    app.post('/staff/v1/confirmations', {
      ...staff.does('session.confirm'),
      schema: {
        tags: staffTags,
        summary: 'Confirm a dangerous request with a fresh code',
        description:
          'The token is good once, for two minutes, for that very request in this session: send it as Pilegate-Confirmation.',
        body: z.strictObject({ challenge: givenUuidSchema, code: codeSchema }),
        response: {
          201: z.object({
            confirmation: z.string(),
            action: z.string(),
            expires_at: z.iso.datetime(),
          }),
          ...problems(...staffProblems, ...loginProblems, 'confirmation.unknown'),
        },
      },
      handler: async (request, reply) => {
        const { challenge: challengeId, code } = request.body;
        const caller = personCalling(staff.callerOf(request));
        const db = staff.recording(request, { kind: 'confirmation', id: challengeId });
        const { token, action, expiresAtMs } = await confirm(context, db, caller, { challengeId, code });
        return reply.status(201).send({ confirmation: token, action, expires_at: iso(expiresAtMs) });
      },
    });

    app.post('/staff/v1/password', {
      ...staff.does('staff.change_password'),
      schema: {
        tags: staffTags,
        summary: 'Change your own password',
        description: 'Takes the present one and a fresh code. Your other sessions end.',
        body: z.strictObject({ password: passwordSchema, code: codeSchema, new_password: passwordSchema }),
        response: { 200: z.object({ ended_sessions: z.int() }), ...problems(...staffProblems, ...loginProblems) },
      },
      handler: async (request) => {
        const { password, code, new_password: newPassword } = request.body;
        const caller = personCalling(staff.callerOf(request));
        const db = staff.recording(request, { kind: 'staff', id: caller.staffId });
        return { ended_sessions: await changePassword(context, db, caller, { password, code, newPassword }) };
      },
    });

    for (const which of ['current', 'all'] as const)
      app.delete(`/staff/v1/sessions/${which}`, {
        ...staff.does('session.end'),
        schema: {
          tags: staffTags,
          summary: which === 'current' ? 'Log out' : 'Log out everywhere',
          response: { 200: z.object({ ended: z.int() }), ...problems(...staffProblems) },
        },
        handler: (request) => {
          const { staffId, sessionId } = personCalling(staff.callerOf(request));
          const db = staff.recording(request, { kind: 'staff', id: staffId }, { which });
          return transaction(db, async (trx) => ({
            ended: await endSessions(
              trx,
              staffId,
              which === 'all' ? 'all' : { only: sessionId },
              context.clock.wallMs(),
            ),
          }));
        },
      });
    done();
  };
}
