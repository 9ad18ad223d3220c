import type { Stamp } from '#shared/stamp.ts';
import type { Refusal } from './answer.ts';

/** Of a command that expires: by absolute time and by time-to-live from its arrival, whichever is sooner. */
export interface Expiring {
  readonly expiresAtMs: number;
  readonly ttlMs: number;
}

/** How long a command that has just come in is still good for, or why it is not: without a clock to judge by it is refused. */
export function timeLeft(
  { expiresAtMs, ttlMs }: Expiring,
  now: Stamp,
): { readonly leftMs: number } | Required<Refusal> {
  if (now.clock !== 'trusted')
    return { code: 'command.expired', detail: 'the site has no clock to judge the expiry by' };
  const leftMs = Math.min(ttlMs, expiresAtMs - now.wallMs);
  return leftMs > 0 ? { leftMs } : { code: 'command.expired', detail: `expired ${-leftMs} ms ago` };
}
