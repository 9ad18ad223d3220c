import type { CredentialGrant } from '#shared/wire/credentials.ts';
import { encode } from '#shared/wire/decode.ts';
import type { Ack, Beat, Cancel, Command, Diagnose, DocumentPush, Hold, Nack, Welcome } from '#shared/wire/messages.ts';
import { type DownKind, downTopic } from '#shared/wire/topics.ts';

/** Where a site listens. */
export interface SiteAddress {
  readonly siteId: string;
  readonly shard: number;
}

/** What the cloud says to sites. A message that gets lost is found again in the database and repeated. */
export interface Down {
  welcome(site: SiteAddress, message: Welcome): Promise<void>;
  hold(site: SiteAddress, message: Hold): Promise<void>;
  beat(site: SiteAddress, message: Beat): Promise<void>;
  ack(site: SiteAddress, message: Ack): Promise<void>;
  command(site: SiteAddress, message: Command): Promise<void>;
  cancel(site: SiteAddress, message: Cancel): Promise<void>;
  document(site: SiteAddress, message: DocumentPush): Promise<void>;
  credential(site: SiteAddress, message: CredentialGrant): Promise<void>;
  diagnose(site: SiteAddress, message: Diagnose): Promise<void>;
  nack(site: SiteAddress, message: Nack): Promise<void>;
}

/** @param publish sends at QoS 1 */
export function createDown(publish: (topic: string, payload: string) => Promise<void>): Down {
  const to =
    <Message extends object>(kind: DownKind) =>
    (site: SiteAddress, message: Message) =>
      publish(downTopic(site.shard, site.siteId, kind), encode(message));
  return {
    welcome: to<Welcome>('welcome'),
    hold: to<Hold>('hold'),
    beat: to<Beat>('beat'),
    ack: to<Ack>('ack'),
    command: to<Command>('command'),
    cancel: to<Cancel>('cancel'),
    document: to<DocumentPush>('document'),
    credential: to<CredentialGrant>('credential'),
    diagnose: to<Diagnose>('diagnose'),
    nack: to<Nack>('nack'),
  };
}
