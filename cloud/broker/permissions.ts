import { allDown, parseDownTopic, parseUpTopic } from '#shared/wire/topics.ts';

/** Who is connected to the embedded broker. */
export type BrokerIdentity =
  | { readonly role: 'cloud' }
  | {
      readonly role: 'site';
      readonly siteId: string;
      readonly shard: number;
      /** Of the credential that it has logged in with. */
      readonly fingerprint: string;
    };

/**
 * A client id belongs to one connection: whoever takes it over throws the other one out. So a site may use
 * only its own id, alone or with something behind a slash, which no site id contains.
 */
export const mayUseClientId = (identity: BrokerIdentity, clientId: string): boolean =>
  identity.role === 'cloud' || clientId === identity.siteId || clientId.startsWith(`${identity.siteId}/`);

/** A site speaks only under its own `up/`. */
export function mayPublish(identity: BrokerIdentity, topic: string): boolean {
  if (identity.role === 'cloud') return true;
  const parsed = parseUpTopic(topic);
  return parsed !== null && parsed.siteId === identity.siteId && parsed.shard === identity.shard;
}

/** A site listens only to its own `down/`: one kind of message, or all of them. */
export function maySubscribe(identity: BrokerIdentity, filter: string): boolean {
  if (identity.role === 'cloud') return !filter.startsWith('$share/');
  if (filter === allDown(identity.shard, identity.siteId)) return true;
  const parsed = parseDownTopic(filter);
  return parsed !== null && parsed.siteId === identity.siteId && parsed.shard === identity.shard;
}
