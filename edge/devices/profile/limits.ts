import { z } from 'zod';

/** EN 50160: 230 V + 10 %. GB/T 12325: 220 V + 7 %, which a site in China may set. */
const HIGHEST_MAINS_MV = 253_000;
/** GB/T 12325: 220 V - 10 %. EN 50160: 230 V - 10 %. */
const LOWEST_MAINS_MV = 198_000;
/** GB/T 18487.1: the largest output voltage of a DC pile. */
const HIGHEST_DC_MV = 1_000_000;
const MOST_AC_MA = 125_000;
const MOST_DC_MA = 600_000;

/**
 * What a DC pile delivers. Limits and currents of the edge are those that a pile takes from each phase of its supply,
 * whatever it makes of them: `wattsPerAmpere` is the output power for 1 A in each of the three phases.
 */
const dcSchema = z.strictObject({
  maxPowerW: z.int().positive().max(2_000_000),
  /** 3 × 230 V × efficiency, not rounded up: 690 W are the most that 1 A can give. */
  wattsPerAmpere: z.int().positive().max(690),
});

export const limitsSchema = z
  .strictObject({
    maxCurrentMa: z.int().positive().max(MOST_DC_MA),
    /** Below this a pile offers nothing. IEC 61851-1: 6 A. */
    minCurrentMa: z.int().min(6000),
    /** A limit is a multiple of this. */
    stepMa: z.int().min(1),
    phases: z.union([z.literal(1), z.literal(3)]),
    /** Null when the pile does not tell a temperature. */
    overTemperatureDc: z.int().positive().nullable(),
    /** Null when the pile does not tell its voltages. */
    overVoltageMv: z.int().positive().nullable(),
    /** Null as well for a DC pile: its output may have any voltage below the highest. */
    underVoltageMv: z.int().positive().nullable(),
    /** Left out for an AC pile. */
    dc: dcSchema.optional(),
  })
  .superRefine((limits, context) => {
    const add = (key: string, message: string) => context.addIssue({ code: 'custom', path: [key], message });
    const { overVoltageMv, underVoltageMv, maxCurrentMa, phases, dc } = limits;
    const highestMv = dc === undefined ? HIGHEST_MAINS_MV : HIGHEST_DC_MV;
    if (overVoltageMv !== null && overVoltageMv > highestMv) add('overVoltageMv', `not above ${highestMv}`);
    if (underVoltageMv !== null && underVoltageMv < LOWEST_MAINS_MV)
      add('underVoltageMv', `not below ${LOWEST_MAINS_MV}`);
    if (dc === undefined && maxCurrentMa > MOST_AC_MA) add('maxCurrentMa', `not above ${MOST_AC_MA} for AC`);
    if (dc !== undefined && phases !== 3) add('phases', 'a DC pile takes three phases');
    if (dc !== undefined && underVoltageMv !== null) add('underVoltageMv', 'null for a DC pile');
  });
export type PileLimits = z.infer<typeof limitsSchema>;

/** The largest phase voltage that is believed: EN 50160, 230 V + 10 %. */
const MAX_PHASE_VOLTAGE_V = HIGHEST_MAINS_MV / 1000;

/** The most that a pile can deliver under a limit in mA, rounded up: more energy than that did not flow. */
export function mostPowerW({ phases, dc }: PileLimits, limitMa: number): number {
  const supplyW = Math.ceil((limitMa / 1000) * phases * MAX_PHASE_VOLTAGE_V);
  return dc === undefined ? supplyW : Math.min(dc.maxPowerW, supplyW);
}
