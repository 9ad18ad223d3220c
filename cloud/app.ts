import Fastify, { type FastifyInstance } from 'fastify';
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import { alarmRoutes } from './alarms/routes.ts';
import { channelRoutes } from './alerts/channels/routes.ts';
import { alertRoutes } from './alerts/routes.ts';
import { alertSettingRoutes } from './alerts/setting-routes.ts';
import { auditRoutes } from './audit/routes.ts';
import type { CloudContext } from './context.ts';
import { diagnosticsRoutes } from './diagnostics/routes.ts';
import { documentKeyRoutes } from './documents/key-routes.ts';
import { documentRoutes } from './documents/routes.ts';
import { restrictBrowsers } from './http/browser-headers.ts';
import { answerUnreadable } from './http/client-error.ts';
import { correlationOf } from './http/correlation.ts';
import { createErrorHandler } from './http/error-handler.ts';
import { errorRoutes } from './http/error-routes.ts';
import { faultCodeRoutes } from './http/fault-code-routes.ts';
import { healthRoutes } from './http/health-routes.ts';
import { answerUnknownRoutes } from './http/not-found.ts';
import { describeApi } from './http/openapi.ts';
import { keepRawBodies } from './http/raw-body.ts';
import { SERVER_LIMITS, type ServerLimits, serverOptions } from './http/server-limits.ts';
import { operationRoutes } from './operations/routes.ts';
import { orderRoutes } from './orders/routes.ts';
import { creditRoutes } from './partners/credit/routes.ts';
import { creditStaffRoutes } from './partners/credit/staff-routes.ts';
import { createPartnerGate } from './partners/gate.ts';
import { keyRoutes } from './partners/key-routes.ts';
import { reviewRoutes } from './partners/onboarding/review-routes.ts';
import { onboardingRoutes } from './partners/onboarding/routes.ts';
import { keyStaffRoutes } from './partners/staff-key-routes.ts';
import { partnerStaffRoutes } from './partners/staff-routes.ts';
import { termsStaffRoutes } from './partners/terms/staff-routes.ts';
import { presenceRoutes } from './presence/routes.ts';
import type { Readiness } from './readiness.ts';
import { reservationRoutes } from './reservations/routes.ts';
import { reservationStaffRoutes } from './reservations/staff-routes.ts';
import { rolloutRoutes } from './rollouts/routes.ts';
import { sampleRoutes } from './samples/routes.ts';
import { sandboxRoutes } from './sandbox/routes.ts';
import { claimRoutes } from './sites/claim-routes.ts';
import { accountRoutes } from './staff/accounts/routes.ts';
import { actionRoutes } from './staff/action-routes.ts';
import { attentionRoutes } from './staff/attention-routes.ts';
import { forceStopRoutes } from './staff/force-stop-routes.ts';
import { createStaffGate } from './staff/gate.ts';
import { goneSiteRoutes } from './staff/gone-site-routes.ts';
import { identityRoutes } from './staff/identity-routes.ts';
import { localOrderRoutes } from './staff/local-order-routes.ts';
import { loginRoutes } from './staff/login/routes.ts';
import { maintenanceRoutes } from './staff/maintenance-routes.ts';
import { tableOfStaffRoutes } from './staff/route-table.ts';
import { staffRoutes } from './staff/routes.ts';
import { maintenanceWindowRoutes } from './stations/hours/routes.ts';
import { hoursStaffRoutes } from './stations/hours/staff-routes.ts';
import { pileCodeRoutes } from './stations/pile-code-routes.ts';
import { priceAndStatusRoutes } from './stations/price-status-routes.ts';
import { stationRoutes } from './stations/routes.ts';
import { stationStaffRoutes } from './stations/staff-routes.ts';
import { createStreamHub } from './streaming/hub.ts';
import { acceptWebSockets, streamRoutes } from './streaming/routes.ts';
import { ticketRoutes } from './tickets/routes.ts';
import { traceRoutes } from './trace/routes.ts';
import { deliveryRoutes } from './webhooks/delivery-routes.ts';
import { webhookRoutes } from './webhooks/routes.ts';
import { webhookStaffRoutes } from './webhooks/staff-routes.ts';

export interface AppOptions {
  readonly context: CloudContext;
  readonly staffToken: string;
  readonly publicUrl: string | null;
  /** Ranges of proxies whose `X-Forwarded-For` is believed; the caller is the last address in it that is not one of them. */
  readonly trustedProxies?: readonly string[];
  readonly readiness: () => Promise<Readiness>;
  /** Default: those of service. */
  readonly limits?: ServerLimits;
}

const CORRELATION = 'pilegate-correlation';

