import { z } from 'zod';
import { idSchema as id } from '../line/line-settings.ts';

const registerWh = z.number().min(0).max(999_999_990);

const every = {
  meterId: id,
  lineId: id,
  /** The pile in whose supply the meter sits, or the node of the site's network that it measures. */
  measures: id,
  initialRegisterWh: registerWh,
  /** What it has counted the other way before. */
  initialExportWh: registerWh.default(0),
};

const unit = z.int().min(1).max(247);

/** What a station file says about one external meter. */
export const meterSchema = z.discriminatedUnion('model', [
  z.strictObject({
    model: z.literal('eastron-sdm630'),
    ...every,
    unit,
    serialNumber: z.int().min(0).max(0xffff_ffff).default(20_614_005),
  }),
  z.strictObject({ model: z.literal('chint-dtsu666'), ...every, unit }),
  z.strictObject({
    model: z.literal('dlt645-2007'),
    ...every,
    address: z.string().regex(/^\d{12}$/, 'twelve digits'),
    /** 0xFE bytes before each reply. */
    preamble: z.int().min(0).max(4).default(4),
    tariffs: z.int().min(4).max(63).default(4),
  }),
]);

export type MeterSettings = z.infer<typeof meterSchema>;
