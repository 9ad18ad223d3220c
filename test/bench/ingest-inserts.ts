import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { digestOf } from '../../cloud/canonical-json.ts';
import { alarmRecord } from './ingest-records.ts';

const RECORD_COLUMNS = 10;
const ALARM_COLUMNS = 12;

/** `($1, $2), ($3, $4)`: as many rows as asked for. */
const placeholders = (rows: number, columns: number): string =>
  Array.from(
    { length: rows },
    (_, row) => `(${Array.from({ length: columns }, (_, column) => `$${row * columns + column + 1}`).join(', ')})`,
  ).join(', ');

/**
 * What the database takes of the very rows that ingest stores, with nothing but INSERTs of many rows: one transaction for a
 * batch, each on as many connections as the database has to do with otherwise. The rows are made beforehand.
 *
 * @returns records in a second
 */
export async function insertRate(
  url: string,
  batchRecords: number,
  batches: number,
  connections: number,
): Promise<number> {
  const pool = new pg.Pool({ connectionString: url, max: connections });
  const storeEpoch = randomUUID();
  const siteId = (lane: number) => `inserted-${lane}`;
  const rowsOf = (lane: number, batch: number) => {
    const records = Array.from({ length: batchRecords }, (_, i) =>
      alarmRecord(90_000_000 + lane, batch * batchRecords + i + 1),
    );
    return {
      records: records.flatMap(({ seq, body }) => {
        const key = [siteId(lane), storeEpoch, 'events', seq];
        return [...key, body.kind, JSON.stringify(body), digestOf(body), null, null, Date.now()];
      }),
      alarms: records.flatMap(({ at, body }) => {
        const { alarmId, code, severity, pileId, connectorId, sessionId, detail } = body;
        const about = [siteId(lane), pileId, connectorId, sessionId];
        return [alarmId, 'site', code, severity, ...about, null, detail, at.wallMs, Date.now()];
      }),
    };
  };
  const insertRecords = `insert into site_records (site_id, store_epoch, stream, seq, kind, body, body_sha256, refused_code,
    refused_detail, received_at_ms) values ${placeholders(batchRecords, RECORD_COLUMNS)}`;
  const insertAlarms = `insert into alarms (alarm_id, source, code, severity, site_id, pile_id, connector_id, session_id, partner_id,
    detail, raised_at_ms, received_at_ms) values ${placeholders(batchRecords, ALARM_COLUMNS)}`;
  const lanes = Array.from({ length: connections }, (_, lane) =>
    Array.from({ length: Math.ceil(batches / connections) }, (_, batch) => rowsOf(lane, batch)),
  );
  const from = performance.now();
  await Promise.all(
    lanes.map(async (lane) => {
      const client = await pool.connect();
      for (const { records, alarms } of lane) {
        await client.query('begin');
        await client.query({ name: 'records', text: insertRecords, values: records });
        await client.query({ name: 'alarms', text: insertAlarms, values: alarms });
        await client.query('commit');
      }
      client.release();
    }),
  );
  const seconds = (performance.now() - from) / 1000;
  await pool.end();
  return (lanes.flat().length * batchRecords) / seconds;
}
