import { measureApi } from './api.ts';
import { drain } from './drain.ts';
import { edge } from './edge.ts';
import { measureIngest } from './ingest.ts';
import { ledger } from './ledger.ts';
import { line } from './line.ts';
import { power } from './power.ts';
import { rating } from './rating.ts';
import { stop } from './stop.ts';

/**
 * Every benchmark by the name it is called with. Each returns its figures, units in the names.
 *
 * @param size how much is to be measured, where a benchmark can be made smaller; its own unit
 */
export const benches: Readonly<Record<string, (size?: number) => Promise<Record<string, number | null>>>> = {
  api: measureApi,
  drain,
  edge,
  ingest: measureIngest,
  ledger,
  line,
  power,
  rating,
  stop,
};
