import type { Logger } from 'pino';
import type { Clock, Timers } from '#shared/clock.ts';
import type { CloudConfig } from './config.ts';
import type { CloudContext } from './context.ts';
import type { Db } from './db/connect.ts';
import type { KeyFiles } from './keys/key-files.ts';
import { createSecretBox } from './keys/seal.ts';
import { createCloudMetrics } from './metrics/cloud-metrics.ts';
import type { SlowStatements } from './metrics/slow-statements.ts';
import { createKeyUsage } from './partners/behaviour/key-usage.ts';
import type { Random } from './random.ts';
import { createIntrusionWatch } from './sites/intrusions.ts';
import { type CredentialIssuer, passwordIssuer } from './sites/issuer.ts';
import type { SiteLinks } from './sites/site-links.ts';
import type { LookUp } from './webhooks/address-guard.ts';

/** Everything outside the cloud, as arguments. */
export interface CloudWorld {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly logger: Logger;
  readonly lookUp: LookUp;
  readonly keys: KeyFiles;
  /** Open and migrated; closed by `stop`. */
  readonly db: Db;
  /** What watches over its statements; absent where nobody does. */
  readonly slowStatements?: SlowStatements;
}

/** What every capability of one process of the cloud is built from. */
export function createContext(
  config: CloudConfig,
  world: CloudWorld,
  wake: CloudContext['wake'],
  siteLinks: SiteLinks,
  issuer: CredentialIssuer = passwordIssuer(config.credentialLifetimeMs),
): CloudContext {
  return {
    processId: world.random.uuid(),
    db: world.db,
    clock: world.clock,
    timers: world.timers,
    random: world.random,
    logger: world.logger,
    secrets: createSecretBox(world.keys.masterKey, world.random.bytes),
    wake,
    issuer,
    siteLinks,
    intrusions: createIntrusionWatch(world),
    keyUsage: createKeyUsage(world),
    metrics: createCloudMetrics(),
    lookUp: world.lookUp,
    settings: {
      startTimeoutMs: config.startTimeoutMs,
      startTimeoutMsByModel: config.startTimeoutMsByModel,
      startSilenceMs: config.startSilenceMs,
      publicUrl: config.publicUrl,
      reservations: config.reservations,
      samplesKeepMs: config.samplesKeepMs,
      operatorId: config.operatorId,
      streamsPerKey: config.streamsPerKey,
      statusKeepMs: config.statusKeepMs,
      staff: config.staff,
      webhookRetryMs: config.webhookRetryMs,
      webhooksKeepMs: config.webhooksKeepMs,
      alertPostsKeepMs: config.alertPostsKeepMs,
      sandboxRigs: config.sandboxRigs,
      webhookDevAllow: config.webhookDevAllow,
      rateLimits: config.rateLimits,
    },
  };
}
