import { sql } from 'kysely';
import { expect, inject, test } from 'vitest';
import { connect } from '../db/connect.ts';
import { systemTimers } from '../system-timers.ts';
import { createWakeCall, listenForWakes } from './wake-others.ts';

test('XC-07 a process hears that there is work for its job, again after its connection was lost, and many calls are few', async () => {
  const url = inject('postgresqlUrl') ?? '';
  const db = await connect({ engine: 'postgresql', url }, () => undefined);
  const heard = { commands: 0, deliveries: 0 };
  const listener = listenForWakes(`${url}?application_name=listener`, systemTimers, {
    commands: {
      wake: () => {
        heard.commands += 1;
      },
    },
    deliveries: {
      wake: () => {
        heard.deliveries += 1;
      },
    },
  });
  try {
    const call = createWakeCall(db, systemTimers, 'commands');
    await expect.poll(() => heard).toEqual({ commands: 1, deliveries: 1 });
    call();
    await expect.poll(() => heard).toEqual({ commands: 2, deliveries: 1 });
    await sql`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'listener'`.execute(db);
    await expect.poll(() => heard).toEqual({ commands: 3, deliveries: 2 });
    for (let i = 0; i < 1000; i += 1) call();
    await expect.poll(() => heard.commands).toBeGreaterThan(3);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(heard.commands).toBeLessThanOrEqual(5);
    expect(heard.deliveries).toBe(2);
  } finally {
    await listener.stop();
    await db.destroy();
  }
});
