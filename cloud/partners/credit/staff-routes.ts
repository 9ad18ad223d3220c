import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { PilegateError } from '#shared/errors.ts';
import { givenUuidSchema } from '#shared/ids.ts';
import type { CloudContext } from '../../context.ts';
import { pageFields, pageQuerySchema, placeOf } from '../../http/cursor.ts';
import { problems } from '../../http/problem.ts';
import type { StaffGate } from '../../staff/gate.ts';
import { staffProblems, staffTags } from '../../staff/routes.ts';
import { findPartner } from '../partners.ts';
import { partnerIdSchema } from '../schemas.ts';
import { findAccount } from './accounts.ts';
import { sumComplaints } from './check-books.ts';
import { listTransfers } from './pages.ts';
import {
  accountSchema,
  currencySchema,
  newTermsSchema,
  newTransferSchema,
  settlementSchema,
  transferSchema,
} from './schemas.ts';
import { setTerms } from './set-terms.ts';
import { settleByHand } from './settle-by-hand.ts';
import { transfer } from './transfer.ts';
import { accountView, transferView } from './view.ts';

const params = z.object({ partner_id: partnerIdSchema });
const BASE = '/staff/v1/partners/:partner_id/credit';

/** What partners have with the platform: terms, money that comes and goes, and orders that wait for an amount. */
export function creditStaffRoutes(context: CloudContext, staff: StaffGate): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.get(BASE, {
      ...staff.reads('credit.read'),
      schema: {
        tags: staffTags,
        summary: 'The accounts of a partner',
        params,
        response: {
          200: z.object({ accounts: z.array(accountSchema) }),
          ...problems(...staffProblems, 'partner.unknown'),
        },
      },
      handler: async (request) => {
        const { partner_id: partnerId } = await findPartner(context.db, request.params.partner_id);
        const rows = await context.db
          .selectFrom('credit_accounts')
          .selectAll()
          .where('partner_id', '=', partnerId)
          .orderBy('environment')
          .orderBy('currency')
          .execute();
        return { accounts: rows.map(accountView) };
      },
    });

    app.get(`${BASE}/transfers`, {
      ...staff.reads('credit.read'),
      schema: {
        tags: staffTags,
        summary: 'The movements of an account, or what is held on it',
        params,
        querystring: pageQuerySchema.extend({
          environment: z.enum(['sandbox', 'live']),
          currency: currencySchema,
          what: z.enum(['movements', 'holds']).default('movements'),
        }),
        response: {
          200: z.object({ transfers: z.array(transferSchema), ...pageFields }),
          ...problems(...staffProblems, 'credit.unknown'),
        },
      },
      handler: async (request) => {
        const { environment, currency, what, ...query } = request.query;
        const { partner_id: partnerId } = request.params;
        const account = await findAccount(context.db, { partnerId, environment, currency });
        if (account === undefined) throw new PilegateError('credit.unknown', `${partnerId} has none in ${currency}`);
        const page = await listTransfers(context.db, account.account_id, what, query, context.clock.wallMs());
        return { transfers: page.rows.map(transferView), ...placeOf(page) };
      },
    });

    app.post(`${BASE}/terms`, {
      ...staff.does('credit.set_terms'),
      schema: {
        tags: staffTags,
        summary: 'Say how a partner pays in a currency',
        description:
          'Without it nothing can be started live. Charges that run go on, also when less is left than nothing.',
        params,
        body: newTermsSchema,
        response: { 200: accountSchema, ...problems(...staffProblems, 'partner.unknown') },
      },
      handler: async (request) => {
        const { partner_id: partnerId } = request.params;
        const { environment, currency, kind, reason } = request.body;
        const db = staff.recording(request, { kind: 'partner', id: partnerId }, request.body);
        const terms = {
          limitMinor: request.body.limit_minor,
          holdPerStartMinor: request.body.hold_per_start_minor,
          lowMarksMinor: request.body.low_marks_minor,
          agreedBy: staff.callerOf(request).name,
        };
        const wish = { partnerId, environment, currency, kind, reason, ...terms };
        return accountView(await setTerms({ ...context, db }, wish));
      },
    });

    app.post(`${BASE}/transfers`, {
      ...staff.does('credit.transfer'),
      schema: {
        tags: staffTags,
        summary: 'Book what a partner has paid in or got back, or put right what was posted',
        params,
        body: newTransferSchema,
        response: {
          200: accountSchema,
          ...problems(...staffProblems, 'credit.unknown', 'credit.exhausted', 'order.unknown', 'resource.exists'),
        },
      },
      handler: async (request) => {
        const { partner_id: partnerId } = request.params;
        const { environment, currency, kind, reference, reason } = request.body;
        const db = staff.recording(request, { kind: 'partner', id: partnerId }, request.body);
        const movement = {
          transferId: request.body.transfer_id,
          amountMinor: request.body.amount_minor,
          orderId: request.body.order_id ?? null,
          madeBy: staff.callerOf(request).name,
        };
        const wish = { partnerId, environment, currency, kind, reference, reason, ...movement };
        return accountView(await transfer({ ...context, db }, wish));
      },
    });

    app.post('/staff/v1/orders/:order_id/settlement', {
      ...staff.does('credit.settle_order'),
      schema: {
        tags: staffTags,
        summary: 'Say what a partner pays for an order that nobody could bill',
        description:
          'Of an order that is `abnormal`, or whose stay is billed differently on site and here: `amount_minor` is for all of it, and no less than was charged before. What was held for it gives way to the amount.',
        params: z.object({ order_id: givenUuidSchema }),
        body: settlementSchema,
        response: {
          200: z.object({ order_id: z.string(), transfer_id: z.string(), amount_minor: z.int() }),
          ...problems(...staffProblems, 'order.unknown', 'credit.unknown', 'credit.settled', 'resource.exists'),
        },
      },
      handler: async (request) => {
        const { order_id: orderId } = request.params;
        const { transfer_id: transferId, amount_minor: amountMinor, reason } = request.body;
        const db = staff.recording(request, { kind: 'order', id: orderId }, request.body);
        const madeBy = staff.callerOf(request).name;
        await settleByHand({ ...context, db }, { orderId, transferId, amountMinor, reason, madeBy });
        return { order_id: orderId, transfer_id: transferId, amount_minor: amountMinor };
      },
    });

    app.get('/staff/v1/credit/verify', {
      ...staff.reads('credit.read'),
      schema: {
        tags: staffTags,
        summary: 'Whether the sums of all accounts are those of their movements',
        response: {
          200: z.object({ complaints: z.array(z.object({ partner_id: z.string(), detail: z.string() })) }),
          ...problems(...staffProblems),
        },
      },
      handler: async () => ({
        complaints: (await sumComplaints(context.db)).map(({ partnerId, detail }) => ({
          partner_id: partnerId,
          detail,
        })),
      }),
    });
    done();
  };
}
