import { ledger } from './ledger.ts';
import { line } from './line.ts';
import { rating } from './rating.ts';

/** Every benchmark by the name it is called with. Each returns its figures, units in the names. */
export const benches: Readonly<Record<string, () => Promise<Record<string, number | null>>>> = { ledger, line, rating };
