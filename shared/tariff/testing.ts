import type { MeterReading } from './rate.ts';
import type { Band, Tariff } from './tariff.ts';

export const band = (name: string, startMinute: number, electricityPriceE4: number, servicePriceE4 = 0): Band => ({
  name,
  startMinute,
  electricityPriceE4,
  servicePriceE4,
});

/** A tariff with one flat band, unless told otherwise. */
export const tariffOf = (bands: Band[], timezone = 'Asia/Shanghai'): Tariff => ({
  tariffId: 'T1',
  version: 1,
  currency: 'CNY',
  timezone,
  bands,
});

export const reading = (at: string | number, registerWh: number): MeterReading => ({
  atMs: typeof at === 'number' ? at : Date.parse(at),
  registerWh,
  quality: 'measured',
});
