import type { Logger } from 'pino';
import type { Clock, Timers } from '#shared/clock.ts';
import type { Db } from './db/connect.ts';
import type { SecretBox } from './keys/seal.ts';
import type { CloudMetrics } from './metrics/cloud-metrics.ts';
import type { KeyUsage } from './partners/behaviour/key-usage.ts';
import type { RatePolicies } from './partners/rate-policy.ts';
import type { Random } from './random.ts';
import type { IntrusionWatch } from './sites/intrusions.ts';
import type { CredentialIssuer } from './sites/issuer.ts';
import type { SiteLinks } from './sites/site-links.ts';
import type { PasswordCost } from './staff/login/password.ts';
import type { LookUp } from './webhooks/address-guard.ts';

/** Tells a job that there may be work: in this process where it has the job, else in those that do. Lost calls are made good by polling. */
export interface Wake {
  commands(): void;
  deliveries(): void;
  alerts(): void;
}

/** What the capabilities are built from. Each function asks for the fields it needs, and no more. */
export interface CloudContext {
  /** This run of this process, among all processes of the cloud. */
  readonly processId: string;
  readonly db: Db;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly logger: Logger;
  readonly secrets: SecretBox;
  readonly wake: Wake;
  readonly issuer: CredentialIssuer;
  readonly siteLinks: SiteLinks;
  readonly intrusions: IntrusionWatch;
  readonly keyUsage: KeyUsage;
  readonly metrics: CloudMetrics;
  readonly lookUp: LookUp;
  readonly settings: CloudSettings;
}

export interface CloudSettings {
  readonly startTimeoutMs: number;
  readonly startTimeoutMsByModel: ReadonlyMap<string, number>;
  readonly startSilenceMs: number;
  /** How this cloud is reached from outside, for links; null: not told. */
  readonly publicUrl: string | null;
  readonly reservations: ReservationSettings;
  readonly samplesKeepMs: number;
  readonly operatorId: string | null;
  readonly streamsPerKey: number;
  readonly statusKeepMs: number;
  readonly staff: StaffSettings;
  readonly webhookRetryMs: readonly number[];
  readonly webhooksKeepMs: number;
  readonly alertPostsKeepMs: number;
  /** By station: the address of the bench that its simulated piles stand on. */
  readonly sandboxRigs: ReadonlyMap<string, string>;
  readonly webhookDevAllow: readonly string[];
  readonly rateLimits: RatePolicies;
}

export interface ReservationSettings {
  /** The longest time from now that a connector may be held. */
  readonly longestMs: number;
  /** How many connectors a partner may have reserved at a time, in each environment. */
  readonly mostPerPartner: number;
}

export interface StaffSettings {
  readonly passwordCost: PasswordCost;
  /** A session ends when nothing comes for so long, */
  readonly idleMs: number;
  /** and in any case so long after its login. */
  readonly sessionMs: number;
  /**
   * What the staff token is good for once people have accounts. `until-accounts`: nothing. `machines`: what a machine may do.
   * `recovery`: an owner may be invited with it as well, until whoever runs the machine takes that back.
   */
  readonly tokenUse: 'until-accounts' | 'machines' | 'recovery';
}
