import { mbapLine, type OpenedLine, rtuLine } from '../../edge/bus/open-line.ts';
import { silenceMsAt } from '../../edge/bus/serial-time.ts';
import { ManualTime } from '../../edge/bus/testing.ts';
import type { PileProfile } from '../../edge/devices/profile/pile-profile.ts';
import { openMemoryStationLine } from '../../hardware-sim/line/open-station-line.ts';
import { transmissionMs } from '../../hardware-sim/line/timing.ts';
import type { PileTruth } from '../../hardware-sim/piles/truth.ts';
import type { VehicleSettings } from '../../hardware-sim/piles/vehicle-settings.ts';
import { stationSchema } from '../../hardware-sim/station.ts';
import { createWorld, type StationWorld } from '../../hardware-sim/world.ts';
import { schedulerOn } from '../line/simulated-line.ts';

export type Transport = PileProfile['transports'][number];
type Fault = Parameters<StationWorld['faults']['add']>[1];

export const LINE_ID = 'L';
export const PILE_ID = 'P';
const GATEWAY_BAUD = 9600;

/** How a profile says that its devices are reached. */
interface Reached {
  readonly serial?: PileProfile['serial'];
  readonly timing: PileProfile['timing'];
}

/** A simulated station in simulated time, and the edge's line to it. */
export interface SimulatedSite extends OpenedLine {
  readonly time: ManualTime;
  readonly world: StationWorld;
  /** Lets time pass until the work has ended. */
  during<Result>(work: Promise<Result>): Promise<Result>;
  /** What physically is at the pile at this instant. */
  truth(): PileTruth;
  vehicle(wishes: VehicleSettings): void;
  /** Sets a fault of the pile; the answer takes it away again. */
  fault(fault: Fault): () => void;
  powerCycle(offMs: number): void;
}

/** Opens a line of `transport` to the devices of a station file; one pile is named `P`. */
export function simulatedSite(
  transport: Transport,
  { serial, timing }: Reached,
  station: { readonly piles: readonly object[]; readonly meters?: readonly object[]; readonly io?: readonly object[] },
): SimulatedSite {
  const time = new ManualTime();
  const on = { lineId: LINE_ID, turnaroundMs: timing.turnaroundMs, transport };
  const at = { host: '127.0.0.1', port: 0 };
  const parsed = stationSchema.parse({
    stationId: 'bench',
    seed: 1,
    lines: [
      transport === 'serial'
        ? { ...on, ...serial }
        : transport === 'tcp'
          ? { ...on, ...at }
          : { ...on, ...at, baud: GATEWAY_BAUD },
    ],
    ...station,
  });
  const world = createWorld(parsed, parsed.seed, time);
  const [settings] = parsed.lines;
  const slave = world.slaves.get(LINE_ID);
  const pile = world.piles.get(PILE_ID);
  if (settings === undefined || slave === undefined || pile === undefined) throw new Error('an empty station');
  const { line: wire } = openMemoryStationLine(settings, {
    slave,
    faults: world.faults,
    clock: time,
    scheduler: schedulerOn(time),
    onError: (error) => {
      throw error;
    },
  });
  const parts = {
    lineId: LINE_ID,
    stream: wire.newMaster(),
    clock: time,
    timers: time,
    fineTimers: time,
    tap: () => {},
  };
  const opened = settings.transport === 'tcp' ? mbapLine(parts) : onWire(parts, settings.baud, transport);

  return {
    ...opened,
    time,
    world,
    truth: () => pile.truth(),
    vehicle: (wishes) => pile.setVehicle(wishes),
    fault: (fault) => {
      world.advance();
      const faultId = world.faults.add(`pile:${PILE_ID}`, fault);
      return () => {
        world.advance();
        world.faults.remove(faultId);
      };
    },
    powerCycle: (offMs) => pile.powerCycle(offMs),
    during: async (work) => {
      let isOver = false;
      const ended = () => {
        isOver = true;
      };
      work.then(ended, ended);
      for (let ms = 0; !isOver; ms += 20) {
        if (ms > 120_000) throw new Error('does not end in two minutes');
        await time.pass(20);
      }
      return work;
    },
  };
}

function onWire(parts: Parameters<typeof mbapLine>[0], baud: number, transport: Transport): OpenedLine {
  return rtuLine({
    ...parts,
    silenceMs: silenceMsAt(baud),
    wireMs: (bytes) => transmissionMs(baud, bytes),
    hasTransactionIds: false,
    reconnectAfterFailures: transport === 'serial' ? null : 3,
  });
}
