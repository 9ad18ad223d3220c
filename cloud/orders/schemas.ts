import { z } from 'zod';
import { uuidSchema } from '#shared/ids.ts';
import { cdrMarkSchema, chargeTargetSchema, meterEventKinds, stopReasonSchema } from '#shared/wire/cdr.ts';
import { occupancySchema } from '#shared/wire/occupancy.ts';
import { limitsSchema } from './limits-view.ts';

const timeSchema = z.iso.datetime().describe('UTC');

export const moneySchema = z
  .object({
    minor: z.int().describe('in 1/100 of the currency unit'),
    decimal: z.string().describe('the same amount for people, such as "12.34"'),
    currency: z.string().describe('ISO 4217'),
  })
  .meta({ id: 'Money' });

export const bandViewSchema = z.object({
  name: z.string(),
  start_minute: z.int().describe('of the local day, until the next band begins'),
  electricity_price_e4: z.int().describe('1/10,000 of the currency unit per kWh'),
  service_price_e4: z.int().describe('1/10,000 of the currency unit per kWh'),
});

const minutePriceSchema = z.int().describe('1/10,000 of the currency unit per started minute');

export const tariffViewSchema = z
  .object({
    tariff_id: z.string(),
    version: z.int(),
    currency: z.string(),
    timezone: z.string().describe('IANA zone that chooses the band'),
    bands: z.array(bandViewSchema).describe('of every local day that no day plan fits'),
    days: z
      .array(
        z.object({
          name: z.string(),
          months: z.array(z.int()).nullable().describe('1 to 12; null: any'),
          weekdays: z.array(z.int()).nullable().describe('1 (Monday) to 7; null: any'),
          dates: z.array(z.string()).nullable().describe('local dates; null: any'),
          bands: z.array(bandViewSchema),
        }),
      )
      .describe('local days with bands of their own; the first that fits counts'),
    minimum_minor: z.int().nullable().describe('what a charge costs at least once anything was delivered'),
    occupancy: z
      .object({
        grace_minutes: z.int().describe('free after the end of the charge'),
        minute_price_e4: minutePriceSchema,
        most_minor: z.int().nullable().describe('no more than that, however long'),
      })
      .nullable()
      .describe('what it costs to stay plugged in after the charge; null: nothing'),
    reservation: z
      .object({
        flat_minor: z.int().nullable(),
        minute_price_e4: minutePriceSchema.nullable(),
        no_show_minor: z.int().nullable().describe('once more when nobody came'),
      })
      .nullable(),
  })
  .meta({ id: 'Tariff' });

const billLineSchema = z.object({
  fee: z.enum(['electricity', 'service']),
  band: z.string(),
  from: timeSchema,
  to: timeSchema,
  energy_wh: z.int(),
  price_e4: z.int(),
  amount_minor: z.int().describe('energy_wh × price_e4 / 100,000, rounded half up once'),
  split: z.enum(['measured', 'interpolated']),
});

export const feeLineSchema = z.object({
  fee: z.enum(['occupancy', 'reservation', 'minimum', 'no-show']),
  minutes: z.int().nullable().describe('started minutes; null for a flat fee'),
  minute_price_e4: z.int().nullable().describe('1/10,000 of the currency unit per minute'),
  most_minor: z.int().nullable().describe('no more than that, whatever the minutes'),
  amount_minor: z.int(),
});

export const billSchema = z
  .object({
    tariff_id: z.string(),
    tariff_version: z.int(),
    energy_wh: z.int(),
    lines: z.array(billLineSchema),
    electricity: moneySchema,
    service: moneySchema,
    fees: z.array(feeLineSchema).describe('what is charged beside energy'),
    total: moneySchema.describe('the sum of the lines and fees'),
    held: moneySchema.nullable().describe('what was paid or held ahead; null: nothing'),
    charged: moneySchema.describe('the total, and no more than was held'),
  })
  .meta({ id: 'Bill' });

export const feeBillSchema = z
  .object({
    tariff_id: z.string(),
    tariff_version: z.int(),
    fees: z.array(feeLineSchema),
    total: moneySchema.describe('the sum of the fees'),
  })
  .meta({ id: 'FeeBill' });

