import type pg from 'pg';

/** What is final in each table, and what of it must not change any more. */
const FINAL = {
  operations: { id: 'operation_id', isFinal: `old.status <> 'accepted'`, fixed: ['status', 'code', 'finished_at_ms'] },
  orders: { id: 'order_id', isFinal: `old.state not in ('starting', 'charging')`, fixed: ['state'] },
  reservations: {
    id: 'reservation_id',
    isFinal: `old.state not in ('requested', 'active')`,
    fixed: ['state', 'end_reason', 'ended_at_ms', 'order_id'],
  },
  webhook_deliveries: { id: 'delivery_id', isFinal: `old.status = 'delivered'`, fixed: ['status'] },
} as const;

/**
 * Lets the database itself write down whenever something final is changed: nobody who asks now and then could see an outcome that is
 * soon replaced by another.
 */
export async function placeWitness(db: pg.Pool): Promise<void> {
  await db.query('create table witnessed (witnessed_id bigserial primary key, story text not null)');
  for (const [table, { id, isFinal, fixed }] of Object.entries(FINAL)) {
    const rowOf = (which: 'old' | 'new') => `concat_ws(' ', ${fixed.map((column) => `${which}.${column}`).join(', ')})`;
    await db.query(`
      create function witness_${table}() returns trigger language plpgsql as $$ begin
        if ${isFinal} and ${rowOf('old')} <> ${rowOf('new')} then
          insert into witnessed (story)
          values ('${table} ' || old.${id} || ' was ' || ${rowOf('old')} || ', and became ' || ${rowOf('new')});
        end if;
        return null;
      end $$`);
    await db.query(`create trigger witness after update on ${table} for each row execute function witness_${table}()`);
  }
}

/** @returns what was final, and has been changed */
export async function whatWasChanged(db: pg.Pool): Promise<string[]> {
  const { rows } = await db.query<{ story: string }>('select story from witnessed order by witnessed_id');
  return rows.map(({ story }) => story);
}
