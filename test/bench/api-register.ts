import { randomUUID } from 'node:crypto';
import { type AddressInfo, createServer, connect as openSocket, type Server } from 'node:net';
import type { StationDocument } from '../stand/simulated-station.ts';
import { connectorOf, quickCar } from '../stand/small-site.ts';
import { openBlock } from '../torture/api/block.ts';
import { percentile, round } from './measure.ts';

/** Nothing is shared out: what is measured is the way to the pile. */
const SUPPLY_LIMIT_MA = 400_000;
const WITHIN_MS = 30_000;
/** Seldom: whoever looks takes the processor from what is measured. */
const LOOK_EVERY_MS = 250;
/** Of each pile: code that has run a few times is not yet as fast as it gets. */
const WARM_UP_CHARGES = 4;

/** Function code and address of the last register that a start writes, which lets the vehicle charge at 1. */
interface LastWrite {
  readonly functionCode: number;
  readonly address: number;
}
interface MeasuredModel extends LastWrite {
  /** What the names of its piles begin with. */
  readonly prefix: string;
}
const MODELS = {
  /** Phoenix Contact CHARX SEC: read in blocks. `enable` of its first socket by Write Multiple Registers. */
  'phoenix-charx-sec': { prefix: 'C', functionCode: 16, address: 1300 },
  /** KEBA P30: each value is read by itself. `enable` by Write Single Register. */
  'keba-p30': { prefix: 'K', functionCode: 6, address: 5014 },
} as const satisfies Record<string, MeasuredModel>;
type Model = keyof typeof MODELS;
const PILES_OF_A_MODEL = 6;

const piles = (Object.keys(MODELS) as Model[]).flatMap((model) =>
  Array.from({ length: PILES_OF_A_MODEL }, (_, i) => ({ pileId: `${MODELS[model].prefix}${i + 1}`, model })),
);
type Pile = (typeof piles)[number];

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

const document: StationDocument = {
  stationId: 'bench',
  seed: 4711,
  lines: piles.map(({ pileId }) => ({
    lineId: `tcp-${pileId}`,
    transport: 'tcp',
    host: '127.0.0.1',
    port: 0,
    turnaroundMs: 3,
  })),
  piles: piles.map(({ pileId, model }) => ({
    pileId,
    model,
    lineId: `tcp-${pileId}`,
    unit: 255,
    ...(model === 'phoenix-charx-sec' && { socket: 1 }),
    vehicle: quickCar,
    initialRegisterWh: 1_000_000,
  })),
};

/**
 * From the moment at which a partner sends a start until its last register is written at the pile's door: the real edge, simulated piles on
 * Modbus TCP, a cloud of one process for each role, PostgreSQL and Mosquitto. One start at a time; meanwhile the other piles lose their
 * vehicles and get the next ones. Before it writes, the edge looks at the pile once more.
 *
 * @param starts how many at least
 */
export async function measureRegister(starts: number): Promise<Record<string, number>> {
  const doors = new Map<string, Door>();
  const block = await openBlock({
    document,
    supplyLimitMa: SUPPLY_LIMIT_MA,
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
        await pause(LOOK_EVERY_MS);
      }
    };
    const start = async ({ pileId, model }: Pile): Promise<number> => {
      const door = doors.get(`tcp-${pileId}`);
      if (door === undefined) throw new TypeError(`no way to ${pileId}`);
      const enabled = door.nextEnable(MODELS[model]);
      const fromMs = performance.now();
      const reply = await client.post('/v1/operations/start', {
        request_id: randomUUID(),
        connector_id: connectorOf(pileId),
      });
      if (reply.status !== 202) throw new Error(`${reply.status} ${reply.body.code}`);
      return (await enabled) - fromMs;
    };
    let before: Promise<unknown> = Promise.resolve();
    const inTurn = (pile: Pile): Promise<number> => {
      const own = before.then(() => start(pile));
      before = own.catch(() => undefined);
      return own;
    };
    const tookMs: Record<Model, number[]> = { 'phoenix-charx-sec': [], 'keba-p30': [] };
    const charge = async (pile: Pile): Promise<number> => {
      const { pileId } = pile;
      await block.station.vehicle(pileId, { plugged: true, wantsCharge: true, soc: 0.2 });
      await untilIs(pileId, 'plugged');
      // Not always at the same moment of its polls.
      await pause(Math.random() * 1000);
      const startedMs = await inTurn(pile);
      await untilIs(pileId, 'charging');
      await block.station.vehicle(pileId, { plugged: false });
      await untilIs(pileId, 'available');
      return startedMs;
    };
    await Promise.all(
      piles.map(async (pile) => {
        for (let i = 0; i < WARM_UP_CHARGES; i += 1) await charge(pile);
        for (let i = 0; i < starts / piles.length; i += 1) tookMs[pile.model].push(await charge(pile));
      }),
    );
    const blocks = tookMs['phoenix-charx-sec'];
    const singly = tookMs['keba-p30'];
    return {
      start_to_register_p50_ms: round(percentile(blocks, 0.5), 1),
      start_to_register_p99_ms: round(percentile(blocks, 0.99), 1),
      start_to_register_singly_p50_ms: round(percentile(singly, 0.5), 1),
      start_to_register_singly_p99_ms: round(percentile(singly, 0.99), 1),
      start_to_register_samples: blocks.length + singly.length,
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
  #awaited: LastWrite | null = null;
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
        if (door.#awaited !== null && isEnable(bytes, door.#awaited)) door.#onEnable(performance.now());
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
  nextEnable(write: LastWrite): Promise<number> {
    this.#awaited = write;
    return new Promise((resolve, reject) => {
      this.#onEnable = resolve;
      setTimeout(() => reject(new Error('the pile was not told to charge')), WITHIN_MS).unref();
    });
  }

  close(): void {
    this.#server.close();
  }
}

/** Behind the seven bytes of the Modbus Application Protocol header (MBAP): function code, address, and what is written there. */
const FUNCTION_AT = 7;
const WRITE_MULTIPLE = 16;

/** One question at a time is on its way, so a frame comes by itself. */
function isEnable(bytes: Buffer, { functionCode, address }: LastWrite): boolean {
  // Write Multiple Registers tells first how many they are, and how many bytes.
  const valueAt = FUNCTION_AT + (functionCode === WRITE_MULTIPLE ? 6 : 3);
  return (
    bytes.length >= valueAt + 2 &&
    bytes[FUNCTION_AT] === functionCode &&
    bytes.readUInt16BE(FUNCTION_AT + 1) === address &&
    bytes.readUInt16BE(valueAt) === 1
  );
}
