import { sql } from 'kysely';
import { verifyAudit } from '../../cloud/audit/verify.ts';
import type { Db } from '../../cloud/db/connect.ts';
import { sumComplaints } from '../../cloud/partners/credit/check-books.ts';

/** What a run has left in the database, and what of it should not be: something that was refused and is there, accepted and is not, or does not add up. */
export async function whatIsLeft(
  db: Db,
  accepted: ReadonlySet<string>,
): Promise<{ operations: number; orders: number; complaints: string[] }> {
  const complaints: string[] = [];
  const operations = await db.selectFrom('operations').select(['operation_id', 'order_id', 'kind']).execute();
  const stored = new Set(operations.map((row) => row.operation_id));
  const untold = [...stored].filter((id) => !accepted.has(id));
  const lost = [...accepted].filter((id) => !stored.has(id));
  if (untold.length > 0) complaints.push(`${untold.length} operations that nobody was told of: ${untold[0]}`);
  if (lost.length > 0) complaints.push(`${lost.length} accepted operations are not stored: ${lost[0]}`);
  const orders = await db.selectFrom('orders').select('order_id').where('origin', '=', 'remote').execute();
  const starts = new Set(operations.filter(({ kind }) => kind === 'start').map((row) => row.order_id));
  const orphans = orders.filter(({ order_id: id }) => !starts.has(id));
  if (orphans.length > 0) complaints.push(`${orphans.length} orders without an accepted start`);
  const shared = await sql<{ connector_id: string }>`
    select connector_id from orders where state in ('starting', 'charging') group by connector_id having count(*) > 1`.execute(
    db,
  );
  if (shared.rows.length > 0) complaints.push(`two charges at once at ${shared.rows[0]?.connector_id}`);
  for (const { detail } of await sumComplaints(db)) complaints.push(`the books: ${detail}`);
  const { broken } = await verifyAudit(db);
  if (broken !== null) complaints.push(`the audit log is broken: ${JSON.stringify(broken)}`);
  return { operations: operations.length, orders: orders.length, complaints };
}
