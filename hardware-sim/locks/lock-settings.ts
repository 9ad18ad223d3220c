import { z } from 'zod';
import { idSchema as id } from '../line/line-settings.ts';
import { LOCK_MODELS } from './lock-device.ts';

/** What a station file says about one ground lock or barrier. */
export const lockSchema = z.strictObject({
  lockId: id,
  model: z.enum(LOCK_MODELS),
  lineId: id,
  address: z.int().min(1).max(254),
  pileId: id.optional(),
});
