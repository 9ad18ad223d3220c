import { cdrSchema } from '#shared/wire/cdr.ts';
import { canonicalJson } from '../../cloud/canonical-json.ts';
import type { Box } from './box.ts';
import type { PreparedDatabase } from './prepared-database.ts';
import { ReservationBooks } from './reservation-books.ts';
import type { Violations } from './violations.ts';

interface Cursor {
  readonly site_id: string;
  readonly store_epoch: string;
  readonly acked_seq: number;
}

interface StoredRecord {
  readonly seq: number;
  readonly kind: string;
  readonly body: string;
  readonly refused_code: string | null;
  readonly refused_detail: string | null;
}

/** A register shows whole watt-hours, rounded down, at both ends. */
const REGISTER_WH = 1;

/** A record with one of these says itself that more may have flowed than it bills. */
const SAYS_LESS: ReadonlySet<string> = new Set(['end-estimated', 'stop-not-proven']);

/** Compares the cloud's books with what the edges have committed and the piles have delivered, as far as they have got. */
export class Witness {
  readonly #database: PreparedDatabase;
  readonly #boxes: ReadonlyMap<string, Box>;
  readonly #violations: Violations;
  readonly #cursors = new Map<string, number>();
  readonly #billed = new Set<string>();
  readonly #outcomes = new Map<string, string>();
  readonly counts = { records: 0, cdrs: 0, checks: 0 };
  readonly reservations: ReservationBooks;

  constructor(database: PreparedDatabase, boxes: readonly Box[], violations: Violations, nowMs: () => number) {
    this.#database = database;
    this.#boxes = new Map(boxes.map((box) => [box.siteId, box]));
    this.#violations = violations;
    this.reservations = new ReservationBooks((sql, values) => this.rows(sql, values), boxes, violations, nowMs);
  }

