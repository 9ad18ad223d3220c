import { z } from 'zod';

const MINUTES_PER_DAY = 1440;

/** Price in 1/10,000 of the currency unit per kWh. */
const priceE4Schema = z.int().min(0).max(1_000_000);

/** From `startMinute` of the local day until the next band begins; the first band begins at 0, so a day has no gaps. */
export const bandSchema = z.strictObject({
  name: z.string().min(1).max(32),
  startMinute: z
    .int()
    .min(0)
    .max(MINUTES_PER_DAY - 1),
  electricityPriceE4: priceE4Schema,
  servicePriceE4: priceE4Schema,
});
export type Band = z.infer<typeof bandSchema>;

function isKnownZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}

/** One immutable version of a tariff. A charge keeps the version it was started under. */
export const tariffSchema = z
  .strictObject({
    tariffId: z.string().min(1).max(64),
    version: z.int().positive(),
    currency: z.string().regex(/^[A-Z]{3}$/, 'an ISO 4217 code such as CNY'),
    timezone: z.string().refine(isKnownZone, 'an IANA time zone such as Asia/Shanghai'),
    bands: z.array(bandSchema).min(1).max(48),
  })
  .superRefine((tariff, context) => {
    tariff.bands.forEach((band, index) => {
      const before = tariff.bands[index - 1];
      if (index === 0 && band.startMinute !== 0) {
        context.addIssue({ code: 'custom', path: ['bands', 0, 'startMinute'], message: 'the first band begins at 0' });
      }
      if (before !== undefined && band.startMinute <= before.startMinute) {
        context.addIssue({
          code: 'custom',
          path: ['bands', index, 'startMinute'],
          message: `later than ${before.startMinute}, where the band before begins`,
        });
      }
    });
  });
export type Tariff = z.infer<typeof tariffSchema>;
