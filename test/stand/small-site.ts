import type { StationDocument } from './simulated-station.ts';

export const SITE_ID = 'stand';
const LIMIT_MA = 16_000;
const SUPPLY_LIMIT_MA = 80_000;

/** A site's file as the edge reads it, open to whatever a test adds. */
export type SiteDocument = Readonly<Record<string, unknown>>;

/** A car that does at once what it is told, at full power: energy flows within a second of the start. */
export const quickCar = { rampAPerS: 1000, reactionMs: 100, stopMs: 100, startMs: 100, soc: 0.2 } as const;

/**
 * Three piles: A1 and C1 on one RS-485 bus, B1 behind a socket. C1 is billed by a DL/T 645 meter, which shows 10 Wh
 * steps.
 */
export const smallStation: StationDocument = {
  stationId: 'stand',
  seed: 4711,
  lines: [
    { lineId: 'rtu1', transport: 'serial', baud: 19_200, parity: 'even', stopBits: 1, turnaroundMs: 8 },
    { lineId: 'tcp1', transport: 'tcp', host: '127.0.0.1', port: 0, turnaroundMs: 3 },
    { lineId: 'meters', transport: 'serial', baud: 2400, parity: 'even', stopBits: 1, turnaroundMs: 40 },
  ],
  piles: [
    { ...pile('A1', 'heidelberg-energy-control', 'rtu1', 1), initialRegisterWh: 1_284_309.62 },
    { ...pile('B1', 'keba-p30', 'tcp1', 255), initialRegisterWh: 3_451_207.43 },
    { ...pile('C1', 'heidelberg-energy-control', 'rtu1', 2), initialRegisterWh: 40_123.5 },
  ],
  meters: [
    {
      meterId: 'M-C1',
      model: 'dlt645-2007',
      lineId: 'meters',
      address: '000000000161',
      measures: 'C1',
      initialRegisterWh: 40_990,
    },
  ],
};

function pile<Model>(pileId: string, model: Model, lineId: string, unit: number) {
  return { pileId, model, lineId, unit, vehicle: quickCar };
}

export const connectorOf = (pileId: string): string => `${pileId}-1`;

/** The site of a station: every pile at 16 A, billed by the meter in its supply where there is one. */
export function siteOf(station: StationDocument, lines: StationDocument['lines'], brokerUrl: string): SiteDocument {
  const { piles, meters = [] } = station;
  return {
    siteId: SITE_ID,
    dataDir: 'data',
    supplyLimitMa: SUPPLY_LIMIT_MA,
    cloud: { brokerUrl, shard: 7 },
    lines: lines.map(lineOf),
    piles: piles.map(({ pileId, model, lineId, unit, socket }) => ({
      pileId,
      connectorId: connectorOf(pileId),
      profile: model,
      lineId,
      unit,
      ...(socket === undefined ? {} : { socket }),
      limitMa: LIMIT_MA,
      ...billedBy(pileId, meters),
    })),
    meters: meters.map((meter) => ({
      meterId: meter.meterId,
      profile: meter.model,
      lineId: meter.lineId,
      ...('address' in meter ? { address: meter.address } : { unit: meter.unit }),
    })),
  };
}

function lineOf(line: StationDocument['lines'][number]): object {
  const { lineId, transport } = line;
  switch (transport) {
    case 'serial':
      return { lineId, transport, path: line.path, baud: line.baud, parity: line.parity, stopBits: line.stopBits };
    case 'tcp':
      return { lineId, transport, host: line.host, port: line.port };
    case 'rtu-over-tcp':
      return { lineId, transport, host: line.host, port: line.port, gatewayBaud: line.baud };
  }
}

function billedBy(pileId: string, meters: NonNullable<StationDocument['meters']>): object {
  const meter = meters.find(({ measures }) => measures === pileId);
  return meter === undefined ? {} : { meterId: meter.meterId };
}
