import { raisePlatformAlarm } from '../alarms/raise-alarm.ts';
import type { CloudContext } from '../context.ts';

/** Something that only a wrong set-up or somebody with bad intent does. */
export interface Intrusion {
  /** A site that exists. */
  readonly siteId: string;
  readonly code: 'foreign-topic' | 'foreign-payload' | 'claim-used-twice' | 'revoked-site-speaks';
  readonly detail: string;
}

export interface IntrusionWatch {
  note(intrusion: Intrusion): void;
  /** Waits for what is being stored. */
  idle(): Promise<void>;
}

/** Whoever sends a thousand messages a second fills no table: one alarm at once, then one with the count when this time is over. */
const ONE_ALARM_IN_MS = 600_000;

interface Seen {
  alarmedMonoMs: number;
  /** Since the last alarm. */
  untold: number;
}

/** Tells staff, as an alarm, what a site has tried. */
export function createIntrusionWatch(
  context: Pick<CloudContext, 'db' | 'clock' | 'random' | 'logger'>,
): IntrusionWatch {
  const { clock, logger } = context;
  const seen = new Map<string, Seen>();
  const underWay = new Set<Promise<void>>();

  const alarm = async ({ siteId, code, detail }: Intrusion, untold: number): Promise<void> => {
    const nowMs = clock.wallMs();
    const told = untold === 0 ? detail : `${detail} (and ${untold} more since the last alarm)`;
    await raisePlatformAlarm(context, context.db, { code, severity: 'critical', siteId, detail: told, nowMs });
  };
  return {
    note(intrusion) {
      const key = `${intrusion.siteId} ${intrusion.code}`;
      const before = seen.get(key);
      const nowMs = clock.monoMs();
      if (before !== undefined && nowMs - before.alarmedMonoMs < ONE_ALARM_IN_MS) {
        before.untold += 1;
        return;
      }
      seen.set(key, { alarmedMonoMs: nowMs, untold: 0 });
      const storing = alarm(intrusion, before?.untold ?? 0)
        .catch((error: unknown) => {
          // Not told: the next one is, at once.
          seen.delete(key);
          logger.error({ err: error, ...intrusion }, 'alarm cannot be stored');
        })
        .finally(() => underWay.delete(storing));
      underWay.add(storing);
    },
    async idle() {
      await Promise.all(underWay);
    },
  };
}
