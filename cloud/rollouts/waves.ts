import { z } from 'zod';
import { type Complaint, PilegateError } from '#shared/errors.ts';

/** How far a wave goes: so many sites more, or up to a part of all of them. */
export const waveSchema = z.union([
  z.strictObject({ sites: z.int().min(1) }),
  z.strictObject({ percent: z.int().min(1).max(100) }),
]);
export type Wave = z.infer<typeof waveSchema>;

/**
 * Which wave each site belongs to, in the order in which they are named.
 *
 * @throws PilegateError `request.invalid` where a wave has no site, or the last one leaves some out
 */
export function wavesOfSites(waves: readonly Wave[], siteCount: number): number[] {
  const complaints: Complaint[] = [];
  let end = 0;
  const ofSites = waves.flatMap((wave, i): number[] => {
    const next = 'sites' in wave ? end + wave.sites : Math.ceil((siteCount * wave.percent) / 100);
    const count = Math.min(next, siteCount) - end;
    if (count <= 0 || next > siteCount)
      complaints.push({ path: `waves.${i}`, reason: `it goes from ${end} to ${next} of ${siteCount} sites` });
    end += Math.max(count, 0);
    return new Array<number>(Math.max(count, 0)).fill(i);
  });
  if (end < siteCount) complaints.push({ path: 'waves', reason: `${siteCount - end} sites are in no wave` });
  if (complaints.length > 0) throw new PilegateError('request.invalid', 'the waves do not fit', { complaints });
  return ofSites;
}
