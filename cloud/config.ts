import { z } from 'zod';
import { complaintsOf, describeComplaints } from '#shared/complaints.ts';
import { PilegateError } from '#shared/errors.ts';
import { siteIdSchema } from '#shared/ids.ts';
import { isLoopbackHost } from '#shared/loopback.ts';
import type { ReservationSettings, StaffSettings } from './context.ts';
import { parseCidr } from './http/addresses.ts';
import { defaultRatePolicies, endpointClasses, type RatePolicies, ratePolicySchema } from './partners/rate-policy.ts';
import { PASSWORD_COST } from './staff/login/password.ts';

const portSchema = z.coerce.number().int().min(0).max(65_535);

const hostPortListSchema = z
  .string()
  .transform((text) =>
    text
      .split(',')
      .map((entry) => entry.trim())
      .filter((entry) => entry !== ''),
  )
  .pipe(z.array(z.string().regex(/^[^\s/@]+:\d{1,5}$/, 'host:port, separated by commas')));

const retryPlanSchema = z
  .string()
  .transform((text) => text.split(',').map((entry) => entry.trim()))
  .pipe(z.array(z.string().regex(/^\d+(\.\d+)?$/, 'seconds, separated by commas')).min(1))
  .transform((entries) => entries.map((entry) => Math.round(Number(entry) * 1000)));

const rangeListSchema = z
  .string()
  .transform((text) =>
    text
      .split(',')
      .map((entry) => entry.trim())
      .filter((entry) => entry !== ''),
  )
  .pipe(z.array(z.string().refine((range) => parseCidr(range) !== null, 'addresses or ranges, separated by commas')));

/** `east=http://127.0.0.1:9100,west=http://10.0.0.7:9100`: where the bench of a station is. */
const rigsSchema = z
  .string()
  .transform((text) =>
    text
      .split(',')
      .map((entry) => entry.trim())
      .filter((entry) => entry !== '')
      .map((entry) => entry.split('=', 2)),
  )
  .pipe(z.array(z.tuple([siteIdSchema, z.url({ protocol: /^https?$/ })])))
  .transform((entries): ReadonlyMap<string, string> => new Map(entries));

/** `acme-dc=150,other-dc=90`: seconds, by model of pile. */
const startTimeoutsSchema = z
  .string()
  .transform((text) => text.split(',').map((entry) => entry.split('=', 2).map((part) => part.trim())))
  .pipe(
    z.array(
      z.tuple(
        [z.string().min(1), z.coerce.number<string>().positive().max(3600)],
        'model=seconds, separated by commas',
      ),
    ),
  )
  .transform(
    (entries): ReadonlyMap<string, number> => new Map(entries.map(([model, s]) => [model, Math.round(s * 1000)])),
  );

/** `read=1200/300,control=600/120`: calls a minute, and how many at once. */
const rateLimitsSchema = z
  .string()
  .transform((text) =>
    text.split(',').map((entry) => {
      const [, name, perMinute, burst] = /^\s*([a-z]+)=(\d+)\/(\d+)\s*$/.exec(entry) ?? [];
      return { name, policy: { per_minute: Number(perMinute), burst: Number(burst) } };
    }),
  )
  .pipe(
    z.array(
      z.object({
        name: z.enum(endpointClasses, 'class=calls a minute/calls at once, separated by commas'),
        policy: ratePolicySchema,
      }),
    ),
  )
  .transform((entries) => ({
    ...defaultRatePolicies,
    ...Object.fromEntries(
      entries.map(({ name, policy }) => [name, { perMinute: policy.per_minute, burst: policy.burst }]),
    ),
  }));

