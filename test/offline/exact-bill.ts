import type { Band, Tariff } from '#shared/tariff/tariff.ts';
import type { ParkedCar } from './parked-car.ts';

// What a charge would cost if everything about it were known exactly: its energy to the W·ms, its time to the
// millisecond. Prices by the hour of Copenhagen, found by the rule of the European Union and not by any zone table.

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
/** W·ms × 1/10,000 unit per kWh, to 1/100 unit. */
const PER_MINOR = 3_600_000 * 100_000;

/** The last Sunday of a month, 01:00Z: when the clocks are changed. */
function clockChangeMs(year: number, month: number): number {
  const last = new Date(Date.UTC(year, month + 1, 0));
  return last.getTime() - last.getUTCDay() * 24 * HOUR_MS + HOUR_MS;
}

/** The minute of the day on the wall in Copenhagen. */
function localMinute(atMs: number): number {
  const year = new Date(atMs).getUTCFullYear();
  const isSummer = atMs >= clockChangeMs(year, 2) && atMs < clockChangeMs(year, 9);
  const localMs = atMs + (isSummer ? 2 : 1) * HOUR_MS;
  return Math.floor(localMs / MINUTE_MS) % 1440;
}

function bandAt({ bands }: Tariff, atMs: number): Band {
  const band = bands.filter(({ startMinute }) => startMinute <= localMinute(atMs)).at(-1);
  if (band === undefined) throw new RangeError('a day begins with a band');
  return band;
}

/** Every instant after the first and before the second at which the price changes: it does so at a full minute. */
function changesBetween(tariff: Tariff, fromMs: number, toMs: number): number[] {
  const changes: number[] = [];
  for (let atMs = (Math.floor(fromMs / MINUTE_MS) + 1) * MINUTE_MS; atMs < toMs; atMs += MINUTE_MS)
    if (bandAt(tariff, atMs).startMinute !== bandAt(tariff, atMs - 1).startMinute) changes.push(atMs);
  return changes;
}

export interface ExactBill {
  readonly totalMinor: number;
  readonly lines: number;
}

/** Each fee of each period is rounded half up once, as the bill is. */
export function exactBill(tariff: Tariff, car: ParkedCar, fromMs: number, toMs: number): ExactBill {
  const edges = [fromMs, ...changesBetween(tariff, fromMs, toMs), toMs];
  const amounts = edges.slice(1).flatMap((edgeMs, i) => {
    const sinceMs = edges[i] ?? fromMs;
    const { electricityPriceE4, servicePriceE4 } = bandAt(tariff, sinceMs);
    const energyWms = Number(car.energyWmsAt(edgeMs) - car.energyWmsAt(sinceMs));
    return [electricityPriceE4, servicePriceE4].map((priceE4) => Math.round((energyWms * priceE4) / PER_MINOR));
  });
  return { totalMinor: amounts.reduce((sum, amount) => sum + amount, 0), lines: amounts.length };
}

/**
 * How far a bill can be off when the clock is, by so much: at each change of the price, what is drawn meanwhile is billed at
 * the price of the other side. A change that truly lies just outside of the charge counts as well.
 */
export function misplacedMinor(
  tariff: Tariff,
  car: ParkedCar,
  { fromMs, toMs, errorMs }: { fromMs: number; toMs: number; errorMs: number },
): number {
  const changes = changesBetween(tariff, fromMs - errorMs, toMs + errorMs);
  return changes.reduce((sum, atMs) => {
    const stepE4 = Math.abs(priceE4At(tariff, atMs) - priceE4At(tariff, atMs - 1));
    const around = [
      car.energyWmsAt(atMs) - car.energyWmsAt(atMs - errorMs),
      car.energyWmsAt(atMs + errorMs) - car.energyWmsAt(atMs),
    ];
    const energyWms = Math.max(...around.map(Number));
    return sum + (energyWms * stepE4) / PER_MINOR;
  }, 0);
}

function priceE4At(tariff: Tariff, atMs: number): number {
  const { electricityPriceE4, servicePriceE4 } = bandAt(tariff, atMs);
  return electricityPriceE4 + servicePriceE4;
}
