import { z } from 'zod';

/** Modbus over serial line V1.02, 2.2: 0 is broadcast, 248 to 255 are reserved; Modbus TCP uses 255 for "the device itself". */
export const unitSchema = z
  .int()
  .min(1)
  .max(255)
  .refine((unit) => unit <= 247 || unit === 255, '1 to 247, or 255');
