import { z } from 'zod';
import type { Clock } from '#shared/clock.ts';
import { alertLevels } from './alerts/levels.ts';
import { alertStanding } from './alerts/standing.ts';
import type { Db } from './db/connect.ts';
import { leaseStanding } from './ingest/shards/leases.ts';
import { type Ingest, type IngestStanding, isIngestReady } from './ingest/start-ingest.ts';

export const readinessSchema = z.object({
  ready: z.boolean(),
  database_reachable: z.boolean(),
  shards_leased: z.int().nullable().describe('How many of the 64 topic shards some ingest process serves.'),
  ingest: z
    .object({
      broker_proven: z.boolean().describe('A probe has gone through the broker and come back.'),
      lease_live: z.boolean().describe('By the time of the database.'),
      shards_owned: z.int(),
      shards_heard: z.int().describe('Of which the broker has granted the subscription.'),
    })
    .nullable()
    .describe('Null in a process without this role.'),
  alerts_deaf_levels: z
    .array(z.enum(alertLevels))
    .nullable()
    .describe(
      'Levels of alerts that would reach nobody. No reason to take the process out of service, but to see to the channels.',
    ),
});
export type Readiness = z.infer<typeof readinessSchema>;

/** Can this process do its work? Told, and never thrown: what does not answer is not ready. */
export async function readinessOf(
  context: { readonly db: Db; readonly clock: Clock; readonly processId: string },
  ingest: Pick<Ingest, 'standing'> | null,
): Promise<Readiness> {
  try {
    const deaf = [...(await alertStanding(context.db, context.clock.wallMs())).deafLevels];
    if (ingest === null) {
      const { leased } = await leaseStanding(context.db, context.processId);
      return { ready: true, database_reachable: true, shards_leased: leased, ingest: null, alerts_deaf_levels: deaf };
    }
    const standing = await ingest.standing();
    return {
      ready: isIngestReady(standing),
      database_reachable: true,
      shards_leased: standing.shardsLeased,
      ingest: shown(standing),
      alerts_deaf_levels: deaf,
    };
  } catch {
    return { ready: false, database_reachable: false, shards_leased: null, ingest: null, alerts_deaf_levels: null };
  }
}

const shown = (standing: IngestStanding): Readiness['ingest'] => ({
  broker_proven: standing.brokerProven,
  lease_live: standing.leaseLive,
  shards_owned: standing.shardsOwned,
  shards_heard: standing.shardsHeard,
});
