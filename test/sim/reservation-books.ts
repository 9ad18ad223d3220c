import { errorCatalogue } from '#shared/errors.ts';
import { cdrSchema } from '#shared/wire/cdr.ts';
import type { RecordOf, ReservationEndReason } from '#shared/wire/records.ts';
import type { ReservationState } from '../../cloud/reservations/machine.ts';
import type { Box } from './box.ts';
import type { Hold } from './holds.ts';
import { simTariff } from './stage.ts';
import type { Violations } from './violations.ts';

/** What the cloud says of a reservation. */
export interface Row {
  readonly reservation_id: string;
  readonly site_id: string;
  readonly state: ReservationState;
  readonly end_reason: string | null;
  readonly cancelled_by: string | null;
  readonly until_ms: number;
  readonly active_at_ms: number | null;
  readonly ended_at_ms: number | null;
  readonly held_ms: number | null;
  readonly fee: string | null;
  /** When the first of those who wanted to give it back was told that it is accepted. */
  readonly given_back_at_ms: number | null;
  readonly session_id: string | null;
  /** What a start with it was refused for. */
  readonly kept_out_code: string | null;
  /** Of each start with it that was accepted: why it had failed by the end of the reservation, `unheard` when it had no outcome, or `-`. */
  readonly starts: string;
  /** What was told of it, first first. */
  readonly told: string;
}

type HoldingBox = Pick<Box, 'siteId' | 'process' | 'holds'>;
type Ask = <Asked>(sql: string, values?: unknown[]) => Promise<Asked[]>;

const OPEN: readonly ReservationState[] = ['requested', 'active'];
/** When the connector of a live process is held longer than this, nothing ends it: a look that comes late, and a start that is under way. */
const OVERRUN_MS = 4 * 60_000;
/** So long after its time the cloud waits for the site's word. */
const AWAITED_MS = 120_000;
const MINUTE_MS = 60_000;
/** Who asks for a start later than this before the end is late. */
const ON_ITS_WAY_MS = 5_000;
/** Of what comes at the same moment: the site has told the failure of a start `s` before the end of its reservation `r`. */
const TOLD_BEFORE = `exists (select from commands c
  join site_records f on f.kind = 'command.reported' and f.body::jsonb ->> 'commandId' = c.command_id::text
    and f.body::jsonb ->> 'status' = 'failed'
  join site_records e on e.kind = 'reservation.ended' and e.body::jsonb ->> 'reservationId' = r.reservation_id::text
    and e.site_id = f.site_id and e.store_epoch = f.store_epoch and e.seq > f.seq
  where c.order_id = s.order_id and c.kind = 'start')`;

const stateOf: Record<ReservationEndReason, ReservationState> = {
  used: 'used',
  cancelled: 'cancelled',
  expired: 'expired',
  'not-confirmed': 'released',
  technician: 'released',
  'out-of-service': 'released',
};

/** What the cloud says of reservations, against what the edges have committed. */
export class ReservationBooks {
  readonly #ask: Ask;
  readonly #boxes: ReadonlyMap<string, HoldingBox>;
  readonly #violations: Violations;
  readonly #nowMs: () => number;
  readonly #ends = new Map<string, string>();
  readonly counts = { reservations: 0, held: 0, used: 0, cancelled: 0, expired: 0, released: 0, givenBackUnheard: 0 };

  constructor(ask: Ask, boxes: readonly HoldingBox[], violations: Violations, nowMs: () => number) {
    this.#ask = ask;
    this.#boxes = new Map(boxes.map((box) => [box.siteId, box]));
    this.#violations = violations;
    this.#nowMs = nowMs;
  }

