import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import type { Cdr } from '#shared/wire/cdr.ts';
import { type LedgerTransaction, newConnector, nothingRemembered, sessionOf } from '../../edge/control/connector.ts';
import { facts, START_WALL_MS, startCommand, stopCommand, uuid } from '../../edge/control/testing.ts';
import { energyRegisterOf } from '../../edge/devices/energy-register.ts';
import type { MeterDriver } from '../../edge/devices/meter-driver.ts';
import { floatTypes } from '../../edge/devices/profile/point.ts';
import { ConnectorLoop } from '../../edge/runtime/connector-loop.ts';
import { METER_MODELS, type MeteredSite, type MeterModel, meteredSite } from './metered-site.ts';
import { dcCases, everyCase, type PileCase, pileSite } from './pile-cases.ts';

/**
 * Goal: whatever the model, the bill is the physics.
 * Method: the edge's real loop with a ledger in memory, a simulated pile and a simulated vehicle; the energy that has
 * flowed by the simulator's truth is compared with the record of the charge.
 */

const TEN_MINUTES_MS = 600_000;
const MAX_PHASE_VOLTAGE = 253;

function runtimeOf({ profile }: PileCase, site: ReturnType<typeof pileSite>, metered: MeteredSite | null) {
  const { driver, time } = site;
  const meter: MeterDriver | null = metered?.driver ?? null;
  const stored: LedgerTransaction[] = [];
  let ids = 100;
  const stamp = () => ({
    wallMs: time.wallMs(),
    monoMs: Math.floor(time.monoMs()),
    bootId: uuid(900),
    clock: 'trusted' as const,
  });
  const { energy } = profile.measures;
  const register =
    metered?.register ?? (energy === null ? null : energyRegisterOf({ ...profile, measures: { energy } }));
  if (register === null) throw new Error(`${profile.profileId} needs a meter`);
  const limitMa = Math.min(16_000, profile.limits.maxCurrentMa);
  const loop = new ConnectorLoop({
    facts: {
      ...facts,
      limitMa,
      maxPowerW: Math.ceil((limitMa * 3 * MAX_PHASE_VOLTAGE) / 1000),
      energy: register,
      overTemperatureDc: profile.limits.overTemperatureDc,
    },
    driver,
    meter,
    initial: newConnector(nothingRemembered, stamp()),
    clock: time,
    timers: time,
    stamp,
    newId: () => {
      ids += 1;
      return uuid(ids);
    },
    bandChangeMs: () => null,
    log: pino({ level: 'silent' }),
    commit: (transaction) => {
      stored.push(transaction);
      return Promise.resolve();
    },
    onChange: () => {},
    lastFrames: () => [],
    trip: null,
    onCard: null,
    onTurn: () => {},
    onFirmware: () => {},
  });
  return { loop, register, records: () => stored.flatMap(({ records }) => records) };
}

/** How far the record may be from the truth: the register is cut to its steps at both ends. */
function toleranceWh({ profile }: PileCase, metered: MeteredSite | null, resolutionWh: number): number {
  const point = profile.points[profile.measures.energy?.point ?? ''];
  const isFloat = metered === null && point !== undefined && floatTypes.includes(point.type);
  // A single at some 1,200 kWh moves in steps of 0.12 Wh, and the edge takes whole Wh.
  return isFloat ? 2 : resolutionWh;
}

async function wholeCharge(one: PileCase, site: ReturnType<typeof pileSite>, metered: MeteredSite | null = null) {
  const { time, truth, vehicle } = site;
  const { loop, register, records } = runtimeOf(one, site, metered);
  const phase = () => loop.state.phase.kind;
  const expectPhase = async (kind: ReturnType<typeof phase>, withinMs: number) => {
    for (let ms = 0; phase() !== kind && ms < withinMs; ms += 250) await time.pass(250);
    expect(phase()).toBe(kind);
  };
  loop.start();
  await time.pass(5000);
  vehicle({ plugged: true });
  await time.pass(20_000);
  expect(truth().contactorClosed).toBe(false);
  const beforeWh = truth().energyTruthWh;

  const start = startCommand({ issuedAtMs: time.wallMs(), expiresAtMs: START_WALL_MS + TEN_MINUTES_MS, ttlMs: 60_000 });
  loop.dispatch({ kind: 'command', command: start });
  await expectPhase('charging', 20_000);
  const sessionId = sessionOf(loop.state.phase)?.sessionId ?? '';
  expect(records().filter(({ kind }) => kind === 'session.started')).toHaveLength(1);
  loop.dispatch({ kind: 'acknowledged', id: sessionId });

  await time.pass(TEN_MINUTES_MS);
  expect(phase()).toBe('charging');
  expect(truth()).toMatchObject({ contactorClosed: true, watchdog: { tripped: false } });

  loop.dispatch({ kind: 'command', command: stopCommand(sessionId) });
  await expectPhase('idle', 30_000);
  expect(truth()).toMatchObject({ contactorClosed: false, currentA: [0, 0, 0] });
  const flowedWh = truth().energyTruthWh - beforeWh;
  const cdrs = records().flatMap((record): Cdr[] => (record.kind === 'session.ended' ? [record.cdr] : []));
  expect(cdrs).toHaveLength(1);
  const [cdr] = cdrs;
  expect(flowedWh).toBeGreaterThan(1700);
  expect(Math.abs((cdr?.energyWh ?? 0) - flowedWh)).toBeLessThanOrEqual(
    toleranceWh(one, metered, register.resolutionWh),
  );
  expect(cdr).toMatchObject({ sessionId, stopReason: 'partner', marks: [], meterEvents: [], voidReason: null });
  expect(cdr?.rating).not.toBeNull();
  await time.pass(30_000);
  expect(truth().energyTruthWh - beforeWh).toBe(flowedWh);

  const ended = loop.stop();
  await time.pass(5000);
  await ended;
}

const named = (cases: readonly PileCase[]) => cases.map((one) => [one.name, one] as const);

describe('HS-05 ED-13 the record of a charge of ten minutes is what has physically flowed', () => {
  const withRegister = [...everyCase, ...dcCases].filter(({ profile }) => profile.measures.energy !== null);
  test.each(named(withRegister))('%s', async (_, one) => {
    await wholeCharge(one, pileSite(one));
  });

  /** Without currents of its own a pile needs a meter that tells them at every look, which a DL/T 645 one is too slow for. */
  const fits = ({ profile }: PileCase, model: MeterModel) =>
    profile.measures.currents.length > 0 || model !== 'dlt645-2007';
  const metered = everyCase
    .filter(({ transport }) => transport !== 'tcp')
    .flatMap((one) => METER_MODELS.filter((model) => fits(one, model)).map((model) => [one.name, model, one] as const));
  test.each(metered)('%s, billed by its own %s', async (_, model, one) => {
    const { site, metered: own } = meteredSite(one, model);
    await wholeCharge(one, site, own);
  });
});
