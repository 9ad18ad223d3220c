import { z } from 'zod';
import { type RatePolicy, type RateVerdict, windowS } from '../limits/rate-policy.ts';
import type { Scope } from './caller.ts';

/** What is counted together. `manage`: keys. */
export const endpointClasses = ['read', 'control', 'orders', 'settlement', 'manage'] as const;
export type EndpointClass = (typeof endpointClasses)[number];

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

/** `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-10). */
export function rateHeaders(
  endpointClass: EndpointClass,
  policy: RatePolicy,
  verdict: RateVerdict,
): Record<string, string> {
  return {
    'ratelimit-policy': `"${endpointClass}";q=${policy.burst};w=${windowS(policy)}`,
    ratelimit: `"${endpointClass}";r=${verdict.remaining};t=${verdict.waitS}`,
  };
}
