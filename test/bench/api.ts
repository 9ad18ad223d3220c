import { measureDeliveries } from './api-deliveries.ts';
import { measureRegister } from './api-register.ts';
import { measureStarts } from './api-starts.ts';

const SECONDS = 30;
const REGISTER_STARTS = 240;
const DELIVERIES_EACH = 60;

/**
 * What partners feel: how long a start takes to be accepted while many are asked for, how long until the pile is told, and how fast
 * webhooks go out.
 *
 * @param seconds for how long starts are asked for; the other two parts shrink and grow with it
 */
export async function measureApi(seconds = SECONDS): Promise<Record<string, number | null>> {
  const share = Math.min(1, seconds / SECONDS);
  return {
    ...(await measureStarts(seconds)),
    ...(await measureRegister(Math.ceil(REGISTER_STARTS * share))),
    ...(await measureDeliveries(Math.ceil(DELIVERIES_EACH * share))),
  };
}
