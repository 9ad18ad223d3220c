import type { ContactorEvent } from '../world/contactor.ts';
import type { PileState } from './pile-state.ts';

const KEPT_EVENTS = 50;
const KEPT_SESSIONS = 50;

/** One stay of a vehicle at a pile, by what physically happened. */
export interface EnergySession {
  readonly pluggedAtMonoMs: number;
  readonly unpluggedAtMonoMs: number | undefined;
  readonly energyTruthWh: number;
}

/** What has happened at one pile, newest last, at most 50 of each. */
export interface PileHistory {
  observe(state: PileState): void;
  contactorEvents(): readonly ContactorEvent[];
  /** How often the contacts have moved, each way counted. */
  contactorOperations(): number;
  energySessions(): readonly EnergySession[];
}

/** Watches a pile's state after each slice and keeps the changes. */
export function createHistory(): PileHistory {
  const events: ContactorEvent[] = [];
  const sessions: EnergySession[] = [];
  let conducting = false;
  let operations = 0;
  let truthAtPlugWh: number | undefined;

  const observeContacts = (state: PileState): void => {
    if (state.contactor.conducting === conducting) return;
    conducting = state.contactor.conducting;
    operations += 1;
    events.push({ monoMs: state.nowMs, closed: conducting });
    if (events.length > KEPT_EVENTS) events.shift();
  };

  const observePlug = (state: PileState): void => {
    if (state.vehicle.plugged && truthAtPlugWh === undefined) {
      truthAtPlugWh = state.energyTruthWh;
      sessions.push({ pluggedAtMonoMs: state.nowMs, unpluggedAtMonoMs: undefined, energyTruthWh: 0 });
      if (sessions.length > KEPT_SESSIONS) sessions.shift();
    }
    const present = sessions.at(-1);
    if (truthAtPlugWh === undefined || present === undefined) return;
    const unpluggedAtMonoMs = state.vehicle.plugged ? undefined : state.nowMs;
    sessions[sessions.length - 1] = {
      ...present,
      unpluggedAtMonoMs,
      energyTruthWh: state.energyTruthWh - truthAtPlugWh,
    };
    if (!state.vehicle.plugged) truthAtPlugWh = undefined;
  };

  return {
    observe: (state) => {
      observeContacts(state);
      observePlug(state);
    },
    contactorEvents: () => events,
    contactorOperations: () => operations,
    energySessions: () => sessions,
  };
}
