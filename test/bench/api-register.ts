import { randomUUID } from 'node:crypto';
import { type AddressInfo, createServer, connect as openSocket, type Server } from 'node:net';
import type { StationDocument } from '../stand/simulated-station.ts';
import { connectorOf, quickCar } from '../stand/small-site.ts';
import { openBlock } from '../torture/api/block.ts';
import { percentile, round } from './measure.ts';

const PILES = 8;
const WITHIN_MS = 30_000;
const PAUSE_MS = 50;

/** Write Single Register of Modbus, as the fourth part of the Modbus Application Protocol header ends (MBAP: 7 bytes). */
const FUNCTION_AT = 7;
const WRITE_SINGLE = 6;
/** KEBA P30, `enable`: 1 lets the vehicle charge. It is the last of the three registers of a start. */
const ENABLE = 5014;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const pileIds = Array.from({ length: PILES }, (_, i) => `P${i + 1}`);

const document: StationDocument = {
  stationId: 'bench',
  seed: 4711,
  lines: pileIds.map((pileId) => ({
    lineId: `tcp-${pileId}`,
    transport: 'tcp',
    host: '127.0.0.1',
    port: 0,
    turnaroundMs: 3,
  })),
  piles: pileIds.map((pileId) => ({
    pileId,
    model: 'keba-p30',
    lineId: `tcp-${pileId}`,
    unit: 255,
    vehicle: quickCar,
    initialRegisterWh: 1_000_000,
  })),
};

/**
 * From the moment at which a partner sends a start until its last register is written at the pile's door: the real edge, simulated piles on
 * Modbus TCP, a cloud of one process for each role, PostgreSQL and Mosquitto. One start at a time; meanwhile the other piles lose their
 * vehicles and get the next ones.
 *
 * @param starts how many at least
 */
export async function measureRegister(starts: number): Promise<Record<string, number>> {
  const doors = new Map<string, Door>();
  const block = await openBlock({
    document,
    reach: async (lines) =>
      await Promise.all(
        lines.map(async (line) => {
          if (line.transport !== 'tcp') return line;
          const door = await Door.before(line.port);
          doors.set(line.lineId, door);
          return { ...line, port: door.port };
        }),
      ),
  });
  try {
    const [client] = block.clientsOf(await block.createPartner('bench'));
    if (client === undefined) throw new TypeError('there is no API');
    const untilIs = async (pileId: string, status: string): Promise<void> => {
      const untilMs = performance.now() + WITHIN_MS;
      const path = `/v1/connectors/${connectorOf(pileId)}`;
      while ((await client.get(path)).body.status !== status) {
        if (performance.now() > untilMs) throw new Error(`${pileId} is not ${status}`);
        await pause(PAUSE_MS);
      }
    };
    const start = async (pileId: string): Promise<number> => {
      const door = doors.get(`tcp-${pileId}`);
      if (door === undefined) throw new TypeError(`no way to ${pileId}`);
      const enabled = door.nextEnable();
      const fromMs = performance.now();
      const reply = await client.post('/v1/operations/start', {
        request_id: randomUUID(),
        connector_id: connectorOf(pileId),
      });
      if (reply.status !== 202) throw new Error(`${reply.status} ${reply.body.code}`);
      return (await enabled) - fromMs;
    };
    let before: Promise<unknown> = Promise.resolve();
    const inTurn = (pileId: string): Promise<number> => {
      const own = before.then(() => start(pileId));
      before = own.catch(() => undefined);
      return own;
    };
    const tookMs: number[] = [];
    const charge = async (pileId: string): Promise<number> => {
      await block.station.vehicle(pileId, { plugged: true, wantsCharge: true, soc: 0.2 });
      await untilIs(pileId, 'plugged');
      // Not always at the same moment of its polls.
      await pause(Math.random() * 1000);
      const startedMs = await inTurn(pileId);
      await untilIs(pileId, 'charging');
      await block.station.vehicle(pileId, { plugged: false });
      await untilIs(pileId, 'available');
      return startedMs;
    };
    await Promise.all(
      pileIds.map(async (pileId) => {
        // The first one runs code that has not run before.
        await charge(pileId);
        for (let i = 0; i < starts / PILES; i += 1) tookMs.push(await charge(pileId));
      }),
    );
    return {
      start_to_register_p50_ms: round(percentile(tookMs, 0.5), 1),
      start_to_register_p99_ms: round(percentile(tookMs, 0.99), 1),
      start_to_register_samples: tookMs.length,
    };
  } finally {
    await block.close();
    for (const door of doors.values()) door.close();
  }
}

/** Stands before a pile's socket and sees what is written there. */
class Door {
  readonly port: number;
  readonly #server: Server;
  #onEnable: (atMs: number) => void = () => {};

  private constructor(server: Server) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
  }

  static async before(port: number): Promise<Door> {
    const server = createServer((edge) => {
      const pile = openSocket(port, '127.0.0.1');
      edge.setNoDelay(true);
      pile.setNoDelay(true);
      edge.on('data', (bytes) => {
        if (isEnable(bytes)) door.#onEnable(performance.now());
        pile.write(bytes);
      });
      pile.pipe(edge);
      for (const [one, other] of [
        [edge, pile],
        [pile, edge],
      ] as const) {
        one.on('close', () => other.destroy());
        one.on('error', () => other.destroy());
      }
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const door = new Door(server);
    return door;
  }

  /** When the pile is next told that it may charge. @throws Error when it is not told in time */
  nextEnable(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#onEnable = resolve;
      setTimeout(() => reject(new Error('the pile was not told to charge')), WITHIN_MS).unref();
    });
  }

  close(): void {
    this.#server.close();
  }
}

/** One question at a time is on its way, so a frame comes by itself. */
const isEnable = (bytes: Buffer): boolean =>
  bytes.length >= FUNCTION_AT + 5 &&
  bytes[FUNCTION_AT] === WRITE_SINGLE &&
  bytes.readUInt16BE(FUNCTION_AT + 1) === ENABLE &&
  bytes.readUInt16BE(FUNCTION_AT + 3) === 1;