  async rows<Row>(sql: string, values: unknown[] = []): Promise<Row[]> {
    return (await this.#database.query(sql, values)).rows as Row[];
  }

  async check(): Promise<void> {
    this.counts.checks += 1;
    await this.#checkRecords();
    await this.#checkBills();
    await this.#checkOutcomes();
    await this.#checkDeadLetters();
    await this.reservations.check();
    for (const box of this.#boxes.values()) this.#checkSizes(box);
  }

  async #checkRecords(): Promise<void> {
    const cursors = await this.rows<Cursor>(
      `select site_id, store_epoch, acked_seq from cursors where stream = 'events' order by site_id, store_epoch`,
    );
    for (const cursor of cursors) await this.#checkCursor(cursor);
    for (const box of this.#boxes.values()) this.#checkAcknowledged(box, cursors);
  }

  async #checkCursor({ site_id: siteId, store_epoch: epoch, acked_seq: acked }: Cursor): Promise<void> {
    const key = `${siteId} ${epoch}`;
    const before = this.#cursors.get(key) ?? 0;
    this.#violations.check(acked >= before, 'cursors never go back', () => `${key}: from ${before} to ${acked}`);
    if (acked === before) return;
    const stored = await this.rows<StoredRecord>(
      `select seq, kind, body, refused_code, refused_detail from site_records
       where site_id = $1 and store_epoch = $2 and stream = 'events' and seq > $3 order by seq`,
      [siteId, epoch, before],
    );
    const committed = this.#boxes.get(siteId)?.disk.committed.get(epoch);
    let expected = before;
    for (const record of stored) {
      expected += 1;
      this.counts.records += 1;
      this.#violations.check(
        record.seq === expected,
        'every record reaches the cloud, in order',
        () => `${key}: record ${expected} is missing before ${record.seq}`,
      );
      expected = record.seq;
      const own = committed?.get(record.seq);
      this.#violations.check(
        own !== undefined && canonicalJson(JSON.parse(own.body)) === canonicalJson(JSON.parse(record.body)),
        'the cloud has what the edge has committed',
        () => `${key}: record ${record.seq} is ${record.body}, committed ${own?.body ?? 'nothing'}`,
      );
      this.#violations.check(
        record.refused_code === null,
        'no record is refused',
        () => `${key}: ${record.seq} ${record.kind}: ${record.refused_code} ${record.refused_detail} ${record.body}`,
      );
    }
    this.#violations.check(
      expected === acked,
      'what is acknowledged is stored',
      () => `${key}: acknowledged ${acked}, stored ${expected}`,
    );
    this.#cursors.set(key, acked);
  }

  /** The edge forgets only what the cloud has. */
  #checkAcknowledged(box: Box, cursors: readonly Cursor[]): void {
    const meta = new Map(box.ask(`SELECT key, value FROM meta`).map(({ key, value }) => [key, value]));
    const epoch = String(meta.get('store_epoch'));
    const [first] = box.ask(`SELECT min(seq) AS seq FROM outbox`);
    const [head] = box.ask(`SELECT seq FROM sqlite_sequence WHERE name = 'outbox'`);
    const cursor = cursors.find((one) => one.site_id === box.siteId && one.store_epoch === epoch)?.acked_seq ?? 0;
    const forgotten = first?.seq == null ? Number(head?.seq ?? 0) : Number(first.seq) - 1;
    this.#violations.check(
      forgotten <= cursor && Number(meta.get('acked_seq') ?? 0) <= cursor,
      'the edge forgets only what the cloud has',
      () => `${box.siteId}: forgotten through ${forgotten}, acked ${meta.get('acked_seq')}, the cloud has ${cursor}`,
    );
  }

  /** The bill is what the pile has truly delivered. */
  async #checkBills(): Promise<void> {
    const rows = await this.rows<{ session_id: string; site_id: string; document: string }>(
      `select session_id, site_id, document from cdrs order by received_at_ms, cdr_id offset $1`,
      [this.#billed.size],
    );
    for (const row of rows) {
      const cdr = cdrSchema.parse(JSON.parse(row.document));
      const isNew = !this.#billed.has(cdr.sessionId);
      this.#violations.check(isNew, 'a session is billed once', () => `${row.site_id}: ${cdr.sessionId}`);
      this.#billed.add(cdr.sessionId);
      this.counts.cdrs += 1;
      const pile = this.#boxes.get(row.site_id)?.piles.get(cdr.connectorId);
      const trueWh = pile?.energyWhOf(cdr.sessionId) ?? 0;
      const isUnseen = cdr.marks.some((mark) => SAYS_LESS.has(mark));
      const offWh = cdr.energyWh - trueWh;
      this.#violations.check(
        offWh <= REGISTER_WH && (isUnseen || offWh >= -REGISTER_WH),
        'the bill equals the physics',
        () =>
          `${row.site_id}: session ${cdr.sessionId} is billed ${cdr.energyWh} Wh, ${trueWh} Wh flowed: ${row.document}`,
      );
    }
  }

  get billed(): ReadonlySet<string> {
    return this.#billed;
  }

  async #checkOutcomes(): Promise<void> {
    const rows = await this.rows<{ operation_id: string; status: string; code: string | null; finished_at_ms: number }>(
      `select operation_id, status, code, finished_at_ms from operations where status <> 'accepted' order by operation_id`,
    );
    for (const row of rows) {
      const outcome = `${row.status} ${row.code} ${row.finished_at_ms}`;
      const before = this.#outcomes.get(row.operation_id) ?? outcome;
      this.#outcomes.set(row.operation_id, outcome);
      this.#violations.check(
        before === outcome,
        'an operation has one outcome',
        () => `${row.operation_id}: ${before}, then ${outcome}`,
      );
    }
    this.#violations.check(
      rows.length === this.#outcomes.size,
      'an operation has one outcome',
      () => `${this.#outcomes.size - rows.length} operations have lost their outcome`,
    );
  }

  /** A store that cannot be read at the moment is told; anything else that a side refuses is a fault of ours. */
  async #checkDeadLetters(): Promise<void> {
    const rows = await this.rows<{ source: string; code: string; reason: string; payload: string }>(
      `select source, code, reason, payload from dead_letters
       where not (source = 'edge-nack' and code = 'store.unavailable') limit 1`,
    );
    for (const { source, code, reason, payload } of rows)
      this.#violations.add('nothing is refused', `${source} ${code}: ${reason}: ${payload.slice(0, 2000)}`);
  }

  #checkSizes(box: Box): void {
    const [size] = box.ask(`SELECT page_count * page_size AS bytes FROM pragma_page_count(), pragma_page_size()`);
    const most = 8 * 1_048_576 * 1.1;
    const bytes = Number(size?.bytes);
    this.#violations.check(bytes <= most, 'stores stay under their caps', () => `${box.siteId}: ${bytes} bytes`);
  }
}
