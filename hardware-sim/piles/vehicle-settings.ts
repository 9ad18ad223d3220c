import { z } from 'zod';
import { socOf } from '../world/battery.ts';
import { parkedVehicle, type Vehicle } from '../world/vehicle.ts';

const share = z.number().min(0).max(1);
const chargeCurve = z
  .array(z.strictObject({ soc: share, share }))
  .min(1)
  .refine((points) => points.every(({ soc }, index) => index === 0 || soc > (points[index - 1]?.soc ?? 0)), {
    message: 'points must rise in soc',
  });

/** Wishes for a vehicle; what is left out stays as it is. IEC 61851-1 bounds both reaction times. */
export const vehicleSettingsSchema = z.strictObject({
  plugged: z.boolean().optional(),
  wantsCharge: z.boolean().optional(),
  maxCurrentA: z.number().min(0).max(80).optional(),
  phases: z.union([z.literal(1), z.literal(2), z.literal(3)]).optional(),
  rampAPerS: z.number().positive().max(1000).optional(),
  reactionMs: z.number().min(0).max(5000).optional(),
  stopMs: z.number().min(0).max(3000).optional(),
  startMs: z.number().min(0).max(60_000).optional(),
  capacityWh: z.number().positive().max(1_000_000).optional(),
  soc: z.number().min(0).max(1).optional(),
  /** Share of the maximum by state of charge, for either inlet. */
  chargeCurve: chargeCurve.optional(),
  dcMaxCurrentA: z.number().min(0).max(1000).optional(),
  dcMaxPowerW: z.number().min(0).max(1_000_000).optional(),
});

export type VehicleSettings = z.infer<typeof vehicleSettingsSchema>;

/** A family car on three phases, parked elsewhere. */
export function defaultVehicle(): Vehicle {
  return parkedVehicle({
    wantsCharge: true,
    maxCurrentA: 16,
    phases: 3,
    rampAPerS: 8,
    reactionMs: 1500,
    stopMs: 1000,
    startMs: 500,
    battery: { capacityWh: 60_000, storedWh: 24_000 },
    chargeCurve: undefined,
    dcMaxCurrentA: 250,
    dcMaxPowerW: 100_000,
  });
}

/** `vehicle` with `settings` applied; a new capacity keeps the state of charge unless `soc` is given too. */
export function withSettings(vehicle: Vehicle, settings: VehicleSettings): Vehicle {
  const { capacityWh = vehicle.battery.capacityWh, soc = socOf(vehicle.battery) } = settings;
  return {
    ...vehicle,
    plugged: settings.plugged ?? vehicle.plugged,
    wantsCharge: settings.wantsCharge ?? vehicle.wantsCharge,
    maxCurrentA: settings.maxCurrentA ?? vehicle.maxCurrentA,
    phases: settings.phases ?? vehicle.phases,
    rampAPerS: settings.rampAPerS ?? vehicle.rampAPerS,
    reactionMs: settings.reactionMs ?? vehicle.reactionMs,
    stopMs: settings.stopMs ?? vehicle.stopMs,
    startMs: settings.startMs ?? vehicle.startMs,
    chargeCurve: settings.chargeCurve ?? vehicle.chargeCurve,
    dcMaxCurrentA: settings.dcMaxCurrentA ?? vehicle.dcMaxCurrentA,
    dcMaxPowerW: settings.dcMaxPowerW ?? vehicle.dcMaxPowerW,
    battery: { capacityWh, storedWh: capacityWh * soc },
  };
}
