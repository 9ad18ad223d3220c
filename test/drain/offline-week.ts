import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { openDatabase } from '../../edge/ledger/open-database.ts';
import type { Sample } from '../../edge/samples/sampler.ts';
import { openSamples } from '../../edge/samples/samples-file.ts';
import { SamplesStore } from '../../edge/samples/samples-store.ts';
import { beginStream, endStream } from '../../edge/samples/samples-stream.ts';
import { seededRandom } from '../../hardware-sim/faults/random.ts';
import type { Stamp } from '../../shared/stamp.ts';
import { rate } from '../../shared/tariff/rate.ts';
import type { Tariff } from '../../shared/tariff/tariff.ts';
import type { Cdr } from '../../shared/wire/cdr.ts';
import type { RecordBody } from '../../shared/wire/records.ts';

const MIB = 1_048_576;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const SAMPLE_EVERY_MS = 10_000;
const CHARGES_PER_PILE_DAY = 10;
const SAMPLES_A_COMMIT = 20_000;

export interface OfflineTime {
  readonly dataDir: string;
  readonly siteId: string;
  readonly connectorIds: readonly string[];
  readonly tariff: Tariff;
  readonly days: number;
  readonly untilMs: number;
}

/** What a site has to tell after it was alone. */
export interface Backlog {
  /** In the order in which they were written. */
  readonly sessionIds: readonly string[];
  readonly events: number;
  readonly samples: number;
  readonly samplesEpoch: string;
}

/** Fills new stores of a site that was without its cloud for days: charges by card on every pile, and samples all the time. */
export function fillOffline(time: OfflineTime): Backlog {
  const bootId = randomUUID();
  const fromMs = time.untilMs - time.days * DAY_MS;
  const stamp = (wallMs: number): Stamp => ({ wallMs, monoMs: wallMs - fromMs, bootId, clock: 'trusted' });
  const { sessionIds, events } = fillEvents(time, fromMs, stamp);
  return { sessionIds, events, ...fillSamples(time, fromMs, stamp, bootId) };
}

function fillEvents(time: OfflineTime, fromMs: number, stamp: (wallMs: number) => Stamp) {
  const database = openDatabase(join(time.dataDir, 'ledger.db'));
  const insert = database.prepare(`INSERT INTO outbox (kind, session_id, at, body) VALUES (?, ?, ?, ?)`);
  const sessionIds: string[] = [];
  let events = 0;
  const put = (wallMs: number, sessionId: string, body: RecordBody) => {
    insert.run(body.kind, sessionId, JSON.stringify(stamp(wallMs)), JSON.stringify(body));
    events += 1;
  };
  const everyMs = DAY_MS / CHARGES_PER_PILE_DAY;
  database.transaction(() => {
    for (let round = 0; round < time.days * CHARGES_PER_PILE_DAY; round += 1)
      for (const [i, connectorId] of time.connectorIds.entries()) {
        const startMs = fromMs + round * everyMs + i * 1000;
        const cdr = cdrOf(
          time,
          connectorId,
          stamp(startMs),
          stamp(startMs + HOUR_MS),
          5000 + ((round * 37 + i) % 9000),
        );
        sessionIds.push(cdr.sessionId);
        put(startMs, cdr.sessionId, startedOf(cdr));
        put(startMs + HOUR_MS, cdr.sessionId, { kind: 'session.ended', cdr });
      }
  })();
  database.close();
  return { sessionIds, events };
}

const startedOf = (cdr: Cdr): RecordBody => ({
  kind: 'session.started',
  sessionId: cdr.sessionId,
  pileId: cdr.pileId,
  connectorId: cdr.connectorId,
  orderId: null,
  commandId: null,
  ...(cdr.startedBy === undefined ? {} : { startedBy: cdr.startedBy }),
  ...(cdr.tariff === null ? {} : { tariff: { tariffId: cdr.tariff.tariffId, version: cdr.tariff.version } }),
  startedAt: cdr.startedAt,
  meterStartWh: cdr.meterStartWh,
  limitMa: 16_000,
});

function cdrOf({ siteId, tariff }: OfflineTime, connectorId: string, start: Stamp, end: Stamp, energyWh: number): Cdr {
  const readings: Cdr['readings'] = [
    { atMs: start.wallMs, registerWh: 1000, quality: 'measured' },
    { atMs: end.wallMs, registerWh: 1000 + energyWh, quality: 'measured' },
  ];
  return {
    cdrId: randomUUID(),
    sessionId: randomUUID(),
    siteId,
    pileId: connectorId,
    connectorId,
    orderId: null,
    commandId: null,
    startedBy: { kind: 'card', reference: `card-${connectorId}` },
    startedAt: start,
    endedAt: end,
    durationMs: end.wallMs - start.wallMs,
    meterStartWh: 1000,
    meterEndWh: 1000 + energyWh,
    energyWh,
    readings,
    stopReason: 'driver',
    faultCode: null,
    marks: [],
    voidReason: null,
    tariff,
    rating: rate(tariff, readings),
  };
}

function fillSamples(
  { dataDir, connectorIds, days }: OfflineTime,
  fromMs: number,
  stamp: (wallMs: number) => Stamp,
  bootId: string,
): { samples: number; samplesEpoch: string } {
  const database = openSamples(join(dataDir, 'samples.db'), 256 * MIB, fromMs);
  const store = new SamplesStore(database);
  const stream = beginStream(database, randomUUID, bootId);
  const random = seededRandom(7);
  let group: Sample[] = [];
  const flush = () => {
    database.transaction(() => store.append(group, stream.headSeq + 1))();
    stream.headSeq += group.length;
    group = [];
  };
  for (let ms = 0; ms < days * DAY_MS; ms += SAMPLE_EVERY_MS) {
    const at = stamp(fromMs + ms);
    for (const connectorId of connectorIds) group.push(sampleAt(connectorId, at, ms, random));
    if (group.length >= SAMPLES_A_COMMIT) flush();
  }
  flush();
  endStream(database, stream);
  database.close();
  return { samples: stream.headSeq, samplesEpoch: stream.storeEpoch };
}

/** Ten charges a day, of an hour each. */
function sampleAt(connectorId: string, at: Stamp, ms: number, random: () => number): Sample {
  const isCharging = ms % (DAY_MS / CHARGES_PER_PILE_DAY) < HOUR_MS;
  const currentMa = isCharging ? 15_800 + Math.floor(random() * 400) : 0;
  return {
    connectorId,
    at,
    status: isCharging ? 'charging' : 'available',
    registerWh: 5_000_000 + Math.floor(ms / 1000),
    currentMa,
    powerW: Math.floor(currentMa * 0.69),
    temperatureDc: 250 + Math.floor(random() * 5),
    sessionId: null,
  };
}
