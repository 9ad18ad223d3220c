import { z } from 'zod';
import { conditionSchema } from './condition.ts';

const whenSchema = z.array(conditionSchema).min(1);

/** What is known of firmware versions, by points that are read at set-up. The first entry that holds counts. */
export const firmwareSchema = z
  .strictObject({
    /** With these no charge starts. */
    refused: z.array(z.strictObject({ when: whenSchema, reason: z.string().min(1) })).default([]),
    /** With these no more than `limitMa` is offered. */
    restricted: z
      .array(z.strictObject({ when: whenSchema, limitMa: z.int().min(6000), reason: z.string().min(1) }))
      .default([]),
  })
  .prefault({});
export type FirmwareFacts = z.infer<typeof firmwareSchema>;