  /** At any time. */
  async check(): Promise<void> {
    for (const row of await this.#rows()) this.#checkRow(row);
    const late = await this.#ask(
      `select operation_id, finished_at_ms, deadline_at_ms from operations
       where kind = 'reserve' and status = 'succeeded' and finished_at_ms > deadline_at_ms`,
    );
    this.#violations.check(late.length === 0, 'no late hold is for good', () => JSON.stringify(late));
    const tooLate = await this.#ask(
      `select o.operation_id, o.created_at_ms, r.until_ms from operations o join reservations r using (reservation_id)
       where o.kind = 'cancel-reservation' and o.created_at_ms >= r.until_ms`,
    );
    this.#violations.check(tooLate.length === 0, 'what has run out is not given back', () => JSON.stringify(tooLate));
    for (const box of this.#boxes.values()) this.#checkOverrun(box);
  }

  /** When all is told. */
  async checkSettled(): Promise<void> {
    const rows = await this.#rows();
    const lateMs = await this.#toldMs();
    for (const row of rows) await this.#checkEnded(row, lateMs.get(row.reservation_id) ?? 0);
    await this.#checkOperations();
    await this.#checkBills(rows, lateMs);
    for (const [siteId, { holds }] of this.#boxes) {
      this.#violations.check(
        holds.open.size === 0,
        'nothing stays held',
        () => `${siteId}: ${JSON.stringify([...holds.open.values()])}`,
      );
      for (const { reservationId } of holds.all.values())
        this.#violations.check(
          rows.some(({ reservation_id: id }) => id === reservationId),
          'the cloud knows what was held',
          () => `${siteId}: ${reservationId}`,
        );
    }
    const shown = await this.#ask(`select connector_id from connector_states where status = 'reserved'`);
    this.#violations.check(shown.length === 0, 'nothing stays reserved', () => JSON.stringify(shown));
  }

  #rows(): Promise<Row[]> {
    return this.#ask<Row>(
      `select r.reservation_id, r.site_id, r.state, r.end_reason, r.cancelled_by, r.until_ms, r.active_at_ms, r.ended_at_ms, r.held_ms,
         r.fee, o.session_id, (select min(c.created_at_ms) from operations c
           where c.reservation_id = r.reservation_id and c.kind = 'cancel-reservation') as given_back_at_ms, r.kept_out_code, coalesce(
           (select string_agg(case when s.ended_at_ms < r.updated_at_ms or (s.ended_at_ms = r.updated_at_ms and ${TOLD_BEFORE})
               then coalesce(s.failure_code, '-')
               when s.created_at_ms <= r.until_ms - ${ON_ITS_WAY_MS} then 'unheard' else '-' end, ' ')
             from orders s where s.reservation_id = r.reservation_id), '') as starts, coalesce(
           (select string_agg(e.type, ' ' order by e.position) from webhook_events e where e.lane = r.reservation_id::text), '') as told
       from reservations r left join orders o on o.order_id = r.order_id order by r.created_at_ms, r.reservation_id`,
    );
  }

  #checkRow(row: Row): void {
    const { reservation_id: id, state, active_at_ms: activeAtMs } = row;
    const stories = [
      ...(activeAtMs === null ? [] : ['reservation.active']),
      ...(OPEN.includes(state) ? [] : ['reservation.ended']),
    ];
    this.#violations.check(
      row.told === stories.join(' '),
      'a partner is told of a reservation once',
      () => `${id} is ${state}, and was told as "${row.told}"`,
    );
    this.#violations.check(
      activeAtMs === null || this.#holdOf(row) !== undefined,
      'what is active is held on site',
      () => id,
    );
    if (OPEN.includes(state)) return;
    const end = JSON.stringify({ ...row, session_id: null });
    const before = this.#ends.get(id) ?? end;
    this.#ends.set(id, end);
    this.#violations.check(before === end, 'a reservation ends in one way', () => `${before}, then ${end}`);
  }

  #holdOf({ site_id: siteId, reservation_id: id }: Row): Hold | undefined {
    return this.#boxes.get(siteId)?.holds.all.get(id);
  }

  #checkOverrun({ siteId, process, holds }: HoldingBox): void {
    for (const { state } of process?.connectors.values() ?? []) {
      const id = state.reservation?.reservationId;
      const hold = id === undefined ? undefined : holds.all.get(id);
      const overMs = hold === undefined ? 0 : this.#nowMs() - hold.untilMs - hold.powerlessMs;
      this.#violations.check(overMs <= OVERRUN_MS, 'nothing stays held', () => `${siteId}: ${id}, ${overMs} ms over`);
    }
  }

  /** When the cloud has heard of each end. */
  async #toldMs(): Promise<ReadonlyMap<string, number>> {
    const rows = await this.#ask<{ body: string; received_at_ms: number }>(
      `select body, received_at_ms from site_records where kind = 'reservation.ended'`,
    );
    return new Map(
      rows.map(({ body, received_at_ms: atMs }) => [String(JSON.parse(body).reservationId), Number(atMs)]),
    );
  }

  async #checkEnded(row: Row, toldMs: number): Promise<void> {
    const { state, active_at_ms: activeAtMs } = row;
    this.counts.reservations += 1;
    const check = (holds: boolean, invariant: string) =>
      this.#violations.check(holds, invariant, () => `${JSON.stringify(row)}: ${JSON.stringify(this.#holdOf(row))}`);
    check(!OPEN.includes(state), 'every reservation ends');
    const ended = this.#holdOf(row)?.ended ?? null;
    if (activeAtMs === null)
      return check(
        ['rejected', 'cancelled'].includes(state) && row.fee === null,
        'what was not confirmed costs nothing',
      );
    if (ended === null) return check(false, 'every hold ends');
    this.#count(state);
    const isByTime = hasEndedByTime(row, toldMs);
    check(
      isByTime || state === endOf(row, ended.reason),
      'the cloud and the site agree on how a reservation has ended',
    );
    if (state === 'cancelled') this.#checkGivenBack(row, ended, isByTime);
    else check(isByTime || row.held_ms === ended.heldMs, 'a reservation is billed for as long as it was held');
    check((row.fee === null ? null : JSON.parse(row.fee).totalMinor) === feeOf(row), 'a fee is what the tariff says');
    if (state !== 'used') return;
    check(row.session_id === ended.sessionId, 'a reservation is used by its holder');
    await this.#checkBill(row, check);
  }

  /** By the cloud's clock, whenever the site has heard of it; where the site has held it for less, for that. */
  #checkGivenBack(row: Row, { reason, heldMs: siteMs }: RecordOf<'reservation.ended'>, isByTime: boolean): void {
    const { given_back_at_ms: atMs, active_at_ms: activeAtMs, held_ms: heldMs, ended_at_ms: endedAtMs } = row;
    const check = (holds: boolean, invariant: string) =>
      this.#violations.check(holds, invariant, () => `${JSON.stringify(row)}: by the site ${siteMs} ms, ${reason}`);
    if (reason !== 'cancelled') this.counts.givenBackUnheard += 1;
    const mostMs = Math.max(0, (atMs ?? 0) - (activeAtMs ?? 0));
    check(atMs !== null && endedAtMs === atMs, 'a reservation ends when it is given back');
    check(
      heldMs === Math.min(mostMs, siteMs) || (isByTime && heldMs === mostMs),
      'a reservation is billed until it is given back',
    );
  }

  #count(state: ReservationState): void {
    this.counts.held += 1;
    if (state === 'used' || state === 'cancelled' || state === 'expired' || state === 'released')
      this.counts[state] += 1;
  }

  /** Used: its price is in the bill of the charge. */
  async #checkBill(row: Row, check: (holds: boolean, invariant: string) => void): Promise<void> {
    const [stored] = await this.#ask<{ document: string }>(`select document from cdrs where session_id = $1`, [
      row.session_id,
    ]);
    if (stored === undefined) return check(false, 'a reservation that was used is on the bill of its charge');
    const { rating, reservation, voidReason } = cdrSchema.parse(JSON.parse(stored.document));
    const feesMinor = (rating?.fees ?? []).reduce(
      (sum, line) => (line.fee === 'reservation' ? sum + line.amountMinor : sum),
      0,
    );
    check(reservation?.heldMs === row.held_ms, 'a reservation is billed for as long as it was held');
    check(voidReason !== null || feesMinor === priceOf(row.held_ms ?? 0), 'a fee is what the tariff says');
  }

  /** What has ended otherwise has its price elsewhere, and is on nobody's bill, unless its site was away for so long that its time was over. */
  async #checkBills(rows: readonly Row[], lateMs: ReadonlyMap<string, number>): Promise<void> {
    const billed = await this.#ask<{ session_id: string; site_id: string }>(
      `select session_id, site_id from cdrs where document::jsonb -> 'reservation' is not null`,
    );
    for (const { session_id: sessionId, site_id: siteId } of billed) {
      const holds = [...(this.#boxes.get(siteId)?.holds.all.values() ?? [])];
      const id = holds.find(({ ended }) => ended?.sessionId === sessionId)?.reservationId;
      const row = rows.find(({ reservation_id: one }) => one === id);
      this.#violations.check(
        row !== undefined && (row.state === 'used' || hasEndedByTime(row, lateMs.get(row.reservation_id) ?? 0)),
        'a reservation is paid once',
        () => `${siteId}: session ${sessionId} is billed for ${JSON.stringify(row)}`,
      );
    }
  }

  async #checkOperations(): Promise<void> {
    const rows = await this.#ask(
      `select o.operation_id, o.status, o.code, r.state, r.active_at_ms from operations o join reservations r using (reservation_id)
       where o.kind = 'reserve' and (o.status = 'succeeded') <> (r.active_at_ms is not null)`,
    );
    this.#violations.check(rows.length === 0, 'a reserve succeeds when it holds', () => JSON.stringify(rows));
    const cancels = await this.#ask(
      `select o.operation_id, o.status, o.code, r.state from operations o join reservations r using (reservation_id)
       where o.kind = 'cancel-reservation' and (o.status = 'succeeded') <> (r.state <> 'used')`,
    );
    this.#violations.check(cancels.length === 0, 'a cancel succeeds unless a charge has it', () =>
      JSON.stringify(cancels),
    );
  }
}

