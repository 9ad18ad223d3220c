import { z } from 'zod';
import type { Scope } from './caller.ts';

/** What is counted together. `manage`: keys. */
export const endpointClasses = ['read', 'control', 'orders', 'settlement', 'manage'] as const;
export type EndpointClass = (typeof endpointClasses)[number];

/** A bucket of `burst` calls that fills by `perMinute`. */
export interface RatePolicy {
  readonly perMinute: number;
  readonly burst: number;
}
export type RatePolicies = Readonly<Record<EndpointClass, RatePolicy>>;

/** What keys get where nobody has set anything else. */
export const defaultRatePolicies: RatePolicies = {
  read: { perMinute: 1_200, burst: 300 },
  control: { perMinute: 600, burst: 120 },
  orders: { perMinute: 600, burst: 120 },
  settlement: { perMinute: 120, burst: 30 },
  manage: { perMinute: 60, burst: 30 },
};

export const ratePolicySchema = z.strictObject({
  per_minute: z.int().min(1).max(600_000),
  burst: z.int().min(1).max(100_000),
});

/** Limits of a key of its own; what is left out is as for all. */
export const keyLimitsSchema = z.partialRecord(z.enum(endpointClasses), ratePolicySchema);
export type KeyLimits = z.infer<typeof keyLimitsSchema>;

const MINUTE_US = 60_000_000;
const SECOND_US = 1_000_000;

/** The class of an endpoint that wants one of these scopes. To look at operations is to read. */
export function classOf(method: string, anyOf: readonly Scope[]): EndpointClass {
  const [first] = anyOf;
  if (first === 'keys') return 'manage';
  if (first === 'orders' || first === 'settlement') return first;
  return method === 'GET' || method === 'HEAD' ? 'read' : 'control';
}

export function policyFor(policies: RatePolicies, limits: KeyLimits | null, endpointClass: EndpointClass): RatePolicy {
  const own = limits?.[endpointClass];
  return own === undefined ? policies[endpointClass] : { perMinute: own.per_minute, burst: own.burst };
}

/** What one call costs, and what a full bucket holds, in microseconds of filling. */
export const costUs = ({ perMinute }: RatePolicy): number => Math.ceil(MINUTE_US / perMinute);
export const capacityUs = (policy: RatePolicy): number => costUs(policy) * policy.burst;

/** What became of a call. */
export interface RateVerdict {
  readonly isAllowed: boolean;
  /** How many more calls would be allowed at once. */
  readonly remaining: number;
  /** Until the bucket is full again; of a refused call, until one is allowed. */
  readonly waitS: number;
}

/**
 * Reads a bucket by the time at which it is full again.
 *
 * @param fullAtUs after the call, if it was allowed; else as it stands
 */
export function verdictOf(policy: RatePolicy, isAllowed: boolean, fullAtUs: number, nowMs: number): RateVerdict {
  const takenUs = Math.max(0, fullAtUs - nowMs * 1000);
  const freeUs = Math.max(0, capacityUs(policy) - takenUs);
  const waitUs = isAllowed ? takenUs : takenUs + costUs(policy) - capacityUs(policy);
  return {
    isAllowed,
    remaining: isAllowed ? Math.floor(freeUs / costUs(policy)) : 0,
    waitS: Math.max(isAllowed ? 0 : 1, Math.ceil(waitUs / SECOND_US)),
  };
}

/** `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-10), and `Retry-After` of a refused call. */
export function rateHeaders(
  endpointClass: EndpointClass,
  policy: RatePolicy,
  verdict: RateVerdict,
): Record<string, string> {
  const windowS = Math.max(1, Math.ceil(capacityUs(policy) / SECOND_US));
  return {
    'ratelimit-policy': `"${endpointClass}";q=${policy.burst};w=${windowS}`,
    ratelimit: `"${endpointClass}";r=${verdict.remaining};t=${verdict.waitS}`,
    ...(verdict.isAllowed ? {} : { 'retry-after': String(verdict.waitS) }),
  };
}
