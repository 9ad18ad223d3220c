/** Where the arm of a ground lock or the boom of a barrier is. `moving` is any place between its ends. */
export const positions = ['up', 'down', 'moving', 'unknown'] as const;
export const bays = ['empty', 'car', 'unknown'] as const;
/** `jammed`: the end was not reached. `damaged`: arm or boom is broken. */
export const alarms = ['none', 'jammed', 'damaged', 'unknown'] as const;

/** One look at a ground lock or barrier. A code that the profile does not know is `unknown`, which is unsafe. */
export interface ParkingReading {
  readonly position: (typeof positions)[number];
  /** The bay above a lock; what is below a barrier's boom. */
  readonly bay: (typeof bays)[number];
  readonly alarm: (typeof alarms)[number];
  /** Null when the device has none, or did not tell. */
  readonly batteryPercent: number | null;
}
