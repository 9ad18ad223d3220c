import mqtt from 'mqtt';
import type { Timers } from '#shared/clock.ts';
import type { BrokerLogin } from '../ingest/start-ingest.ts';
import { REVOKE_TOPIC, REVOKED_TOPIC } from './broker-topics.ts';

const CONNECT_TIMEOUT_MS = 5_000;
/** The broker reads its files again, which is a matter of milliseconds. */
const ANSWER_MS = 2_000;

export interface Revoked {
  /** Names this message among others, and the connection it goes over. */
  readonly number: string;
  /** PEM. */
  readonly list: string;
  /** Sites of which every connection is to end once the list holds. */
  readonly siteIds: readonly string[];
}

/** A connection of the cloud's own, under a name that nobody else has at the time. */
export function connectBriefly({ url, username, password, tls }: BrokerLogin, clientId: string) {
  return mqtt.connectAsync(url, {
    clientId,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...tls,
    protocolVersion: 4,
    clean: true,
    reconnectPeriod: 0,
    connectTimeout: CONNECT_TIMEOUT_MS,
  });
}

/**
 * Gives a broker with our plugin the list of revoked certificates, wherever it runs, and has it end the connections of sites.
 *
 * @returns false when it does not answer that it has: it has no plugin, or cannot write its file
 * @throws Error when it cannot be reached
 */
export async function tellBroker(timers: Timers, login: BrokerLogin, revoked: Revoked): Promise<boolean> {
  const { number, list, siteIds } = revoked;
  const client = await connectBriefly(login, `pilegate-revoke-${number}`);
  try {
    const answer = new Promise<boolean>((resolve) => {
      const cancel = timers.after(ANSWER_MS, () => resolve(false));
      client.on('message', (_topic, payload) => {
        if (payload.toString() !== number) return;
        cancel();
        resolve(true);
      });
    });
    await client.subscribeAsync(REVOKED_TOPIC, { qos: 1 });
    await client.publishAsync(REVOKE_TOPIC, `${[number, ...siteIds].join(' ')}\n${list}`, { qos: 1 });
    return await answer;
  } finally {
    await client.endAsync(true);
  }
}
