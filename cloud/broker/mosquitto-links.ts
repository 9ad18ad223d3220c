import { readFile } from 'node:fs/promises';
import mqtt from 'mqtt';
import type { CloudContext } from '../context.ts';
import type { BrokerLogin } from '../ingest/start-ingest.ts';
import type { Authority } from '../sites/authority.ts';
import type { SiteLinks } from '../sites/site-links.ts';
import { writeRevokedFile } from './revoked-file.ts';

export interface MosquittoPlaces {
  readonly authority: Authority;
  readonly revokedFile: string;
  /** Where Mosquitto has written its process id; null: it is told of new lists by somebody else. */
  readonly pidFile: string | null;
}

const CONNECT_TIMEOUT_MS = 5_000;
/** What a broker needs to read its files again. */
const RELOADED_MS = 500;
/** Names under which a site may be connected: those that it has said hello with last. */
const LIVES = 20;

/**
 * The links of sites to Mosquitto. It reads the list of revoked certificates when it is told to, and looks at it when somebody
 * connects. A connection that stands is ended by coming in under its own client id: a broker has one client of a name.
 */
export function mosquittoLinks(
  context: Pick<CloudContext, 'db' | 'clock' | 'random' | 'timers'>,
  login: BrokerLogin,
  places: MosquittoPlaces,
): SiteLinks {
  return {
    async cut(siteId, keepFingerprint) {
      await writeRevokedFile(context, places.authority, places.revokedFile);
      if (places.pidFile === null) return false;
      process.kill(await brokerPid(places.pidFile), 'SIGHUP');
      // The site has just come with its new certificate: its link is the one to keep.
      if (keepFingerprint !== null) return true;
      await new Promise<void>((resolve) => context.timers.after(RELOADED_MS, resolve));
      for (const clientId of await namesOf(context, siteId)) await comeInAs(clientId, login);
      return true;
    },
  };
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
  return [siteId, ...lives.map(({ life_id: lifeId }) => `${siteId}/${lifeId}`)];
}

async function comeInAs(clientId: string, { url, username, password, tls }: BrokerLogin): Promise<void> {
  const client = await mqtt.connectAsync(url, {
    clientId,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...tls,
    protocolVersion: 4,
    clean: true,
    reconnectPeriod: 0,
    connectTimeout: CONNECT_TIMEOUT_MS,
  });
  await client.endAsync();
}
