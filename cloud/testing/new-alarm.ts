import { systemRandom } from '../random.ts';
import type { TestCloud } from './test-cloud.ts';

/** An alarm that the platform has raised just now. @returns its id */
export async function newAlarm({ context }: TestCloud, severity: 'warning' | 'critical'): Promise<string> {
  const alarm = { alarm_id: systemRandom.uuid(), source: 'platform', code: 'c', severity, detail: 'd' } as const;
  const atMs = context.clock.wallMs();
  await context.db
    .insertInto('alarms')
    .values({ ...alarm, raised_at_ms: atMs, received_at_ms: atMs })
    .execute();
  return alarm.alarm_id;
}
