/** Everything a partner can be told of. */
export const eventTypes = [
  'charge.started',
  'charge.start_failed',
  'charge.ended',
  'occupancy.ended',
  'webhook.test',
] as const;
export type EventType = (typeof eventTypes)[number];