/** The HTTP side of the cloud. Everything it needs comes in; tests call it through `inject`. */
export async function buildApp(options: AppOptions): Promise<FastifyInstance> {
  const { context } = options;
  const handleError = createErrorHandler(context.logger);
  const { trustedProxies = [], limits = SERVER_LIMITS } = options;
  const trustProxy = trustedProxies.length > 0 && [...trustedProxies];
  const app = Fastify({
    ...serverOptions(limits),
    // What does not come as far as the hooks.
    frameworkErrors: (error, request, reply) => {
      reply.header(CORRELATION, correlationOf(context, request));
      return handleError(error, request, reply);
    },
    clientErrorHandler: answerUnreadable,
    trustProxy,
  });
  app.server.maxConnections = limits.connections;
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.setErrorHandler(handleError);
  // Before any hook that refuses.
  app.addHook('onRequest', (request, reply, done) => {
    reply.header(CORRELATION, correlationOf(context, request));
    done();
  });
  keepRawBodies(app);
  answerUnknownRoutes(app);
  restrictBrowsers(app);
  app.addHook('onResponse', (request, reply, done) => {
    const { method, routeOptions } = request;
    const call = { method, route: routeOptions.url, status: reply.statusCode, durationMs: reply.elapsedTime };
    context.metrics.answered(call);
    const correlationId = reply.getHeader(CORRELATION);
    const fields = { method: request.method, path: request.routeOptions.url, status: reply.statusCode, correlationId };
    context.logger.debug({ ...fields, durationMs: Math.round(reply.elapsedTime) }, 'request answered');
    done();
  });
  const hub = createStreamHub(context);
  await acceptWebSockets(app, hub, context.logger);
  const staffRouteTable = tableOfStaffRoutes(app);
  await describeApi(app, options.publicUrl);

  const partners = createPartnerGate(context);
  const staff = createStaffGate(context, options.staffToken);
  const zodApp = app.withTypeProvider<ZodTypeProvider>();
  await zodApp.register(healthRoutes(options.readiness));
  await zodApp.register(errorRoutes);
  await zodApp.register(faultCodeRoutes);
  await zodApp.register(stationRoutes(context, partners));
  await zodApp.register(priceAndStatusRoutes(context, partners));
  await zodApp.register(pileCodeRoutes(context, partners));
  await zodApp.register(streamRoutes(context, partners, hub));
  await zodApp.register(operationRoutes(context, partners));
  await zodApp.register(reservationRoutes(context, partners));
  await zodApp.register(orderRoutes(context, partners));
  await zodApp.register(webhookRoutes(context, partners));
  await zodApp.register(deliveryRoutes(context, partners));
  await zodApp.register(sandboxRoutes(context, partners));
  await zodApp.register(keyRoutes(context, partners));
  await zodApp.register(staffRoutes(context, staff));
  await zodApp.register(stationStaffRoutes(context, staff));
  await zodApp.register(partnerStaffRoutes(context, staff));
  await zodApp.register(maintenanceWindowRoutes(context, partners));
  await zodApp.register(hoursStaffRoutes(context, staff));
  await zodApp.register(termsStaffRoutes(context, staff));
  await zodApp.register(creditRoutes(context, partners));
  await zodApp.register(creditStaffRoutes(context, staff));
  await zodApp.register(keyStaffRoutes(context, staff));
  await zodApp.register(webhookStaffRoutes(context, staff));
  await zodApp.register(onboardingRoutes(context));
  await zodApp.register(reviewRoutes(context, staff));
  await zodApp.register(loginRoutes(context, staff));
  await zodApp.register(accountRoutes(context, staff));
  await zodApp.register(actionRoutes(staff, staffRouteTable));
  await zodApp.register(auditRoutes(context, staff));
  await zodApp.register(attentionRoutes(context, staff));
  await zodApp.register(alarmRoutes(context, staff));
  await zodApp.register(alertRoutes(context, staff));
  await zodApp.register(channelRoutes(context, staff));
  await zodApp.register(alertSettingRoutes(context, staff));
  await zodApp.register(ticketRoutes(context, staff));
  await zodApp.register(localOrderRoutes(context, staff));
  await zodApp.register(forceStopRoutes(context, staff));
  await zodApp.register(goneSiteRoutes(context, staff));
  await zodApp.register(reservationStaffRoutes(context, staff));
  await zodApp.register(maintenanceRoutes(context, staff));
  await zodApp.register(documentRoutes(context, staff));
  await zodApp.register(documentKeyRoutes(context, staff));
  await zodApp.register(sampleRoutes(context, staff));
  await zodApp.register(identityRoutes(context, staff));
  await zodApp.register(claimRoutes(context));
  await zodApp.register(rolloutRoutes(context, staff));
  await zodApp.register(presenceRoutes(context, staff));
  await zodApp.register(diagnosticsRoutes(context, staff));
  await zodApp.register(traceRoutes(context, staff));
  return app;
}
