import { type MeterReading, REGISTER_END_WH } from '../meter-core.ts';
import { bcd } from './frame.ts';

/** Energy is told in 0.01 kWh. */
const ENERGY_STEP_WH = 10;
/** The tariff that all charging goes to: 3, flat (平). */
const ACTIVE_TARIFF = 3;
/** How the energy before the process began is split over tariffs 1, 2 and 4; tariff 3 has the rest. */
const EARLIER_SHARES: Readonly<Record<number, number>> = { 1: 0.1, 2: 0.3, 4: 0.2 };

/** What the data of a meter depend on. */
export interface DataSource {
  readonly reading: MeterReading;
  readonly initialRegisterWh: number;
  /** Tariff registers that the meter has, 4..63. */
  readonly tariffs: number;
}

/** The answer to one data identifier: its bytes, low first, or that the meter does not have them. */
export type DataAnswer = { readonly ok: true; readonly bytes: readonly number[] } | { readonly ok: false };

const MISSING = { ok: false } as const;

/**
 * The bytes behind a data identifier such as 0x00010000 (DL/T 645-2007, tables A.1 and A.2). An identifier that is not served is
 * missing. FF in the place of a phase or tariff asks for the whole block.
 */
export function dataOf(identifier: number, source: DataSource): DataAnswer {
  const group = identifier >>> 24;
  if (group === 0x00) return energy(identifier, source);
  return group === 0x02 ? variable(identifier, source.reading) : MISSING;
}

function energy(identifier: number, source: DataSource): DataAnswer {
  const kind = (identifier >>> 16) & 0xff;
  const tariff = (identifier >>> 8) & 0xff;
  if ((identifier & 0xff) !== 0) return MISSING;
  const values = energiesWh(kind, tariff, source);
  if (values === undefined) return MISSING;
  const { missing } = source.reading;
  if (missing === 'error') return MISSING;
  const bytes = values.flatMap((wh) => (missing === 'marker' ? [0xff, 0xff, 0xff, 0xff] : energyBytes(wh)));
  return { ok: true, bytes };
}

/** Kind 0: import and export together; 1: import, total or by tariff; 2: export. */
function energiesWh(kind: number, tariff: number, source: DataSource): readonly number[] | undefined {
  const { importWh, exportWh } = source.reading;
  if (kind === 0 && tariff === 0) return [importWh + exportWh];
  if (kind === 2 && tariff === 0) return [exportWh];
  if (kind !== 1) return undefined;
  if (tariff === 0) return [importWh];
  const byTariff = Array.from({ length: source.tariffs }, (_, index) => tariffWh(index + 1, source));
  if (tariff === 0xff) return [importWh, ...byTariff];
  const one = byTariff[tariff - 1];
  return one === undefined ? undefined : [one];
}

function tariffWh(tariff: number, { reading, initialRegisterWh }: DataSource): number {
  const earlierWh = (of: number): number => wholeSteps((EARLIER_SHARES[of] ?? 0) * initialRegisterWh);
  if (tariff !== ACTIVE_TARIFF) return earlierWh(tariff);
  const others = earlierWh(1) + earlierWh(2) + earlierWh(4);
  return (reading.importWh - others + REGISTER_END_WH) % REGISTER_END_WH;
}

function wholeSteps(wh: number): number {
  return Math.floor(wh / ENERGY_STEP_WH) * ENERGY_STEP_WH;
}

function energyBytes(wh: number): number[] {
  return bcd(Math.round((wh % REGISTER_END_WH) / ENERGY_STEP_WH), 4);
}

/** Voltages 0.1 V, currents 0.001 A, active power 0.0001 kW, frequency 0.01 Hz. */
function variable(identifier: number, reading: MeterReading): DataAnswer {
  if (identifier === 0x02800002) return { ok: true, bytes: bcd(Math.round(reading.frequencyHz * 100), 2) };
  if ((identifier & 0xff) !== 0) return MISSING;
  const { voltageV, currentsA, powerW } = reading;
  const phase = (identifier >>> 8) & 0xff;
  switch ((identifier >>> 16) & 0xff) {
    case 0x01:
      return pick(
        phase,
        1,
        currentsA.map(() => bcd(Math.round(voltageV * 10), 2)),
      );
    case 0x02:
      return pick(
        phase,
        1,
        currentsA.map((ampere) => signed(ampere * 1000)),
      );
    case 0x03:
      return pick(
        phase,
        0,
        [powerW, ...currentsA.map((ampere) => ampere * voltageV)].map((watt) => signed(watt * 10)),
      );
    default:
      return MISSING;
  }
}

function pick(phase: number, first: 0 | 1, values: readonly number[][]): DataAnswer {
  if (phase === 0xff) return { ok: true, bytes: values.flat() };
  const bytes = values[phase - first];
  return bytes === undefined ? MISSING : { ok: true, bytes };
}

/** Three bytes of BCD, negative values with the top bit set. */
function signed(value: number): number[] {
  const [low = 0, middle = 0, high = 0] = bcd(Math.round(Math.abs(value)), 3);
  return [low, middle, value < 0 ? high | 0x80 : high];
}
