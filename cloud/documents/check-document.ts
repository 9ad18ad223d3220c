import type { z } from 'zod';
import { accessListSchema } from '#shared/access/access-list.ts';
import { complaintsOf } from '#shared/complaints.ts';
import { type DocumentKind, MAX_DOCUMENT_BYTES } from '#shared/documents.ts';
import { type Complaint, PilegateError } from '#shared/errors.ts';
import { type TariffSchedule, tariffScheduleSchema } from '#shared/tariff/schedule.ts';
import { scheduleComplaints } from '#shared/tariff/schedule-complaints.ts';

export interface CheckedDocument {
  readonly version: number | null;
  readonly schedule: TariffSchedule | null;
}

/**
 * Checks a document before it goes to a site, as far as its schema is shared: tariffs and lists of cards wholly, a configuration
 * by its size alone, as only the site knows its devices.
 *
 * @returns the version that the document states, null where its kind states none, and the schedule if it is one of tariffs
 * @throws PilegateError `request.invalid` with every complaint
 */
export function checkDocument(kind: DocumentKind, text: string, connectorIds: readonly string[]): CheckedDocument {
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_DOCUMENT_BYTES)
    throw refusal([{ path: 'text', reason: `${bytes} bytes; a document has at most ${MAX_DOCUMENT_BYTES}` }]);
  switch (kind) {
    case 'site':
      return { version: null, schedule: null };
    case 'tariffs': {
      const schedule = read(text, tariffScheduleSchema);
      const complaints = scheduleComplaints(schedule, connectorIds);
      if (complaints.length > 0) throw refusal(complaints.map(within));
      return { version: schedule.version, schedule };
    }
    case 'access':
      return { version: read(text, accessListSchema).version, schedule: null };
  }
}

/** What programs send has no comments: those are for the hands of people on site. */
function read<Schema extends z.ZodType>(text: string, schema: Schema): z.infer<Schema> {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (cause) {
    throw refusal([{ path: 'text', reason: `plain JSON is expected: ${cause instanceof Error ? cause.message : ''}` }]);
  }
  const parsed = schema.safeParse(document);
  if (parsed.success) return parsed.data;
  throw refusal(complaintsOf(parsed.error).map(within));
}

const within = ({ path, reason }: Complaint): Complaint => ({ path: `text.${path}`, reason });

const refusal = (complaints: readonly Complaint[]): PilegateError =>
  new PilegateError('request.invalid', 'the document is not good', { complaints });
