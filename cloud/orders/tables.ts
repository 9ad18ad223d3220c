import type { Generated } from 'kysely';

/** A moment of a charge that its site told without a clock to be trusted. */
export interface UnconfirmedTimesTable {
  order_id: string;
  moment: 'started' | 'ended';
  site_id: string;
  boot_id: string;
  mono_ms: number;
  clock: 'none' | 'doubtful';
}

/** What a site has found out since of the clock of one of its boots. */
export interface ClockCorrectionsTable {
  clock_correction_id: Generated<number>;
  site_id: string;
  boot_id: string;
  offset_ms: number;
  correction_ms: number;
  quality: 'doubtful' | 'trusted';
  received_at_ms: number;
}
