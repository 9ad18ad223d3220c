import { isDeepStrictEqual } from 'node:util';
import type { Db } from '../db/connect.ts';
import { eventBodySchemas } from '../webhooks/event-data.ts';

const AT_MOST = 5000;

/** Tests of deliveries number their events, or leave them empty: they need nothing else in them. */
const isMadeUp = ({ data = {} }: { data?: object }): boolean => Object.keys(data).every((name) => name === 'n');

function complaintAbout(type: string, payload: string): string[] {
  const body = JSON.parse(payload);
  if (type !== 'webhook.test' && isMadeUp(body)) return [];
  const read = eventBodySchemas.get(type)?.safeParse(body);
  if (read === undefined) return [`${type} is no type of event`];
  if (!read.success) return [`${type}: ${read.error.message}`];
  return isDeepStrictEqual(read.data, body) ? [] : [`${type} has fields that its schema does not: ${payload}`];
}

/** What is wrong with the events that a cloud has told its partners of, by the schemas that they are promised in. */
export async function complaintsAboutEvents(db: Db): Promise<string[]> {
  const events = await db.selectFrom('webhook_events').select(['type', 'payload']).limit(AT_MOST).execute();
  return events.flatMap(({ type, payload }) => complaintAbout(type, payload));
}
