import type { LocalTime } from '#shared/local-time.ts';
import type { Stamp } from '#shared/stamp.ts';
import type { ConnectorFacts, ConnectorState } from '../control/connector.ts';
import { sessionOf } from '../control/connector.ts';
import { noInfluence } from '../control/influence.ts';
import { delivers } from '../control/reading.ts';
import { sessionTimeMs } from '../control/session-axis.ts';
import { viewOf } from '../control/status.ts';
import type { SpaceLevel } from '../ledger/space.ts';
import { type ConnectorFact, type Facts, type FactValue, inputFact, type SiteFact } from './facts.ts';

const MINUTE_MS = 60_000;

/** A connector as its loop has it. */
export interface Looked {
  readonly state: ConnectorState;
  readonly facts: ConnectorFacts;
}

/** What is known at one moment. Null: nobody told. */
export interface SiteLook {
  readonly connectors: readonly Looked[];
  readonly now: Stamp;
  readonly storageLevel: SpaceLevel | null;
  /** Whether the cloud is reached, and when it last was, or this process began; null before it is known. */
  readonly link: { readonly isUp: boolean; readonly upMonoMs: number } | null;
  /** Whether what an input watches has happened. */
  readonly inputs: ReadonlyMap<string, boolean | null>;
}

/** The facts of every connector at one moment. */
export interface Snapshot {
  readonly takenMonoMs: number;
  readonly connectors: ReadonlyMap<string, Facts>;
}

/** @param localTime null where no rule asks for it */
export function snapshotOf(look: SiteLook, localTime: ((atMs: number) => LocalTime) | null): Snapshot {
  const site = { ...siteFactsOf(look, localTime), ...inputFactsOf(look) };
  const connectors = new Map(
    look.connectors.map((looked) => [
      looked.facts.connectorId,
      { ...site, ...connectorFactsOf(looked, look.now) } satisfies Facts,
    ]),
  );
  return { takenMonoMs: look.now.monoMs, connectors };
}

function connectorFactsOf({ state, facts }: Looked, now: Stamp): Record<ConnectorFact, FactValue> {
  // Without what has a say in it: a rule that heard itself would hold for ever.
  const view = viewOf({ ...state, influence: noInfluence }, facts);
  const session = sessionOf(state.phase);
  const { reading } = state;
  return {
    status: view.status,
    plugged: view.plugged,
    currentMa: view.currentMa,
    powerW: view.powerW,
    temperatureDc: reading?.temperatureDc ?? null,
    voltageLowMv: reading?.voltageMv?.lowest ?? null,
    voltageHighMv: reading?.voltageMv?.highest ?? null,
    socPercent: reading?.socPercent ?? null,
    sessionEnergyWh: view.energyWh ?? 0,
    sessionMinutes:
      session === null ? 0 : Math.floor((sessionTimeMs(session, now) - session.readings[0].atMs) / MINUTE_MS),
    faults: reading === null ? null : view.faults,
  };
}

function siteFactsOf(
  { connectors, now, storageLevel, link }: SiteLook,
  localTime: ((atMs: number) => LocalTime) | null,
): Record<SiteFact, FactValue> {
  const readings = connectors.map(({ state }) => state.reading);
  const toldPowerW = readings.reduce((sum, reading) => sum + (reading?.powerW ?? 0), 0);
  const mayHideSome = readings.some((reading) => reading?.powerW == null && (reading === null || delivers(reading)));
  const local = localTime === null || now.clock === 'none' ? null : localTime(now.wallMs);
  return {
    sitePowerW: mayHideSome ? null : toldPowerW,
    siteToldPowerW: toldPowerW,
    siteChargingCount: readings.filter(delivers).length,
    minuteOfDay: local?.minuteOfDay ?? null,
    weekday: local?.weekday ?? null,
    storageLevel,
    clockQuality: now.clock,
    linkUp: link?.isUp ?? null,
    offlineMinutes: link === null ? null : link.isUp ? 0 : Math.floor((now.monoMs - link.upMonoMs) / MINUTE_MS),
  };
}

const inputFactsOf = ({ inputs }: SiteLook): Facts =>
  Object.fromEntries([...inputs].map(([inputId, isOn]) => [inputFact(inputId), isOn]));
