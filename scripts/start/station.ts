import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Child, startChild } from './child.ts';
import type { PartnerKey } from './partner-client.ts';
import { SimulatorClient } from './simulator-client.ts';
import { StaffClient } from './staff-client.ts';

export interface SimulatorReady {
  readonly controlUrl: string;
  /** Where each line of the station file is reached. */
  readonly lines: readonly (
    | { readonly lineId: string; readonly transport: 'serial'; readonly path: string }
    | {
        readonly lineId: string;
        readonly transport: 'tcp' | 'rtu-over-tcp';
        readonly host: string;
        readonly port: number;
      }
  )[];
}

/** The part of a simulator's station file that the site has to know as well: what was installed where. */
interface InstalledStation {
  readonly lines: readonly {
    readonly lineId: string;
    readonly baud: number;
    readonly parity: string;
    readonly stopBits: number;
  }[];
  readonly piles: readonly {
    readonly pileId: string;
    readonly model: string;
    readonly lineId: string;
    readonly unit: number;
  }[];
  readonly meters: readonly {
    readonly meterId: string;
    readonly model: string;
    readonly lineId: string;
    readonly address: string;
    readonly measures: string;
  }[];
  readonly locks: readonly {
    readonly lockId: string;
    readonly model: string;
    readonly lineId: string;
    readonly address: number;
    readonly pileId: string;
  }[];
}

const STATION_FILE = join(import.meta.dirname, '../../hardware-sim/stations/demo.json');
const installed: InstalledStation = JSON.parse(readFileSync(STATION_FILE, 'utf8'));

export interface CloudReady {
  readonly httpUrl: string;
  readonly brokerUrl: string;
  readonly metricsUrl: string;
}

export interface StationOptions {
  /** Everything is kept below this folder. */
  readonly folder: string;
  readonly httpPort: number;
  readonly mqttPort: number;
  /** The one address beside public ones that webhooks may go to. */
  readonly webhookHostPort: string;
  readonly cloudEnv?: Readonly<Record<string, string>>;
  readonly logLevel?: string;
  /** With it the site proves itself by a certificate; without it, by a password of its own. */
  readonly authorityFile?: string;
  /** With a bench a partner can make faults on purpose; the site reaches the broker through it. */
  readonly hasRig?: boolean;
}

export interface Station {
  readonly folder: string;
  readonly cloud: Child<CloudReady>;
  readonly edge: Child<unknown>;
  readonly simulator: Child<SimulatorReady>;
  readonly truth: SimulatorClient;
  readonly staff: StaffClient;
  readonly key: PartnerKey;
  readonly siteFile: string;
  /** Starts the cloud again with the ports and the data that it had. */
  restartCloud(): Promise<Child<CloudReady>>;
  restartEdge(): Promise<Child<unknown>>;
  stop(): Promise<void>;
}

export const SITE_ID = 'demo';
const LIMIT_MA = 16_000;
const SUPPLY_LIMIT_MA = 80_000;

/** Peak and valley, as a Chinese city prices them: 1/10,000 CNY per kWh. */
export const DEMO_TARIFF = {
  tariffId: 'demo-time-of-use',
  version: 1,
  currency: 'CNY',
  timezone: 'Asia/Shanghai',
  bands: [
    { name: 'valley', startMinute: 0, electricityPriceE4: 3800, servicePriceE4: 4500 },
    { name: 'flat', startMinute: 480, electricityPriceE4: 7200, servicePriceE4: 4500 },
    { name: 'peak', startMinute: 1080, electricityPriceE4: 11_500, servicePriceE4: 4500 },
    { name: 'late', startMinute: 1320, electricityPriceE4: 7200, servicePriceE4: 4500 },
  ],
};

/**
 * Brings a whole station up as a user would: simulator, cloud and edge as processes of their own, joined only by
 * their public doors.
 */
export async function startStation(options: StationOptions): Promise<Station> {
  const log = (name: string) => join(options.folder, 'logs', `${name}.log`);
  const started: { stop(): Promise<void> }[] = [];
  const stop = async () => {
    // Last in, first out: the edge says goodbye while there is still a broker.
    for (const child of started.splice(0).reverse()) await child.stop();
  };
  const keep = <Kept extends { stop(): Promise<void> }>(child: Kept): Kept => {
    started.push(child);
    return child;
  };
  try {
    const simulator = keep(
      await startChild<SimulatorReady>({
        name: 'hardware-sim',
        program: 'hardware-sim/main.ts',
        args: ['--station', STATION_FILE],
        logFile: log('hardware-sim'),
      }),
    );
    const rig = options.hasRig === true ? keep(await startRig(options.folder, simulator.ready.controlUrl)) : null;
    const cloudDir = join(options.folder, 'cloud');
    const startCloud = (httpPort: number, mqttPort: number) =>
      startChild<CloudReady>({
        name: 'cloud',
        program: 'cloud/main.ts',
        env: {
          PILEGATE_DATA_DIR: cloudDir,
          PILEGATE_HTTP_PORT: String(httpPort),
          PILEGATE_MQTT_PORT: String(mqttPort),
          PILEGATE_METRICS_PORT: '0',
          PILEGATE_WEBHOOK_DEV_ALLOW: options.webhookHostPort,
          PILEGATE_LOG_LEVEL: options.logLevel ?? 'info',
          ...(rig === null ? {} : { PILEGATE_SANDBOX_RIGS: `${SITE_ID}=${rig.ready.url}` }),
          ...options.cloudEnv,
        },
        logFile: log('cloud'),
      });
    const firstCloud = keep(await startCloud(options.httpPort, options.mqttPort));
    const { httpUrl, brokerUrl } = firstCloud.ready;
    const staff = new StaffClient(httpUrl, cloudDir);
    const site = await staff.createSite(siteDocument());
    await staff.publishTariff([SITE_ID], DEMO_TARIFF);
    const key = await staff.createPartner('demo-partner', 'Demo Partner');
    const siteFile = writeSiteFile(options.folder, simulator.ready, {
      httpUrl,
      brokerUrl: rig === null ? brokerUrl : await throughUplink(rig.ready, brokerUrl),
      authorityFile: options.authorityFile,
      ...site,
    });
    const startEdge = () =>
      startChild<unknown>({
        name: 'edge',
        program: 'edge/main.ts',
        args: ['--site', siteFile, '--log-level', options.logLevel ?? 'info', '--metrics', '0'],
        logFile: log('edge'),
      });
    const firstEdge = keep(await startEdge());
    const station = {
      folder: options.folder,
      cloud: firstCloud,
      edge: firstEdge,
      simulator,
      truth: new SimulatorClient(simulator.ready.controlUrl),
      staff,
      key,
      siteFile,
      stop,
      async restartCloud() {
        station.cloud = keep(await startCloud(Number(new URL(httpUrl).port), Number(new URL(brokerUrl).port)));
        return station.cloud;
      },
      async restartEdge() {
        station.edge = keep(await startEdge());
        return station.edge;
      },
    };
    return station;
  } catch (error) {
    await stop();
    throw error;
  }
}

