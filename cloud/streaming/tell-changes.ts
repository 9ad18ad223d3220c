import type { CloudContext } from '../context.ts';
import { hasUnnumbered, numberChanges } from './number-changes.ts';
import { tellWebhooks } from './tell-webhooks.ts';

/** Takes status changes further: gives them their positions, and makes events of them for the endpoints that want them. */
export async function tellChanges(context: Pick<CloudContext, 'db' | 'clock' | 'random' | 'wake'>): Promise<void> {
  const { db, wake } = context;
  if (await hasUnnumbered(db)) while (await numberChanges(db));
  while ((await tellWebhooks(context)) > 0) wake.deliveries();
}
