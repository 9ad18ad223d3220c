import type pg from 'pg';
import { type Cdr, cdrSchema } from '#shared/wire/cdr.ts';
import type { ReceivedEvent } from '../../../scripts/start/webhook-receiver.ts';
import { look, type Stored } from '../stored.ts';
import { outcomeText } from './asker.ts';
import { SITES, type SiteName } from './plan.ts';
import type { Visited } from './visits.ts';

export interface BookedRecord {
  readonly site: SiteName;
  readonly storeEpoch: string;
  readonly seq: number;
  readonly kind: string;
  /** Of what begins or ends a session; null for others. */
  readonly sessionId: string | null;
  readonly refusedCode: string | null;
}

export interface BookedOrder {
  readonly orderId: string;
  readonly origin: 'remote' | 'local';
  readonly state: string;
  readonly sessionId: string | null;
  /** That its session had begun was heard after the time of its start was over: the begin is not told, and the end tells the outcome. */
  readonly isBegunLate: boolean;
  /** Events of it that a partner was sent, in the order in which they came. */
  readonly told: readonly string[];
}

/** What everybody has written down when all is over: the ground for the judgement. */
export interface Books {
  readonly edges: Readonly<Record<SiteName, Stored>>;
  readonly records: readonly BookedRecord[];
  readonly cdrs: readonly Cdr[];
  readonly orders: readonly BookedOrder[];
  readonly operations: readonly {
    readonly operationId: string;
    readonly requestId: string;
    readonly outcome: string;
  }[];
  readonly deadLetters: readonly string[];
  readonly exceptions: readonly string[];
  readonly alarms: readonly string[];
  readonly closedContactors: readonly string[];
}

/** Whose books are read. */
export interface Booked extends Pick<Visited, 'parts' | 'ledgerFile' | 'station'> {
  /** Where an edge is at work: the ledgers that there are. */
  readonly sites: readonly SiteName[];
  readonly db: pg.Pool;
  /** What the partner was told, in the order in which it came, each event once. */
  readonly receiver: { readonly events: readonly Pick<ReceivedEvent, 'type' | 'data'>[] };
}

const NO_STORE: Stored = { sessions: new Map(), cdrs: [], backlog: 0, quickCheck: 'ok' };

export async function readBooks({ db, sites, ledgerFile, receiver, station }: Booked): Promise<Books> {
  const rows = async <Row extends pg.QueryResultRow>(text: string) => (await db.query<Row>(text)).rows;
  const orders = await rows<OrderRow>(ORDERS);
  const { piles } = await station.truth();
  const stored = (site: SiteName) => (sites.includes(site) ? look(ledgerFile(site)) : NO_STORE);
  return {
    edges: { 'site-1': stored(SITES[0]), 'site-2': stored(SITES[1]) },
    records: (await rows<RecordRow>(RECORDS)).map(({ site_id, store_epoch, seq, kind, session_id, refused_code }) => ({
      site: site_id,
      storeEpoch: store_epoch,
      seq: Number(seq),
      kind,
      sessionId: session_id,
      refusedCode: refused_code,
    })),
    cdrs: (await rows<{ document: string }>(`select document from cdrs`)).map(({ document }) =>
      cdrSchema.parse(JSON.parse(document)),
    ),
    orders: orders.map((row) => ({
      orderId: row.order_id,
      origin: row.origin,
      state: row.state,
      sessionId: row.session_id,
      isBegunLate: row.is_begun_late,
      told: receiver.events.filter(({ data }) => data.order_id === row.order_id).map(({ type }) => type),
    })),
    operations: (
      await rows<{ operation_id: string; request_id: string; status: string; code: string | null }>(
        `select operation_id, request_id, status, code from operations`,
      )
    ).map((row) => ({
      operationId: row.operation_id,
      requestId: row.request_id,
      outcome: outcomeText(row.status, row.code),
    })),
    deadLetters: await texts(rows(`select concat_ws(' ', source, code, reason) as text from dead_letters`)),
    exceptions: await texts(rows(`select concat_ws(' ', code, order_id, detail) as text from exceptions`)),
    alarms: await texts(rows(`select concat_ws(' ', code, coalesce(pile_id, site_id), detail) as text from alarms`)),
    closedContactors: piles.filter(({ contactorClosed }) => contactorClosed).map(({ pileId }) => pileId),
  };
}

interface OrderRow {
  readonly order_id: string;
  readonly origin: 'remote' | 'local';
  readonly state: string;
  readonly session_id: string | null;
  readonly is_begun_late: boolean;
}

const ORDERS = `select order_id, origin, state, session_id, exists (
    select 1 from operations join site_records on site_records.kind = 'session.started'
    where operations.order_id = orders.order_id and operations.kind = 'start'
      and site_records.stream = 'events' and body::json ->> 'sessionId' = orders.session_id::text
      and received_at_ms > operations.deadline_at_ms) as is_begun_late
  from orders order by created_at_ms, order_id`;

interface RecordRow {
  readonly site_id: SiteName;
  readonly store_epoch: string;
  readonly seq: string;
  readonly kind: string;
  readonly session_id: string | null;
  readonly refused_code: string | null;
}

/** In the order in which the site has told them. */
const RECORDS = `select site_id, store_epoch, seq::text, kind, refused_code,
  coalesce(body::json ->> 'sessionId', body::json -> 'cdr' ->> 'sessionId') as session_id
  from site_records where stream = 'events' order by site_id, store_epoch, site_records.seq`;

const texts = async (found: Promise<{ text: string }[]>): Promise<string[]> => (await found).map(({ text }) => text);

/** What is still under way; empty when everything that was begun has come to its end, on both sides and at the partner. */
export async function stillUnderWay({ db, sites, ledgerFile, parts }: Booked): Promise<string[]> {
  const [row] = (
    await db.query<{ operations: number; orders: number; reservations: number; deliveries: number }>(`select
      (select count(*)::int from operations where status = 'accepted') as operations,
      (select count(*)::int from orders where state in ('starting', 'charging')) as orders,
      (select count(*)::int from reservations where state in ('requested', 'active')) as reservations,
      (select count(*)::int from webhook_deliveries where status = 'pending') as deliveries`)
  ).rows;
  const cloud = Object.entries(row ?? {}).filter(([, n]) => n > 0);
  const edges = sites.flatMap((site) => {
    if (!parts[site].isReady) return [`${site} is not ready`];
    const { backlog, sessions } = look(ledgerFile(site));
    const open = [...sessions.values()].filter(({ isOpen }) => isOpen).length;
    return [
      ...(backlog > 0 ? [`${backlog} records of ${site}`] : []),
      ...(open > 0 ? [`${open} sessions of ${site}`] : []),
    ];
  });
  return [...cloud.map(([what, n]) => `${n} ${what}`), ...edges];
}
