import { type TariffSchedule, tariffScheduleSchema } from '#shared/tariff/schedule.ts';
import { scheduleComplaints } from '#shared/tariff/schedule-complaints.ts';
import { complain } from './complain.ts';
import { describeDifference, differencesBetween } from './differences.ts';
import type { DocumentReader } from './document-kind.ts';
import { readDocument } from './read-document.ts';

/** @param connectorIds of the site: a price for a connector that is not there, or none for one that is, is a mistake */
export const tariffReader = (connectorIds: readonly string[]): DocumentReader<TariffSchedule> => ({
  readAgain: (text, name) => readDocument(text, name, tariffScheduleSchema).value,
  read(text, name) {
    const { value, place } = readDocument(text, name, tariffScheduleSchema);
    const complaints = scheduleComplaints(value, connectorIds);
    if (complaints.length > 0) throw complain(name, place(complaints));
    return value;
  },
  versionOf: ({ version }) => version,
  differences: (before, after) => differencesBetween(before, after).map(describeDifference),
});
