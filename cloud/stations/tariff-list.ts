import { sql } from 'kysely';
import { z } from 'zod';
import { type ScheduledTariff, tariffScheduleSchema } from '#shared/tariff/schedule.ts';
import { type Tariff, tariffSchema } from '#shared/tariff/tariff.ts';
import type { Db } from '../db/connect.ts';
import { settledBeforeMs } from '../db/settled.ts';
import { iso, isoOrNull } from '../http/iso.ts';
import { tariffViewSchema } from '../orders/schemas.ts';
import { tariffView } from '../orders/tariff-view.ts';
import type { Caller } from '../partners/caller.ts';
import { changedIn, pageOfReading, type ReadingPage, type ReadingRange } from './changes.ts';
import { usableStations } from './usable.ts';

export const priceListSchema = z
  .object({
    price_list_id: z.string(),
    site_id: z.string().nullable().describe('null: every station that you may use'),
    own: z.boolean().describe('agreed with you: it goes before what the station itself has'),
    updated_at: z.iso.datetime(),
    replaced_at: z.iso.datetime().nullable().describe('from then on it does not count any more'),
    entries: z.array(
      z.object({
        from: z.iso.datetime(),
        until: z.iso.datetime().nullable().describe('null: until further notice'),
        connector_ids: z.array(z.string()).nullable().describe('null: the whole station'),
        tariff: tariffViewSchema,
      }),
    ),
  })
  .meta({ id: 'PriceList' });

type Entries = z.infer<typeof priceListSchema>['entries'];
const entryView = ({ from, until, connectorIds, tariff }: Omit<ScheduledTariff, 'tariff'> & { tariff: Tariff }) => ({
  from: iso(Date.parse(from)),
  until: until === null ? null : iso(Date.parse(until)),
  connector_ids: connectorIds ?? null,
  tariff: tariffView(tariff),
});

/** Prices of stations that the caller may use, and its own, under the name `price`. A schedule of its own is one row. */
const priceLists = (db: Db, caller: Caller) =>
  db.selectFrom(
    usableStations(db, caller)
      .innerJoin('site_tariffs', 'site_tariffs.site_id', 'station.site_id')
      .innerJoin('tariffs', (join) =>
        join
          .onRef('tariffs.tariff_id', '=', 'site_tariffs.tariff_id')
          .onRef('tariffs.version', '=', 'site_tariffs.version'),
      )
      .select([
        sql<string>`'s' || lpad(site_tariff_id::text, 15, '0')`.as('id'),
        sql<string | null>`site_tariffs.site_id`.as('site_id'),
        'tariffs.document',
        sql<number | null>`in_force_from_ms`.as('from_ms'),
        'until_ms',
        'connector_ids',
        'replaced_at_ms',
        // What a station had before it was listed, or before all were opened, comes with that.
        sql<number>`greatest(site_tariffs.updated_at_ms, (select listed_at_ms from partner_stations
          where partner_id = ${caller.partnerId} and partner_stations.site_id = site_tariffs.site_id),
          (select changed_at_ms from partner_access where partner_id = ${caller.partnerId}
            and environment = ${caller.environment} and stations = 'all'))`.as('at_ms'),
      ])
      .unionAll(
        db
          .selectFrom('partner_prices')
          .select([
            sql<string>`'p' || lpad(partner_price_id::text, 15, '0')`.as('id'),
            'site_id',
            'document',
            sql<number | null>`null::bigint`.as('from_ms'),
            sql<number | null>`null::bigint`.as('until_ms'),
            sql<string | null>`null::text`.as('connector_ids'),
            'replaced_at_ms',
            sql<number>`greatest(put_at_ms, replaced_at_ms)`.as('at_ms'),
          ])
          .where('partner_id', '=', caller.partnerId)
          .where('environment', '=', caller.environment),
      )
      .as('price'),
  );
type PriceRow = Awaited<ReturnType<ReturnType<typeof selected>['executeTakeFirstOrThrow']>>;
const selected = (db: Db, caller: Caller) => priceLists(db, caller).selectAll('price');

function entriesOf(row: PriceRow): Entries {
  const document: unknown = JSON.parse(row.document);
  if (row.from_ms === null) return tariffScheduleSchema.parse(document).tariffs.map(entryView);
  const connectorIds =
    row.connector_ids === null ? undefined : z.array(z.string()).parse(JSON.parse(row.connector_ids));
  const tariff = tariffSchema.parse(document);
  return [entryView({ from: iso(row.from_ms), until: isoOrNull(row.until_ms), connectorIds, tariff })];
}

/** One page of what the caller pays where and when, oldest change first. */
export async function listPrices(
  db: Db,
  caller: Caller,
  siteId: string | null,
  range: ReadingRange,
  nowMs: number,
): Promise<ReadingPage<z.infer<typeof priceListSchema>>> {
  const settledMs = await settledBeforeMs(db, nowMs);
  const found = await selected(db, caller)
    .where(changedIn(range, { at: sql`price.at_ms`, id: sql`price.id` }))
    .$if(siteId !== null, (query) =>
      query.where((where) => where.or([where('price.site_id', '=', siteId), where('price.site_id', 'is', null)])),
    )
    .orderBy('price.at_ms')
    .orderBy('price.id')
    .limit(range.limit + 1)
    .execute();
  const page = pageOfReading(found, range, settledMs, (row) => ({ atMs: row.at_ms, id: row.id }));
  const rows = page.rows.map((row) => ({
    price_list_id: row.id,
    site_id: row.site_id,
    own: row.from_ms === null,
    updated_at: iso(row.at_ms),
    replaced_at: isoOrNull(row.replaced_at_ms),
    entries: entriesOf(row),
  }));
  return { ...page, rows };
}

/**
 * A version of a tariff that the caller pays, has paid or will pay: at a station that it may use, by its own prices, or by an order.
 * Null: there is none.
 */
export async function findTariff(db: Db, caller: Caller, tariffId: string, version: number): Promise<Tariff | null> {
  const row = await db
    .selectFrom('tariffs')
    .select('document')
    .where('tariff_id', '=', tariffId)
    .where('version', '=', version)
    .where((where) =>
      where.or([
        where.exists(
          usableStations(db, caller)
            .innerJoin('site_tariffs as put', 'put.site_id', 'station.site_id')
            .select('put.site_id')
            .where('put.tariff_id', '=', tariffId)
            .where('put.version', '=', version),
        ),
        where.exists(
          where
            .selectFrom('orders')
            .select('order_id')
            .where('partner_id', '=', caller.partnerId)
            .where('environment', '=', caller.environment)
            .where('orders.tariff_id', '=', tariffId)
            .where('tariff_version', '=', version),
        ),
      ]),
    )
    .executeTakeFirst();
  if (row !== undefined) return tariffSchema.parse(JSON.parse(row.document));
  const own = await db
    .selectFrom('partner_prices')
    .select('document')
    .where('partner_id', '=', caller.partnerId)
    .where('environment', '=', caller.environment)
    .orderBy('partner_price_id', 'desc')
    .execute();
  const tariffs = own.flatMap((one) => tariffScheduleSchema.parse(JSON.parse(one.document)).tariffs);
  return tariffs.find(({ tariff }) => tariff.tariffId === tariffId && tariff.version === version)?.tariff ?? null;
}
