import { type BootClock, restamp } from '#shared/stamp.ts';
import { type Rating, rate } from '#shared/tariff/rate.ts';
import { hasSeveralBands } from '#shared/tariff/tariff.ts';
import type { Cdr } from '#shared/wire/cdr.ts';
import { canonicalJson } from '../canonical-json.ts';
import type { RecordContext } from '../ingest/records.ts';
import { siteTariffs, tariffOf } from '../stations/tariff-in-force.ts';
import { insertException } from './exception.ts';

/** What is billed in each band, without the times. */
const bandsOf = ({ lines }: Rating): string =>
  canonicalJson(lines.map(({ fee, band, energyWh, amountMinor }) => ({ fee, band, energyWh, amountMinor })));

/**
 * Why a person has to look at a bill whose times have been corrected; null when every watt-hour stays in its price
 * band. The record itself, and what it bills, are never changed.
 */
export function clockComplaint(cdr: Cdr, clock: BootClock): string | null {
  const { tariff, rating, startedAt, endedAt } = cdr;
  if (tariff === null || rating === null || cdr.voidReason !== null) return null;
  if (startedAt.bootId !== endedAt.bootId) {
    return hasSeveralBands(tariff) ? 'the charge ran over a reboot, and the time of a part of it was wrong' : null;
  }
  const shiftMs = restamp(startedAt, clock).wallMs - startedAt.wallMs;
  const readings = cdr.readings.map((reading) => ({ ...reading, atMs: reading.atMs + shiftMs }));
  const corrected = rate(tariff, readings, cdr);
  if (bandsOf(corrected) === bandsOf(rating)) return null;
  return `billed ${rating.totalMinor}, at the corrected times ${corrected.totalMinor} minor units of ${rating.currency}`;
}

/** Another tariff was in force when a charge that was begun on site truly began; null when it was the one that bills it. */
async function tariffComplaint({ trx, site }: RecordContext, cdr: Cdr, clock: BootClock): Promise<string | null> {
  const { tariff, orderId, connectorId, startedAt } = cdr;
  if (orderId !== null || tariff === null || cdr.voidReason !== null) return null;
  const found = tariffOf(await siteTariffs(trx, site.siteId), connectorId, restamp(startedAt, clock).wallMs);
  if (!found.ok) return `it is billed by ${tariff.tariffId} version ${tariff.version}, and none was in force`;
  const { tariffId, version } = found.value;
  if (tariffId === tariff.tariffId && version === tariff.version) return null;
  return `it is billed by ${tariff.tariffId} version ${tariff.version}; in force was ${tariffId} version ${version}`;
}

/** Puts the order before a person where the corrected times would have made another bill. */
export async function reviewClock(context: RecordContext, orderId: string, cdr: Cdr, clock: BootClock): Promise<void> {
  const detail = clockComplaint(cdr, clock) ?? (await tariffComplaint(context, cdr, clock));
  if (detail !== null) await insertException(context, orderId, cdr.cdrId, { code: 'cdr.clock_corrected', detail });
}
