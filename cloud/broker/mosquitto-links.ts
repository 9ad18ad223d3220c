import { readFile } from 'node:fs/promises';
import type { CloudContext } from '../context.ts';
import type { BrokerLogin } from '../ingest/start-ingest.ts';
import type { Authority } from '../sites/authority.ts';
import type { SiteLinks } from '../sites/site-links.ts';
import { writeRevokedFile } from './revoked-file.ts';
import { connectBriefly, tellBroker } from './tell-broker.ts';

export interface MosquittoPlaces {
  readonly authority: Authority;
  readonly revokedFile: string;
  /** Where Mosquitto has written its process id; null: it is told of new lists by somebody else. */
  readonly pidFile: string | null;
}

/** What a broker needs to read its files again. */
const RELOADED_MS = 500;
/** Names under which a site may be connected: those that it has said hello with last. */
const LIVES = 20;

/** An answer holds for so long, as the list itself goes on holding; without one the list is written again after so long. */
const DAY_MS = 86_400_000;
const UNANSWERED_MS = 600_000;

export interface MosquittoLinks extends SiteLinks {
  /**
   * Gives the broker the list, if it has another one: of an end that a process without the authority's key has written down only the
   * rows tell. Whoever is revoked and came in on an older list is cut.
   */
  refresh(): Promise<void>;
  /** The broker has been away: it may have another list than it was given. */
  forget(): void;
}

/**
 * The links of sites to Mosquitto. It looks at the list of revoked certificates when somebody connects. A connection that stands is ended
 * by our plugin, wherever the broker runs. Without the plugin it is ended, on this machine only, by coming in under its own client id:
 * a broker has one client of a name.
 */
export function mosquittoLinks(
  context: Pick<CloudContext, 'db' | 'clock' | 'random' | 'timers' | 'logger'>,
  login: BrokerLogin,
  places: MosquittoPlaces,
): MosquittoLinks {
  const put = async (siteIds: readonly string[]): Promise<boolean> => {
    const list = await writeRevokedFile(context, places.authority, places.revokedFile);
    const number = context.random.uuid();
    return tellBroker(context.timers, login, { number, list, siteIds }).catch((error: unknown) => {
      context.logger.error({ err: error }, 'the broker cannot be told of revoked certificates');
      return false;
    });
  };
  let given: { readonly state: string; readonly untilMonoMs: number } | null = null;
  return {
    async refresh() {
      const state = await lastEnd(context);
      if (given?.state === state && context.clock.monoMs() < given.untilMonoMs) return;
      given = null;
      const isTaken = await put(await revokedSites(context));
      given = { state, untilMonoMs: context.clock.monoMs() + (isTaken ? DAY_MS : UNANSWERED_MS) };
    },
    forget() {
      given = null;
    },
    async cut(siteId, keepFingerprint) {
      // The site has just come with its new certificate: its link is the one to keep.
      if (await put(keepFingerprint === null ? [siteId] : [])) return true;
      if (places.pidFile === null) return false;
      process.kill(await brokerPid(places.pidFile), 'SIGHUP');
      if (keepFingerprint !== null) return true;
      await new Promise<void>((resolve) => context.timers.after(RELOADED_MS, resolve));
      for (const clientId of await namesOf(context, siteId)) await comeInAs(clientId, login);
      return true;
    },
  };
}

/** Changes whenever a certificate ends. */
async function lastEnd({ db }: Pick<CloudContext, 'db'>): Promise<string> {
  const { count, last } = await db
    .selectFrom('site_credentials')
    .select(({ fn }) => [fn.countAll<number>().as('count'), fn.max('ended_at_ms').as('last')])
    .where('kind', '=', 'certificate')
    .where('ended_at_ms', 'is not', null)
    .executeTakeFirstOrThrow();
  return `${count} ${last}`;
}

async function revokedSites({ db }: Pick<CloudContext, 'db'>): Promise<string[]> {
  const rows = await db.selectFrom('sites').select('site_id').where('revoked_at_ms', 'is not', null).execute();
  return rows.map(({ site_id: siteId }) => siteId);
}

/** @throws Error when the file holds no process id: 0 and what is below it would name groups of processes, this one's among them */
async function brokerPid(pidFile: string): Promise<number> {
  const pid = Number((await readFile(pidFile, 'utf8')).trim());
  if (!Number.isInteger(pid) || pid <= 1) throw new Error(`${pidFile} holds no process id`);
  return pid;
}

async function namesOf({ db }: Pick<CloudContext, 'db'>, siteId: string): Promise<string[]> {
  const lives = await db
    .selectFrom('site_lives')
    .select('life_id')
    .where('site_id', '=', siteId)
    .orderBy('last_heard_at_ms', 'desc')
    .limit(LIVES)
    .execute();
  const links = lives.map(({ life_id: lifeId }) => `${siteId}/${lifeId}`);
  // Beside a second way each box tries the first one over a connection of its own.
  return [siteId, ...links.flatMap((name) => [name, `${name}/trial`])];
}

async function comeInAs(clientId: string, login: BrokerLogin): Promise<void> {
  const client = await connectBriefly(login, clientId);
  await client.endAsync();
}