/** Its site was away until long after, and the cloud has not waited any more. */
const hasEndedByTime = (row: Row, toldMs: number): boolean =>
  row.state === endOf(row, 'expired') && toldMs >= row.until_ms + AWAITED_MS;

/** What its partner has given back in time has not run out, whatever the site has heard of it; nor has what nobody could come to. */
function endOf(row: Row, reason: ReservationEndReason): ReservationState {
  if (reason !== 'expired') return stateOf[reason];
  if (row.given_back_at_ms !== null) return 'cancelled';
  return isKeptOut(row) || isUnheard(row) ? 'released' : 'expired';
}

/** Refused at once, or later, by the fault of anybody but the partner and the vehicle. */
const isKeptOut = ({ kept_out_code: code, starts }: Row): boolean =>
  code !== null ||
  starts.split(' ').some((why) => {
    const fault = Object.entries(errorCatalogue).find(([known]) => known === why)?.[1].fault;
    return fault !== undefined && fault !== 'caller' && fault !== 'vehicle' && why !== 'command.cancelled';
  });

/** The site has let it run out while a start with it was lost on the way. */
const isUnheard = ({ starts }: Row): boolean => starts.split(' ').includes('unheard');

/** By hand: what it costs to hold a connector for so long. */
const priceOf = (heldMs: number): number => {
  const { flatMinor, minutePriceE4 } = simTariff.reservation;
  return flatMinor + (Math.ceil(heldMs / MINUTE_MS) * minutePriceE4) / 100;
};

/** Given back by the partner, or run out with nobody there, and nobody kept out; anything else costs nothing here. */
function feeOf(row: Row): number | null {
  const { state, cancelled_by: by, held_ms: heldMs, starts } = row;
  if (heldMs === null || isKeptOut(row)) return null;
  if (state === 'expired') return priceOf(heldMs) + (starts === '' ? simTariff.reservation.noShowMinor : 0);
  return state === 'cancelled' && by === 'partner' ? priceOf(heldMs) : null;
}
