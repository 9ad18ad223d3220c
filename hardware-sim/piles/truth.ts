import { wrapped } from '../meters/meter-count.ts';
import { socOf } from '../world/battery.ts';
import type { ContactorEvent } from '../world/contactor.ts';
import type { DcTruth } from './dc/generic-dc.ts';
import type { EnergySession, PileHistory } from './history.ts';
import type { ModelName } from './models.ts';
import type { PileModel } from './pile-model.ts';
import type { PileState } from './pile-state.ts';
import type { PilotState } from './pilot.ts';

/** What physically is and was at one pile, beside what its meter claims. Energies in Wh, times monotonic in ms. */
export interface PileTruth {
  readonly pileId: string;
  readonly model: ModelName;
  readonly plugged: boolean;
  readonly contactorClosed: boolean;
  readonly welded: boolean;
  readonly currentA: readonly [number, number, number];
  readonly powerW: number;
  /** Since the process started, from the current that really flowed. */
  readonly energyTruthWh: number;
  readonly registerWhTruth: number;
  /** Null for a pile without an energy register. */
  readonly reportedRegisterWh: number | null;
  readonly pileState: PilotState;
  readonly effectiveLimitA: number;
  readonly temperatureC: number;
  readonly gunTemperatureC: number;
  readonly powered: boolean;
  /** Where its plug lock is stuck, if it is. */
  readonly plugLockStuck: 'locked' | 'unlocked' | undefined;
  readonly watchdog: { readonly enabled: boolean; readonly tripped: boolean; readonly timeoutMs: number };
  readonly soc: number;
  /** `undefined` for an AC pile. At a DC pile, `currentA` and `powerW` are those of the output. */
  readonly dc: DcTruth | undefined;
  readonly energySessions: readonly EnergySession[];
  readonly contactorEvents: readonly ContactorEvent[];
  /** How often the contacts have moved since the process started, each way counted. */
  readonly contactorOperations: number;
}

/** The truth about one pile at its present instant. */
export function pileTruth(
  settings: { readonly pileId: string; readonly model: ModelName; readonly initialRegisterWh: number },
  state: PileState,
  model: PileModel,
  history: PileHistory,
  registerEndWh: number | undefined,
): PileTruth {
  const { timeoutMs, tripped } = model.watchdog;
  const reportedWh = model.reportedRegisterWh();
  return {
    pileId: settings.pileId,
    model: settings.model,
    plugged: state.vehicle.plugged,
    contactorClosed: state.contactor.conducting,
    welded: state.contactor.welded,
    currentA: state.currentsA,
    powerW: state.powerW,
    energyTruthWh: state.energyTruthWh,
    registerWhTruth: settings.initialRegisterWh + state.energyTruthWh,
    reportedRegisterWh: reportedWh === null ? null : wrapped(reportedWh, registerEndWh),
    pileState: state.pilot,
    effectiveLimitA: state.offerA,
    temperatureC: state.temperatureC,
    gunTemperatureC: state.gunTemperatureC,
    powered: state.powered,
    plugLockStuck: state.effects.lockJammed,
    watchdog: { enabled: timeoutMs > 0, tripped, timeoutMs },
    soc: socOf(state.vehicle.battery),
    dc: model.dc?.truth(),
    energySessions: [...history.energySessions()],
    contactorEvents: [...history.contactorEvents()],
    contactorOperations: history.contactorOperations(),
  };
}
