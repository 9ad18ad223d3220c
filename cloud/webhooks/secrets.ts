import type { SecretBox } from '../keys/seal.ts';

/** So many former secrets sign beside the present one, at most. */
const MOST_FORMER = 2;
const BETWEEN = ' ';

const contextOf = (endpointId: string): string => `webhook-endpoint:${endpointId}`;

export const sealSecret = (secrets: SecretBox, endpointId: string, secret: string): string =>
  secrets.seal(secret, contextOf(endpointId));

export interface SealedSecrets {
  readonly endpoint_id: string;
  readonly secret_sealed: string;
  readonly former_secret_sealed: string | null;
  readonly former_secret_until_ms: number | null;
}

/** The secrets that sign at present, the newest first. */
export function openSecrets(secrets: SecretBox, endpoint: SealedSecrets, nowMs: number): string[] {
  const { secret_sealed: present, former_secret_sealed: former, former_secret_until_ms: untilMs } = endpoint;
  const isOverlapping = former !== null && untilMs !== null && nowMs < untilMs;
  const context = contextOf(endpoint.endpoint_id);
  const formers = isOverlapping ? secrets.open(former, context).split(BETWEEN) : [];
  return [secrets.open(present, context), ...formers];
}

/** What signs at present, sealed as what was good before. */
export const formerSecrets = (secrets: SecretBox, endpoint: SealedSecrets, nowMs: number): string => {
  const [present = '', ...formers] = openSecrets(secrets, endpoint, nowMs);
  // Of formers the oldest: it is the one that the receiver surely has.
  const kept = [...new Set([present, ...formers.slice(1 - MOST_FORMER)])];
  return sealSecret(secrets, endpoint.endpoint_id, kept.join(BETWEEN));
};
