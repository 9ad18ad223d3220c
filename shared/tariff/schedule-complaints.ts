import type { Complaint } from '../errors.ts';
import { fromMsOf, type PriceBounds, type ScheduledTariff, type TariffSchedule, untilMsOf } from './schedule.ts';
import type { Band, Tariff } from './tariff.ts';

/**
 * What is wrong with a schedule whose shape is right: gaps, overlaps, wrong order, a second currency, prices out of bounds.
 *
 * @param siteConnectorIds the connectors that the site has; null when that is not known here
 * @returns nothing when it can be put in force
 */
export function scheduleComplaints(
  schedule: TariffSchedule,
  siteConnectorIds: readonly string[] | null = null,
): Complaint[] {
  return [
    ...schedule.tariffs.flatMap((entry, index) => entryComplaints(schedule, entry, `tariffs.${index}`)),
    ...contentComplaints(schedule.tariffs),
    ...orderComplaints(schedule.tariffs),
    ...gapComplaints(schedule.tariffs, siteConnectorIds),
    ...(siteConnectorIds === null ? [] : connectorComplaints(schedule.tariffs, siteConnectorIds)),
  ];
}

function entryComplaints({ currency, bounds }: TariffSchedule, entry: ScheduledTariff, path: string): Complaint[] {
  const complaints = priceComplaints(entry.tariff, bounds, `${path}.tariff`);
  if (untilMsOf(entry) <= fromMsOf(entry)) {
    complaints.unshift({ path: `${path}.until`, reason: `not later than ${entry.from}, where it begins` });
  }
  if (entry.tariff.currency !== currency) {
    complaints.push({
      path: `${path}.tariff.currency`,
      reason: `${entry.tariff.currency}, in a schedule of ${currency}`,
    });
  }
  return complaints;
}

/**
 * Prices of a tariff that are outside the bounds, by path.
 *
 * @param path of the tariff within its document; empty when it is the document
 */
export function priceComplaints(tariff: Tariff, bounds: PriceBounds, path: string): Complaint[] {
  const at = (field: string) => (path === '' ? field : `${path}.${field}`);
  const above = (field: string, value: number | undefined, most: number | undefined): Complaint[] => {
    if (value === undefined || (most !== undefined && value <= most)) return [];
    const reason =
      most === undefined ? `${value}, but the bounds name none for this fee` : `${value}, more than ${most}`;
    return [{ path: at(field), reason }];
  };
  const { mostMinutePriceE4, mostFeeMinor } = bounds;
  const { occupancy, reservation } = tariff;
  return [
    ...tariff.bands.flatMap((band, index) => bandComplaints(band, bounds, at(`bands.${index}`))),
    ...(tariff.days ?? []).flatMap(({ bands }, day) =>
      bands.flatMap((band, index) => bandComplaints(band, bounds, at(`days.${day}.bands.${index}`))),
    ),
    ...above('minimumMinor', tariff.minimumMinor, mostFeeMinor),
    ...above('occupancy.minutePriceE4', occupancy?.minutePriceE4, mostMinutePriceE4),
    ...above('occupancy.mostMinor', occupancy?.mostMinor, mostFeeMinor),
    ...above('reservation.flatMinor', reservation?.flatMinor, mostFeeMinor),
    ...above('reservation.minutePriceE4', reservation?.minutePriceE4, mostMinutePriceE4),
    ...above('reservation.noShowMinor', reservation?.noShowMinor, mostFeeMinor),
  ];
}

function bandComplaints(band: Band, { leastPriceE4, mostPriceE4 }: PriceBounds, path: string): Complaint[] {
  const priceE4 = band.electricityPriceE4 + band.servicePriceE4;
  if (priceE4 >= leastPriceE4 && priceE4 <= mostPriceE4) return [];
  const reason = `electricity and service are ${priceE4} together, not between ${leastPriceE4} and ${mostPriceE4}`;
  return [{ path, reason }];
}

