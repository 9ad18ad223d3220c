import { siteIdSchema } from '../ids.ts';

/** Version of topics and envelopes. A new one is added beside the old; nothing is renamed. */
export const WIRE_VERSION = 1;

/** Sites are spread over this many topic shards, which ingest processes share out among themselves. */
export const SHARD_COUNT = 64;

export const upKinds = ['hello', 'batch', 'state', 'presence', 'piece', 'renewal', 'nack'] as const;
export type UpKind = (typeof upKinds)[number];

export const downKinds = [
  'welcome',
  'hold',
  'beat',
  'ack',
  'command',
  'cancel',
  'document',
  'credential',
  'diagnose',
  'nack',
] as const;
export type DownKind = (typeof downKinds)[number];

const root = (shard: number, siteId: string) => `pilegate/v1/${String(shard).padStart(2, '0')}/${siteId}`;

/** Where a site publishes. Its credentials allow nothing else. */
export const upTopic = (shard: number, siteId: string, kind: UpKind): string => `${root(shard, siteId)}/up/${kind}`;

/** Where a site listens. */
export const downTopic = (shard: number, siteId: string, kind: DownKind): string =>
  `${root(shard, siteId)}/down/${kind}`;

export const allDown = (shard: number, siteId: string): string => `${root(shard, siteId)}/down/+`;

/** What an ingest process subscribes to for each shard that it has. */
export const allUp = (shard: number): string => `pilegate/v1/${String(shard).padStart(2, '0')}/+/up/+`;

export interface ParsedTopic<Kind extends string> {
  readonly shard: number;
  readonly siteId: string;
  readonly kind: Kind;
}

function parse<Kind extends string>(topic: string, way: string, kinds: readonly Kind[]): ParsedTopic<Kind> | null {
  const [product, version, shard, siteId, direction, kind, ...rest] = topic.split('/');
  if (product !== 'pilegate' || version !== 'v1' || direction !== way || rest.length > 0) return null;
  if (shard === undefined || !/^\d\d$/.test(shard) || Number(shard) >= SHARD_COUNT) return null;
  const known = kinds.find((candidate) => candidate === kind);
  if (known === undefined || siteId === undefined || !siteIdSchema.safeParse(siteId).success) return null;
  return { shard: Number(shard), siteId, kind: known };
}

/** Null when the topic is none of ours. */
export const parseUpTopic = (topic: string): ParsedTopic<UpKind> | null => parse(topic, 'up', upKinds);
export const parseDownTopic = (topic: string): ParsedTopic<DownKind> | null => parse(topic, 'down', downKinds);