const occupancyViewSchema = z
  .object({
    occupancy_id: uuidSchema,
    state: z.enum(['open', 'ended']).describe('open: the vehicle is still there, as far as is known'),
    from: timeSchema.describe('the end of the charge'),
    to: timeSchema.nullable().describe('when it was last seen plugged in'),
    occupied_ms: z.int().nullable().describe('how long it was seen; what nobody could see is left out'),
    ended_by: occupancySchema.shape.endedBy.nullable(),
    bill: feeBillSchema.nullable().describe('as the site has rated it'),
    bill_of_platform: feeBillSchema.nullable().describe('as the platform has rated it'),
  })
  .meta({ id: 'Occupancy' });

export const cdrViewSchema = z
  .object({
    cdr_id: uuidSchema,
    session_id: uuidSchema,
    started_at: timeSchema,
    ended_at: timeSchema,
    duration_ms: z.int(),
    meter_start_wh: z.int(),
    meter_end_wh: z.int(),
    energy_wh: z.int(),
    raw_start_wh: z.int().nullable().describe('as the meter showed it at the start; null when the site did not tell'),
    raw_end_wh: z.int().nullable().describe('as the meter showed it at the end; null when the site did not tell'),
    meter_events: z
      .array(
        z.object({
          at: timeSchema,
          kind: z.enum(meterEventKinds),
          from_raw_wh: z.int().describe('the last count believed'),
          to_raw_wh: z.int().nullable().describe('the count that came instead'),
          credited_wh: z.int().describe('what is billed of the step between them'),
        }),
      )
      .describe('where the meter did more than count'),
    meter_events_left_out: z.int().describe('how many more there were'),
    readings: z.array(z.object({ at: timeSchema, register_wh: z.int(), quality: z.enum(['measured', 'estimated']) })),
    stop_reason: stopReasonSchema,
    target: chargeTargetSchema.nullable().describe('what the charge had come to, when it ended where it was to'),
    fault_code: z.string().nullable().describe('which fault has ended it: see `GET /fault-codes`'),
    marks: z.array(cdrMarkSchema),
    void_reason: z.string().nullable().describe('not null: billed to nobody'),
    reserved_ms: z
      .int()
      .nullable()
      .describe('for how long the connector had been reserved for it: what its reservation is billed by'),
    tariff: tariffViewSchema.nullable(),
    bill: billSchema.nullable().describe('as the site has rated it'),
    bill_of_platform: billSchema.nullable().describe('as the platform has rated the same readings'),
  })
  .meta({ id: 'ChargeDetailRecord' });

export const progressSchema = z
  .object({
    energy_wh: z.int().nullable(),
    power_w: z.int().nullable(),
    soc_percent: z
      .number()
      .nullable()
      .describe('state of charge of the vehicle; null: the pile does not tell it, as AC piles do not'),
    cost_so_far: moneySchema.nullable().describe('an estimate; the bill is made from the meter readings at the end'),
    observed_at: timeSchema,
    freshness_s: z.number().describe('age of the observation'),
  })
  .meta({ id: 'Progress' });

export const orderSchema = z
  .object({
    order_id: uuidSchema,
    origin: z.enum(['remote', 'local']),
    environment: z.enum(['sandbox', 'live']),
    state: z.enum(['starting', 'charging', 'start_failed', 'completed', 'void', 'abnormal']),
    request_id: z.string().nullable().describe('of the start'),
    site_id: z.string(),
    pile_id: z.string(),
    connector_id: z.string(),
    session_id: uuidSchema.nullable(),
    created_at: timeSchema,
    started_at: timeSchema.nullable(),
    ended_at: timeSchema.nullable(),
    updated_at: timeSchema,
    meter_start_wh: z.int().nullable(),
    meter_end_wh: z.int().nullable(),
    energy_wh: z.int().nullable(),
    limits: limitsSchema.nullable().describe('where it ends by itself; null: nowhere'),
    hold_minor: z.int().nullable().describe('the most that is charged for it; null: nothing is held'),
    stop_reason: stopReasonSchema.nullable(),
    failure: z.object({ code: z.string(), detail: z.string(), fault: z.string() }).nullable(),
    amount_due: moneySchema
      .nullable()
      .describe(
        'the bill and the occupancy that has ended, no more than was held; null while charging, and when void. Of an abnormal order, and where the stay is billed differently on site and here: what a person has said, and null until then',
      ),
    occupancy: occupancyViewSchema
      .nullable()
      .describe('how long the vehicle stayed after the charge; null: nothing is asked for that'),
    progress: progressSchema.nullable().describe('while charging'),
    cdr: cdrViewSchema.nullable().describe('once ended: everything needed to recompute the bill'),
  })
  .meta({ id: 'Order' });
export type OrderView = z.infer<typeof orderSchema>;
