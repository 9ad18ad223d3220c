import type { MonoClock, Scheduler } from '../world/clock.ts';
import type { IdleNoise } from './slave.ts';

/** Writes bursts of noise while a line is idle and its fault is on. Returns the function that ends it. */
export function startIdleNoise(
  noise: IdleNoise,
  isIdle: () => boolean,
  write: (bytes: Uint8Array) => void,
  clock: MonoClock,
  scheduler: Pick<Scheduler, 'at'>,
): () => void {
  let cancelBurst: (() => void) | undefined;

  const burst = (): void => {
    cancelBurst = undefined;
    const bytes = isIdle() ? noise.strike() : undefined;
    if (bytes !== undefined) write(bytes);
    plan();
  };

  const plan = (): void => {
    if (cancelBurst !== undefined) return;
    const inMs = noise.nextInMs();
    if (inMs !== undefined) cancelBurst = scheduler.at(clock.monoMs() + inMs, burst);
  };

  const endWatch = noise.watch(plan);
  plan();
  return () => {
    endWatch();
    cancelBurst?.();
  };
}