const environmentSchema = z
  .object({
    PILEGATE_ROLE: z.enum(['api', 'ingest', 'worker', 'all']).default('all'),
    PILEGATE_DATA_DIR: z.string().min(1).default('./var/cloud'),
    DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }).optional(),
    BROKER_URL: z.url({ protocol: /^(mqtts?|tls|tcp)$/ }).optional(),
    PILEGATE_HTTP_HOST: z.string().min(1).default('127.0.0.1'),
    PILEGATE_HTTP_PORT: portSchema.default(8080),
    PILEGATE_HEALTH_PORT: portSchema.optional(),
    PILEGATE_METRICS_HOST: z.string().min(1).default('127.0.0.1'),
    PILEGATE_METRICS_PORT: portSchema.optional(),
    PILEGATE_SLOW_STATEMENT_MS: z.coerce.number().int().min(1).max(600_000).default(500),
    PILEGATE_MQTT_PORT: portSchema.default(1883),
    PILEGATE_PUBLIC_URL: z.url({ protocol: /^https?$/ }).optional(),
    PILEGATE_WEBHOOK_DEV_ALLOW: hostPortListSchema.default([]),
    PILEGATE_WEBHOOK_RETRY_S: retryPlanSchema.default(
      [60, 300, 900, 3600, 10800, 21600, 43200, 86400].map((s) => s * 1000),
    ),
    PILEGATE_WEBHOOKS_KEEP_DAYS: z.coerce.number().int().min(7).max(3660).default(90),
    PILEGATE_ALERT_POSTS_KEEP_DAYS: z.coerce.number().int().min(7).max(3660).default(365),
    PILEGATE_SANDBOX_RIGS: rigsSchema.default(new Map()),
    PILEGATE_RATE_LIMITS: rateLimitsSchema.default(defaultRatePolicies),
    PILEGATE_TRUSTED_PROXIES: rangeListSchema.default([]),
    PILEGATE_INGEST_LEASE_S: z.coerce.number().min(1).max(600).default(10),
    PILEGATE_START_TIMEOUT_S: z.coerce.number().positive().max(3600).default(60),
    PILEGATE_START_TIMEOUT_S_BY_MODEL: startTimeoutsSchema.default(new Map()),
    PILEGATE_RESERVATION_MINUTES: z.coerce.number().min(1).max(1440).default(120),
    PILEGATE_RESERVATIONS_PER_PARTNER: z.coerce.number().int().min(0).max(100_000).default(50),
    PILEGATE_START_SILENCE_S: z.coerce.number().min(0).max(3600).default(60),
    PILEGATE_SAMPLES_KEEP_DAYS: z.coerce.number().int().min(1).max(3660).default(90),
    PILEGATE_OPERATOR_ID: z
      .string()
      .regex(/^[0-9A-Z]{9}$/, 'nine digits and capital letters')
      .optional(),
    PILEGATE_STREAMS_PER_KEY: z.coerce.number().int().min(1).max(1000).default(5),
    PILEGATE_STATUS_KEEP_HOURS: z.coerce.number().positive().max(8_760).default(72),
    PILEGATE_BROKER_TLS_DIR: z.string().min(1).optional(),
    PILEGATE_BROKER_PID_FILE: z.string().min(1).optional(),
    PILEGATE_BROKER_ALLOW_UNENCRYPTED: z.stringbool().default(false),
    PILEGATE_CREDENTIAL_DAYS: z.coerce.number().positive().max(3650).default(90),
    PILEGATE_STAFF_IDLE_MINUTES: z.coerce.number().positive().max(1440).default(30),
    PILEGATE_STAFF_SESSION_HOURS: z.coerce.number().positive().max(168).default(12),
    PILEGATE_STAFF_TOKEN: z.enum(['until-accounts', 'machines', 'recovery']).default('until-accounts'),
    PILEGATE_LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
  })
  .superRefine((env, context) => {
    if (env.BROKER_URL !== undefined && !env.PILEGATE_BROKER_ALLOW_UNENCRYPTED && isToldToTheWire(env.BROKER_URL)) {
      const message =
        'the password would go unencrypted to another machine: use mqtts, or set PILEGATE_BROKER_ALLOW_UNENCRYPTED=true';
      context.addIssue({ code: 'custom', path: ['BROKER_URL'], message });
    }
    if (env.PILEGATE_ROLE === 'all') return;
    for (const name of ['DATABASE_URL', 'BROKER_URL'] as const) {
      if (env[name] !== undefined) continue;
      const message = `role ${env.PILEGATE_ROLE} shares its work with other processes, so it needs a real one by URL`;
      context.addIssue({ code: 'custom', path: [name], message });
    }
  });

/** Whether a password in it could be read on the way. */
function isToldToTheWire(brokerUrl: string): boolean {
  const { protocol, hostname, password } = new URL(brokerUrl);
  return password !== '' && (protocol === 'mqtt:' || protocol === 'tcp:') && !isLoopbackHost(hostname);
}

export interface CloudConfig {
  readonly role: 'api' | 'ingest' | 'worker' | 'all';
  readonly dataDir: string;
  /** Null: PGlite inside `dataDir`. */
  readonly databaseUrl: string | null;
  /** Null: the embedded broker. */
  readonly brokerUrl: string | null;
  /** Folder with what this process shows the broker, and, where it makes certificates for sites, the authority's key; null: none. */
  readonly brokerTlsDir: string | null;
  /** Where the broker has written its process id, to be told of revoked certificates; null: it is told by others. */
  readonly brokerPidFile: string | null;
  readonly httpHost: string;
  /** 0 takes any free port. */
  readonly httpPort: number;
  /** Where a process without the role of the API tells whether it is ready; null: nowhere. */
  readonly healthPort: number | null;
  /** Where metrics are told, to whoever can reach it: a port of its own; null: nowhere. */
  readonly metrics: { readonly host: string; readonly port: number } | null;
  /** A statement that takes longer is logged and counted. */
  readonly slowStatementMs: number;
  readonly mqttPort: number;
  readonly publicUrl: string | null;
  /** Exact `host:port` entries which webhooks may reach over http on loopback. For development only. */
  readonly webhookDevAllow: readonly string[];
  /** Waits after the first, second, … failed attempt. */
  readonly webhookRetryMs: readonly number[];
  /** How long events and their deliveries stay after they have been made; what is pending stays. */
  readonly webhooksKeepMs: number;
  /** How long messages of alerts stay after they have been made; those of open alerts stay. */
  readonly alertPostsKeepMs: number;
  /** By station of the sandbox: the address of the bench behind its simulated piles. */
  readonly sandboxRigs: ReadonlyMap<string, string>;
  /** Calls that a key may make, unless it has limits of its own. */
  readonly rateLimits: RatePolicies;
  /** Ranges of proxies whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: readonly string[];
  readonly startTimeoutMs: number;
  /** By model of pile, for those that need another time than most. */
  readonly startTimeoutMsByModel: ReadonlyMap<string, number>;
  /** For how long a site is asked how a start that it has not confirmed in time has ended, before it fails without an answer. */
  readonly startSilenceMs: number;
  readonly reservations: ReservationSettings;
  /** How long a process that ends without a word keeps the sites of its shards from being served by another. */
  readonly ingestLeaseMs: number;
  /** How long samples stay after they have come. */
  readonly samplesKeepMs: number;
  /** The nine characters that stand for the operator in codes which Chinese platforms share; null: none. */
  readonly operatorId: string | null;
  /** How many status streams a key may have open. */
  readonly streamsPerKey: number;
  /** How long a change of status can be resumed from. */
  readonly statusKeepMs: number;
  /** How long a credential of a site holds; it asks for the next one when two thirds are over. */
  readonly credentialLifetimeMs: number;
  readonly staff: StaffSettings;
  readonly logLevel: string;
}

