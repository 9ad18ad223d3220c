import type { Down } from '../ingest/down.ts';

const nothing = () => Promise.resolve();

/** Says nothing to any site, but what a test listens to. */
export const silentDown = (heard: Partial<Down> = {}): Down => ({
  welcome: nothing,
  hold: nothing,
  beat: nothing,
  diagnose: nothing,
  ack: nothing,
  command: nothing,
  cancel: nothing,
  document: nothing,
  credential: nothing,
  nack: nothing,
  ...heard,
});
