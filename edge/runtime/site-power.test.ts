import { pino } from 'pino';
import { expect, test } from 'vitest';
import { LineError } from '../bus/line-error.ts';
import { ManualTime } from '../bus/testing.ts';
import { charging, plugged, Rig, startCommand, uuid } from '../control/testing.ts';
import type { MeterDriver, MeterLook } from '../devices/meter-driver.ts';
import { network, outlet } from '../power/testing.ts';
import { GridMeterLoop } from './grid-meter-loop.ts';
import { SitePower } from './site-power.ts';

const told = (amps: number, registerWh: number): MeterLook => ({
  registerWh,
  currentMa: amps * 1000,
  phasesMa: [amps * 1000, amps * 1000, amps * 1000],
  powerW: null,
  voltageMv: null,
  meterId: null,
});

/** Two connectors behind one supply of 20 A; the machines are real, piles and meter are played by hand. */
function site(withMeter = false) {
  const time = new ManualTime();
  const piles = new Map(['A', 'B'].map((name) => [name, new Rig({ monoMs: time.monoMs() })]));
  const rig = (name: string): Rig => {
    const found = piles.get(name);
    if (found === undefined) throw new Error(`no ${name}`);
    return found;
  };
  /** What else is taken; null: the meter is silent. */
  let houseAmps: number | null = 0;
  let registerWh = 0;
  const lost: string[] = [];
  const logged: Record<string, unknown>[] = [];
  const meter: MeterDriver = {
    pollMs: 1000,
    forget: () => {},
    read: () => {
      registerWh += 1;
      const pilesMa = [...piles.values()].reduce((sum, one) => sum + (one.state.reading?.currentMa ?? 0), 0);
      return houseAmps === null
        ? Promise.reject(new LineError('timeout', 'no answer'))
        : Promise.resolve(told(houseAmps + pilesMa / 1000, registerWh));
    },
  };
  const power = new SitePower({
    facts: {
      network: network(20_000, outlet('A'), outlet('B')),
      turnMs: 900_000,
      grid: withMeter ? { node: 0, fallbackMa: [8000, 8000, 8000] } : null,
    },
    minuteOfDay: null,
    meter: withMeter ? new GridMeterLoop({ meter, currentRatio: 1, clock: time, timers: time }) : null,
    clock: time,
    timers: time,
    stamp: () => ({ wallMs: time.wallMs(), monoMs: time.monoMs(), bootId: uuid(900), clock: 'trusted' }),
    log: pino({ level: 'info' }, { write: (text: string) => logged.push(JSON.parse(text)) }),
    connectors: () => new Map([...piles].map(([name, { state }]) => [name, state])),
    onInfluence: (name, influence) => rig(name).send({ kind: 'influenced', influence }),
    onMeterLost: (detail) => lost.push(detail),
  });
  /** Every pile is read once a second, shows what it is offered, and takes what it is told. */
  const pass = async (seconds: number): Promise<void> => {
    for (let second = 0; second < seconds; second += 1) {
      await time.pass(1000);
      for (const one of piles.values()) {
        one.monoMs = time.monoMs();
        answer(one);
        one.see(shown(one));
      }
    }
  };
  const start = (name: string, seed: number): void => {
    rig(name).command(startCommand({ commandId: uuid(seed) }));
    power.wake();
  };
  return {
    time,
    power,
    rig,
    pass,
    start,
    lost,
    logged,
    show: (amps: number | null) => {
      houseAmps = amps;
    },
  };
}

function shown({ state: { phase, reading } }: Rig) {
  const registerWh = (reading?.registerWh ?? 50_000) + 2;
  if (phase.kind === 'starting') return { ...charging, currentMa: phase.mostMa, registerWh };
  if (phase.kind !== 'charging' || phase.offer.limitMa === 0) return plugged;
  return { ...charging, currentMa: phase.offer.limitMa, registerWh };
}

function answer(rig: Rig): void {
  const { phase } = rig.state;
  if (phase.kind === 'preparing') rig.send({ kind: 'durable', sessionId: phase.session.sessionId });
  if (phase.kind === 'starting' || phase.kind === 'charging') {
    rig.acknowledge();
    if (phase.kind === 'starting' || phase.offer.pending !== null) rig.answerLimit('written');
  }
}

const offeredMa = ({ state: { phase } }: Rig) => (phase.kind === 'charging' ? phase.offer.limitMa : 0);

test('ED-14 a charge that begins takes its share from those that run, after they have given it up', async () => {
  const { power, rig, pass, start } = site();
  power.start();
  await pass(2);
  start('A', 1);
  await pass(5);
  expect(offeredMa(rig('A'))).toBe(16_000);
  start('B', 2);
  await pass(3);
  expect([offeredMa(rig('A')), rig('B').phase]).toEqual([10_000, 'checking']);
  await pass(9);
  expect([offeredMa(rig('A')), offeredMa(rig('B'))]).toEqual([10_000, 10_000]);
  await power.close();
});

test('ED-14 a start that finds no power is refused when its patience is over, and says so', async () => {
  const { power, rig, pass, start, show } = site(true);
  show(18);
  power.start();
  await pass(3);
  start('A', 1);
  await pass(15);
  expect(rig('A').phase).toBe('checking');
  await pass(8);
  expect(rig('A').recordsOf('command.reported')).toMatchObject([{ status: 'failed', code: 'site.no_power' }]);
  expect(rig('A').writes).toEqual([]);
  await power.close();
});

test('ED-14 what else the site takes is left to it; a meter that falls silent leaves the fallback', async () => {
  const { power, rig, pass, start, show, lost, logged } = site(true);
  power.start();
  await pass(3);
  start('A', 1);
  await pass(8);
  expect(offeredMa(rig('A'))).toBe(16_000);
  // With the 16 A of the pile that is more than the supply carries.
  show(6);
  await pass(3);
  expect(offeredMa(rig('A'))).toBe(14_000);
  show(null);
  await pass(8);
  expect([offeredMa(rig('A')), lost]).toEqual([8000, ['silent for 6 s']]);
  expect(power.view()?.grid?.lost).toBe('silent for 6 s');
  show(0);
  await pass(25);
  expect(offeredMa(rig('A'))).toBe(8000);
  await pass(25);
  expect(offeredMa(rig('A'))).toBe(16_000);
  const decisions = logged.filter(({ msg }) => msg === 'the supply is shared anew');
  expect(JSON.stringify(decisions)).toContain('grid meter lost: fallback');
  await power.close();
});