/**
 * Reads the configuration from the environment.
 *
 * @throws PilegateError `config.invalid`, naming each variable and what it must be
 */
export function readConfig(env: Readonly<Record<string, string | undefined>>): CloudConfig {
  const parsed = environmentSchema.safeParse(env);
  if (!parsed.success) {
    const complaints = complaintsOf(parsed.error);
    throw new PilegateError('config.invalid', describeComplaints(complaints), { complaints });
  }
  const values = parsed.data;
  return {
    role: values.PILEGATE_ROLE,
    dataDir: values.PILEGATE_DATA_DIR,
    databaseUrl: values.DATABASE_URL ?? null,
    brokerUrl: values.BROKER_URL ?? null,
    brokerTlsDir: values.PILEGATE_BROKER_TLS_DIR ?? null,
    brokerPidFile: values.PILEGATE_BROKER_PID_FILE ?? null,
    httpHost: values.PILEGATE_HTTP_HOST,
    httpPort: values.PILEGATE_HTTP_PORT,
    healthPort: values.PILEGATE_HEALTH_PORT ?? null,
    metrics:
      values.PILEGATE_METRICS_PORT === undefined
        ? null
        : { host: values.PILEGATE_METRICS_HOST, port: values.PILEGATE_METRICS_PORT },
    slowStatementMs: values.PILEGATE_SLOW_STATEMENT_MS,
    mqttPort: values.PILEGATE_MQTT_PORT,
    publicUrl: values.PILEGATE_PUBLIC_URL ?? null,
    webhookDevAllow: values.PILEGATE_WEBHOOK_DEV_ALLOW,
    webhookRetryMs: values.PILEGATE_WEBHOOK_RETRY_S,
    sandboxRigs: values.PILEGATE_SANDBOX_RIGS,
    webhooksKeepMs: values.PILEGATE_WEBHOOKS_KEEP_DAYS * 86_400_000,
    alertPostsKeepMs: values.PILEGATE_ALERT_POSTS_KEEP_DAYS * 86_400_000,
    rateLimits: values.PILEGATE_RATE_LIMITS,
    trustedProxies: values.PILEGATE_TRUSTED_PROXIES,
    ingestLeaseMs: Math.round(values.PILEGATE_INGEST_LEASE_S * 1000),
    startTimeoutMs: Math.round(values.PILEGATE_START_TIMEOUT_S * 1000),
    startTimeoutMsByModel: values.PILEGATE_START_TIMEOUT_S_BY_MODEL,
    startSilenceMs: Math.round(values.PILEGATE_START_SILENCE_S * 1000),
    reservations: {
      longestMs: Math.round(values.PILEGATE_RESERVATION_MINUTES * 60_000),
      mostPerPartner: values.PILEGATE_RESERVATIONS_PER_PARTNER,
    },
    samplesKeepMs: values.PILEGATE_SAMPLES_KEEP_DAYS * 86_400_000,
    operatorId: values.PILEGATE_OPERATOR_ID ?? null,
    streamsPerKey: values.PILEGATE_STREAMS_PER_KEY,
    statusKeepMs: Math.round(values.PILEGATE_STATUS_KEEP_HOURS * 3_600_000),
    credentialLifetimeMs: Math.round(values.PILEGATE_CREDENTIAL_DAYS * 86_400_000),
    staff: {
      passwordCost: PASSWORD_COST,
      idleMs: Math.round(values.PILEGATE_STAFF_IDLE_MINUTES * 60_000),
      sessionMs: Math.round(values.PILEGATE_STAFF_SESSION_HOURS * 3_600_000),
      tokenUse: values.PILEGATE_STAFF_TOKEN,
    },
    logLevel: values.PILEGATE_LOG_LEVEL,
  };
}
