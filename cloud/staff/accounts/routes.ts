import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { CloudContext } from '../../context.ts';
import { iso } from '../../http/iso.ts';
import { problems } from '../../http/problem.ts';
import type { StaffGate } from '../gate.ts';
import { accountRoles } from '../roles.ts';
import { staffProblems, staffTags } from '../routes.ts';
import { staffIdSchema } from '../schemas.ts';
import type { StaffAccountRow } from '../tables.ts';
import {
  accountRows,
  changeRole,
  disable,
  endAllSessions,
  type Invitation,
  invite,
  inviteAgain,
  inviteFirstOwner,
} from './accounts.ts';

const nameSchema = z.string().min(1).max(64);
const roleSchema = z.enum(accountRoles);
const params = z.object({ staff_id: staffIdSchema });
const emptySchema = z.strictObject({}).nullish();

const accountSchema = z
  .object({
    staff_id: z.string(),
    name: z.string(),
    role: roleSchema,
    state: z.enum(['invited', 'active', 'disabled']),
    created_at: z.iso.datetime(),
    created_by: z.string(),
  })
  .meta({ id: 'StaffAccount' });

const invitationSchema = z.object({
  staff_id: z.string(),
  invitation: z.string().describe('shown once'),
  expires_at: z.iso.datetime(),
});

const viewOf = (row: StaffAccountRow): z.infer<typeof accountSchema> => ({
  staff_id: row.staff_id,
  name: row.name,
  role: row.role,
  state: row.state,
  created_at: iso(row.created_at_ms),
  created_by: row.created_by,
});

const invitationOf = (staffId: string, { invitation, expiresAtMs }: Invitation) => ({
  staff_id: staffId,
  invitation,
  expires_at: iso(expiresAtMs),
});

/** Who may run the platform. */
export function accountRoutes(context: CloudContext, staff: StaffGate): FastifyPluginCallbackZod {
  const accountProblems = problems(...staffProblems, 'confirmation.required', 'staff.unknown', 'staff.last_owner');
  return (app, _options, done) => {
    app.get('/staff/v1/accounts', {
      ...staff.reads('staff.read'),
      schema: {
        tags: staffTags,
        summary: 'Accounts of the staff',
        response: { 200: z.object({ accounts: z.array(accountSchema) }), ...problems(...staffProblems) },
      },
      handler: async () => ({ accounts: (await accountRows(context.db)).map(viewOf) }),
    });

    app.post('/staff/v1/accounts/first', {
      ...staff.does('staff.begin'),
      schema: {
        tags: staffTags,
        summary: 'Invite the first owner',
        description: 'With the staff token, as long as nobody can log in.',
        body: z.strictObject({ staff_id: staffIdSchema, name: nameSchema }),
        response: { 201: invitationSchema, ...problems(...staffProblems, 'resource.exists') },
      },
      handler: async (request, reply) => {
        const { staff_id: staffId, name } = request.body;
        const db = staff.recording(request, { kind: 'staff', id: staffId }, { name, role: 'owner' });
        const wish = { staffId, name, createdBy: staff.callerOf(request).staffId };
        const isRecovery = context.settings.staff.tokenUse === 'recovery';
        const made = await inviteFirstOwner({ ...context, db }, wish, isRecovery);
        return reply.status(201).send(invitationOf(staffId, made));
      },
    });

    app.post('/staff/v1/accounts', {
      ...staff.does('staff.invite'),
      schema: {
        tags: staffTags,
        summary: 'Make an account, and an invitation for its person',
        body: z.strictObject({ staff_id: staffIdSchema, name: nameSchema, role: roleSchema }),
        response: {
          201: invitationSchema,
          ...problems(...staffProblems, 'confirmation.required', 'resource.exists'),
        },
      },
      handler: async (request, reply) => {
        const { staff_id: staffId, name, role } = request.body;
        const db = staff.recording(request, { kind: 'staff', id: staffId }, { name, role });
        const wish = { staffId, name, role, createdBy: staff.callerOf(request).staffId };
        return reply.status(201).send(invitationOf(staffId, await invite({ ...context, db }, wish)));
      },
    });

    app.post('/staff/v1/accounts/:staff_id/invite', {
      ...staff.does('staff.invite_again'),
      schema: {
        tags: staffTags,
        summary: 'Take away what somebody logs in with, and invite them again',
        description: 'After a loss, or when a disabled account is to come back. Its sessions end at once.',
        params,
        body: emptySchema,
        response: { 201: invitationSchema, ...accountProblems },
      },
      handler: async (request, reply) => {
        const { staff_id: staffId } = request.params;
        const db = staff.recording(request, { kind: 'staff', id: staffId });
        return reply.status(201).send(invitationOf(staffId, await inviteAgain({ ...context, db }, staffId)));
      },
    });

    app.post('/staff/v1/accounts/:staff_id/disable', {
      ...staff.does('staff.disable'),
      schema: {
        tags: staffTags,
        summary: 'End an account and its sessions, at once',
        params,
        body: emptySchema,
        response: { 200: params, ...accountProblems },
      },
      handler: async (request) => {
        const { staff_id: staffId } = request.params;
        await disable({ ...context, db: staff.recording(request, { kind: 'staff', id: staffId }) }, staffId);
        return { staff_id: staffId };
      },
    });

    app.post('/staff/v1/accounts/:staff_id/role', {
      ...staff.does('staff.change_role'),
      schema: {
        tags: staffTags,
        summary: 'Change what somebody may do; they log in again',
        params,
        body: z.strictObject({ role: roleSchema }),
        response: { 200: params.extend({ role: roleSchema }), ...accountProblems },
      },
      handler: async (request) => {
        const { staff_id: staffId } = request.params;
        const { role } = request.body;
        const db = staff.recording(request, { kind: 'staff', id: staffId }, { role });
        await changeRole({ ...context, db }, staffId, role);
        return { staff_id: staffId, role };
      },
    });

    app.post('/staff/v1/accounts/:staff_id/end-sessions', {
      ...staff.does('staff.end_sessions'),
      schema: {
        tags: staffTags,
        summary: 'End every session of somebody, at once; they can log in again',
        params,
        body: emptySchema,
        response: { 200: z.object({ ended: z.int() }), ...problems(...staffProblems, 'staff.unknown') },
      },
      handler: async (request) => {
        const { staff_id: staffId } = request.params;
        const db = staff.recording(request, { kind: 'staff', id: staffId });
        return { ended: await endAllSessions({ ...context, db }, staffId) };
      },
    });
    done();
  };
}
