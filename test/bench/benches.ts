import { ledger } from './ledger.ts';
import { rating } from './rating.ts';

/** Every benchmark by the name it is called with. Each returns its figures, units in the names. */
export const benches: Readonly<Record<string, () => Promise<Record<string, number>>>> = { ledger, rating };
