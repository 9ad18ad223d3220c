import type { LineConfig, PileConfig, SiteConfig } from '../config/site.ts';
import { defaultStorage } from '../config/storage.ts';
import type { Profile } from '../devices/load-profiles.ts';
import { type PileProfile, pileProfileSchema } from '../devices/profile/pile-profile.ts';

type Changes = Partial<Pick<PileProfile, 'timing' | 'watchdog' | 'limits' | 'sockets' | 'serial'>> & {
  readonly hardStop?: null;
  readonly maxReadRegisters?: number;
  /** A point that is read at set-up only, as the schema takes it. */
  readonly plate?: object;
};

const shortPlate = { fc: 4, address: 200, type: 'ascii', words: 10, unit: 'none', read: 'set-up' };

export const timing = { gapMs: 0, turnaroundMs: 20, responseTimeoutMs: 500, slowestReplyMs: 500, pollMs: 1000 };
export const limits = {
  maxCurrentMa: 32_000,
  minCurrentMa: 6000,
  stepMa: 100,
  phases: 3,
  overTemperatureDc: null,
  overVoltageMv: null,
  underVoltageMv: null,
} as const;

/** A watchdog that only a written token feeds: one frame of function 06. */
export const tokenWatchdog = (timeoutMs: number, fallback: 'stop' | 'full-power' = 'stop') => ({
  timeoutMs,
  refreshedBy: 'writes' as const,
  feed: [{ write: 'token', value: 1 }],
  fallback: { kind: fallback },
});

/** A pile that is polled by two reads of ten registers. */
export function pileProfile(changes: Changes = {}): PileProfile {
  const { hardStop, plate = shortPlate, ...rest } = changes;
  return pileProfileSchema.parse({
    kind: 'pile',
    profileId: 'bench-pile',
    vendor: 'Bench',
    model: 'Two reads of ten',
    source: 'no device: for calculations',
    transports: ['serial', 'rtu-over-tcp', 'tcp'],
    serial: { baud: 9600, parity: 'even', stopBits: 1 },
    timing,
    limits,
    zeroMeans: 'pause',
    maxReadRegisters: 10,
    maxReadGap: 0,
    watchdog: tokenWatchdog(600_000),
    points: {
      state: { fc: 4, address: 0, type: 'u16', unit: 'none' },
      current: { fc: 4, address: 1, type: 'u16', unit: 'mA' },
      more: { fc: 4, address: 2, type: 'ascii', words: 8, unit: 'none' },
      energy: { fc: 4, address: 100, type: 'u32', unit: 'Wh' },
      evenMore: { fc: 4, address: 102, type: 'ascii', words: 8, unit: 'none' },
      plate,
    },
    writes: {
      limit: { fc: 6, address: 300, type: 'u16' },
      lock: { fc: 6, address: 301, type: 'u16' },
      token: { fc: 6, address: 302, type: 'u16' },
    },
    state: [{ when: [{ point: 'state', in: [0] }], is: 'unplugged' }],
    measures: { currents: ['current'], energy: { point: 'energy', kind: 'cumulative', rollsOverAtWh: null } },
    commands: {
      setup: [],
      start: [{ write: 'limit', value: 'limit' }],
      softStop: [{ write: 'limit', value: 0 }],
      hardStop: hardStop === undefined ? [{ write: 'lock', value: 0 }] : hardStop,
    },
    ...rest,
  });
}

export const serialLine = (baud: number, path = '/dev/serial/by-id/usb-adapter-0'): LineConfig => ({
  lineId: 'L1',
  transport: 'serial',
  path,
  baud,
  parity: 'even',
  stopBits: 1,
});

export const tcpLine: LineConfig = { lineId: 'L1', transport: 'tcp', host: '127.0.0.1', port: 502 };

/** So many piles of one profile on one line. */
export function siteOf(line: LineConfig, piles: number, changes: Partial<SiteConfig> = {}): SiteConfig {
  return {
    file: 'site.json',
    siteId: 'bench',
    dataDir: 'data',
    supplyLimitMa: 1_000_000,
    charge: {},
    cloud: { brokerUrl: 'mqtt://127.0.0.1:1883', shard: 0 },
    lines: [line],
    piles: Array.from({ length: piles }, (_, i) => pileAt(i + 1)),
    meters: [],
    parking: [],
    io: [],
    readers: [],
    storage: defaultStorage,
    ...changes,
  };
}

export const pileAt = (unit: number, changes: Partial<PileConfig> = {}): PileConfig => ({
  pileId: `P${unit}`,
  connectorId: `P${unit}-1`,
  profile: 'bench-pile',
  lineId: 'L1',
  unit,
  limitMa: 16_000,
  ...changes,
});

export const library = (...profiles: Profile[]): Map<string, Profile> =>
  new Map(profiles.map((profile) => [profile.profileId, profile]));
