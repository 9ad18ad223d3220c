import type { CloudConfig } from '../config.ts';

/** Everything in one process, on free ports, with database and keys in memory. */
export const testConfig: CloudConfig = {
  role: 'all',
  dataDir: 'unused: keys and database are in memory',
  databaseUrl: null,
  brokerUrl: null,
  brokerTlsDir: null,
  brokerPidFile: null,
  httpHost: '127.0.0.1',
  httpPort: 0,
  healthPort: null,
  metrics: null,
  slowStatementMs: 500,
  mqttPort: 0,
  publicUrl: null,
  webhookDevAllow: [],
  rateLimits: {
    read: { perMinute: 60_000, burst: 10_000 },
    control: { perMinute: 60_000, burst: 10_000 },
    orders: { perMinute: 60_000, burst: 10_000 },
    settlement: { perMinute: 60_000, burst: 10_000 },
    manage: { perMinute: 60_000, burst: 10_000 },
  },
  trustedProxies: [],
  webhookRetryMs: [60_000, 300_000],
  webhooksKeepMs: 90 * 86_400_000,
  startTimeoutMs: 60_000,
  startSilenceMs: 60_000,
  ingestLeaseMs: 10_000,
  samplesKeepMs: 90 * 86_400_000,
  streamsPerKey: 5,
  statusKeepMs: 72 * 3_600_000,
  credentialLifetimeMs: 7_776_000_000,
  // A hash that costs next to nothing.
  staff: {
    passwordCost: { logN: 4, r: 1, p: 1 },
    idleMs: 1_800_000,
    sessionMs: 43_200_000,
    tokenUse: 'until-accounts',
  },
  logLevel: 'silent',
};