/** A version never changes: two entries may show the same one only with the same content. */
function contentComplaints(entries: readonly ScheduledTariff[]): Complaint[] {
  return entries.flatMap(({ tariff }, index) => {
    const first = entries.findIndex(
      (other) => other.tariff.tariffId === tariff.tariffId && other.tariff.version === tariff.version,
    );
    const isSame = JSON.stringify(entries[first]?.tariff) === JSON.stringify(tariff);
    const reason = `${tariff.tariffId} version ${tariff.version} has another content in tariffs.${first}`;
    return isSame ? [] : [{ path: `tariffs.${index}.tariff.version`, reason }];
  });
}

/** Entries that speak of the same connectors follow each other. Named connectors may stand over what is for the whole site. */
function orderComplaints(entries: readonly ScheduledTariff[]): Complaint[] {
  return entries.flatMap((entry, index) =>
    entries.slice(0, index).flatMap((before, earlier): Complaint[] => {
      if (!meetsIn(before, entry)) return [];
      const path = `tariffs.${index}.from`;
      if (fromMsOf(entry) < fromMsOf(before)) {
        return [{ path, reason: `earlier than ${before.from}, where tariffs.${earlier} begins: list them in order` }];
      }
      if (fromMsOf(entry) >= untilMsOf(before)) return [];
      return [
        { path, reason: `overlaps tariffs.${earlier}, which is in force until ${before.until ?? 'further notice'}` },
      ];
    }),
  );
}

function meetsIn(a: ScheduledTariff, b: ScheduledTariff): boolean {
  if (a.connectorIds === undefined || b.connectorIds === undefined) return a.connectorIds === b.connectorIds;
  return a.connectorIds.some((connectorId) => b.connectorIds?.includes(connectorId));
}

/** Between two tariffs of a connector there is no time without one. */
function gapComplaints(entries: readonly ScheduledTariff[], siteConnectorIds: readonly string[] | null): Complaint[] {
  const named = new Set(entries.flatMap(({ connectorIds }) => connectorIds ?? []));
  const hasOthers = siteConnectorIds === null || siteConnectorIds.some((connectorId) => !named.has(connectorId));
  const groups = [...named, ...(hasOthers ? [null] : [])];
  const complaints = groups.flatMap((connectorId) => gapsOf(entries, connectorId));
  return complaints.filter(
    ({ path, reason }, index) =>
      complaints.findIndex((other) => other.path === path && other.reason === reason) === index,
  );
}

function gapsOf(entries: readonly ScheduledTariff[], connectorId: string | null): Complaint[] {
  const covering = entries
    .map((entry, index) => ({ entry, index }))
    .filter(({ entry }) => entry.connectorIds === undefined || entry.connectorIds.some((id) => id === connectorId))
    .sort((a, b) => fromMsOf(a.entry) - fromMsOf(b.entry));
  const complaints: Complaint[] = [];
  let coveredUntil: ScheduledTariff | undefined;
  for (const { entry, index } of covering) {
    if (coveredUntil !== undefined && fromMsOf(entry) > untilMsOf(coveredUntil)) {
      const whose = connectorId === null ? '' : ` at ${connectorId}`;
      const reason = `no tariff${whose} from ${coveredUntil.until} until ${entry.from}`;
      complaints.push({ path: `tariffs.${index}.from`, reason });
    }
    if (coveredUntil === undefined || untilMsOf(entry) > untilMsOf(coveredUntil)) coveredUntil = entry;
  }
  return complaints;
}

function connectorComplaints(entries: readonly ScheduledTariff[], siteConnectorIds: readonly string[]): Complaint[] {
  const unknown = entries.flatMap(({ connectorIds }, index) =>
    (connectorIds ?? []).flatMap((connectorId, place): Complaint[] => {
      const path = `tariffs.${index}.connectorIds.${place}`;
      return siteConnectorIds.includes(connectorId)
        ? []
        : [{ path, reason: `the site has no connector ${connectorId}` }];
    }),
  );
  const isForAll = entries.some(({ connectorIds }) => connectorIds === undefined);
  const without = siteConnectorIds.filter(
    (connectorId) => !isForAll && !entries.some(({ connectorIds }) => connectorIds?.includes(connectorId)),
  );
  if (entries.length === 0 || without.length === 0) return unknown;
  return [...unknown, { path: 'tariffs', reason: `no tariff ever at ${without.join(', ')}` }];
}
