import { z } from 'zod';
import { checkMeter, checkModbus } from './checks.ts';
import { energySchema, modbusShape } from './device-shape.ts';

const shapeSchema = z.strictObject({
  kind: z.literal('modbus-meter'),
  ...modbusShape,
  measures: z.strictObject({
    currents: z.array(z.string()).max(3).default([]),
    voltages: z.array(z.string()).max(3).default([]),
    power: z.string().optional(),
    energy: energySchema,
  }),
});
export type MeterShape = z.infer<typeof shapeSchema>;

/** A Modbus meter model as data. */
export const meterProfileSchema = shapeSchema.superRefine((profile, context) => {
  const add = (path: (string | number)[], message: string) => context.addIssue({ code: 'custom', path, message });
  checkModbus(profile, add);
  checkMeter(profile, add);
});
export type MeterProfile = z.infer<typeof meterProfileSchema>;