interface RigReady {
  readonly url: string;
  readonly uplinkPort: number;
}

const startRig = (folder: string, controlUrl: string): Promise<Child<RigReady>> =>
  startChild<RigReady>({
    name: 'rig',
    program: 'scripts/rig/main.ts',
    args: ['--simulator', controlUrl, '--data', join(folder, 'edge', 'data')],
    logFile: join(folder, 'logs', 'rig.log'),
  });

/** The same address, by way of the router that the bench can cut off. */
async function throughUplink({ url, uplinkPort }: RigReady, brokerUrl: string): Promise<string> {
  const broker = new URL(brokerUrl);
  const target = { host: broker.hostname, port: Number(broker.port) };
  const reply = await fetch(`${url}/uplink`, { method: 'PUT', body: JSON.stringify(target) });
  if (!reply.ok) throw new Error(`the bench takes no uplink: ${reply.status} ${await reply.text()}`);
  broker.port = String(uplinkPort);
  return broker.href;
}

const connectorOf = (pileId: string) => `DEMO-${pileId}`;

function siteDocument(): object {
  return {
    site_id: SITE_ID,
    name: 'Demo station',
    environment: 'sandbox',
    timezone: DEMO_TARIFF.timezone,
    connectors: installed.piles.map(({ pileId, model }) => ({
      connector_id: connectorOf(pileId),
      pile_id: pileId,
      model,
      max_power_w: 11_000,
    })),
  };
}

function writeSiteFile(
  folder: string,
  simulator: SimulatorReady,
  site: {
    httpUrl: string;
    brokerUrl: string;
    authorityFile: string | undefined;
    shard: number;
    claim_code: string;
  },
): string {
  const edgeDir = join(folder, 'edge');
  const identityDir = join(edgeDir, 'data', 'identity');
  mkdirSync(identityDir, { recursive: true });
  writeFileSync(join(identityDir, 'claim'), site.claim_code, { mode: 0o600 });
  const document = {
    siteId: SITE_ID,
    dataDir: 'data',
    supplyLimitMa: SUPPLY_LIMIT_MA,
    cloud: {
      brokerUrl: site.brokerUrl,
      shard: site.shard,
      identity: { kind: site.authorityFile === undefined ? 'password' : 'certificate', claimUrl: site.httpUrl },
      ...(site.authorityFile === undefined ? {} : { authorityFile: site.authorityFile }),
    },
    lines: simulator.lines.map((line) => ({ ...line, ...serialSettingsOf(line) })),
    piles: installed.piles.map(({ pileId, model, lineId, unit }) => ({
      pileId,
      connectorId: connectorOf(pileId),
      profile: model,
      lineId,
      unit,
      limitMa: LIMIT_MA,
      ...meterOf(pileId),
    })),
    meters: installed.meters.map(({ meterId, model, lineId, address }) => ({
      meterId,
      profile: model,
      lineId,
      address,
    })),
    parking: installed.locks.map(({ lockId, model, lineId, address, pileId }) => ({
      deviceId: lockId,
      profile: model,
      lineId,
      address,
      connectorId: connectorOf(pileId),
    })),
  };
  const siteFile = join(edgeDir, 'site.json');
  writeFileSync(siteFile, `${JSON.stringify(document, null, 2)}\n`);
  return siteFile;
}

/** A serial line has settings, and so has the serial side of a gateway. */
function serialSettingsOf({ lineId, transport }: SimulatorReady['lines'][number]): object {
  const line = installed.lines.find((candidate) => candidate.lineId === lineId);
  if (transport === 'serial') return { baud: line?.baud, parity: line?.parity, stopBits: line?.stopBits };
  return transport === 'rtu-over-tcp' ? { gatewayBaud: line?.baud } : {};
}

/** Where a separate meter sits in a pile's supply, it is what bills. */
function meterOf(pileId: string): object {
  const meter = installed.meters.find(({ measures }) => measures === pileId);
  return meter === undefined ? {} : { meterId: meter.meterId };
}
