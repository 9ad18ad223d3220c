import { describe, expect, vi } from 'vitest';
import type { FaultCode } from '#shared/faults.ts';
import { processClock } from '../../hardware-sim/line/real-time.ts';
import { expectUntouched, type FaultSite, pass, type SiteShape, until } from './fault-site.ts';
import { onSite } from './shared-line.ts';

/**
 * Goal: an emergency stop, a fire alarm or water stops what it covers and nothing else, whatever becomes of the edge, and a
 * pile that hears nothing is cut off.
 * Method: a simulated relay board on a pseudo-terminal of its own; when the contacts of piles and breakers truly opened is
 * the judge.
 */
vi.setConfig({ maxConcurrency: 30, testTimeout: 120_000 });

const pileLine = { transport: 'serial', baud: 19_200, parity: 'even', stopBits: 1, turnaroundMs: 8 } as const;
const ioLine = { ...pileLine, lineId: 'io', baud: 9600, parity: 'none' } as const;
const BOARD = { boardId: 'IO', lineId: 'io', unit: 10 } as const;
const DEADLINE_MS = 10_000;

type Io = NonNullable<SiteShape['edgeIo']>[number];
type Input = NonNullable<Io['inputs']>[number];
type Output = NonNullable<Io['outputs']>[number];

const stopInput: Input = { inputId: 'E1', channel: 1, kind: 'emergency-stop', normally: 'closed', covers: ['A-1'] };
const tripOutput: Output = {
  outputId: 'T1',
  channel: 1,
  trips: ['A-1'],
  energised: 'trips',
  feedback: { channel: 8, suppliedWhen: 'closed' },
};

/** Two piles on one line, and a board with closed contacts at 1 to 4; the breaker of pile A is behind its first relay. */
function siteWith(board: Partial<Io>, change: Partial<SiteShape> = {}): SiteShape {
  const heidelberg = { model: 'heidelberg-energy-control', lineId: 'rtu1', initialRegisterWh: 1234 } as const;
  return {
    lines: [{ ...pileLine, lineId: 'rtu1' }, ioLine],
    piles: [
      { ...heidelberg, pileId: 'A', unit: 1 },
      { ...heidelberg, pileId: 'B', unit: 2 },
    ],
    io: [
      {
        ...BOARD,
        model: 'waveshare-relay-8ch-d',
        closedInputs: [1, 2, 3, 4],
        outputs: [{ channel: 1, feeds: ['A'], energised: 'trips', auxiliary: 8 }],
      },
    ],
    edgeIo: [{ ...BOARD, profile: 'waveshare-relay-8ch-d', ...board }],
    ...change,
  };
}

/** Opens or closes a contact; returns when that was. */
function contact(site: FaultSite, channel: number, closed: boolean): number {
  site.board('IO').setInput(channel, closed);
  return processClock.monoMs();
}
const release = (site: FaultSite, inputId: string, channel: number) => {
  contact(site, channel, true);
  return until(`${inputId} is released`, 5000, () => site.edge.input(inputId).level === 'released');
};

/** When the contacts of a pile opened for good. */
async function openedMonoMs(site: FaultSite, pileId: string): Promise<number> {
  const opening = await until(`the contacts of ${pileId} to open`, 2 * DEADLINE_MS, () => {
    const { contactorEvents, contactorClosed } = site.truth(pileId);
    return contactorClosed ? null : contactorEvents.findLast(({ closed }) => !closed);
  });
  return opening.monoMs;
}

/** Nothing can be begun at the pile, and it is said why. */
async function refusesStart(site: FaultSite, pileId: string, fault: FaultCode): Promise<void> {
  expect(site.edge.view(pileId).faults).toContain(fault);
  const before = site.edge.refusals().length;
  site.edge.start(pileId);
  await until('a refusal', 5000, () => site.edge.refusals().length > before);
  expect(site.truth(pileId).contactorClosed).toBe(false);
}
const isFree = (site: FaultSite, pileId: string) =>
  until(`${pileId} is free`, 8000, () => site.edge.view(pileId).faults.length === 0);

describe('ED-21 a site input stops the piles that it covers, and no other', () => {
  for (const [kind, fault] of [
    ['emergency-stop', 'site-emergency-stop'],
    ['fire', 'fire'],
    ['smoke', 'smoke'],
    ['flood', 'flood'],
  ] as const) {
    onSite(`ED-21 ED-05.a ${kind}`, siteWith({ inputs: [{ ...stopInput, kind }] }), async (site) => {
      await site.charge('A', 'B');
      const pressedMs = contact(site, 1, false);
      expect((await openedMonoMs(site, 'A')) - pressedMs).toBeLessThan(DEADLINE_MS);
      const { cdr, alarms } = await site.bill('A');
      expect(cdr).toMatchObject({ stopReason: 'site', faultCode: fault });
      expect(alarms[0]).toBe(fault);
      expect(site.edge.siteAlarms()).toHaveLength(1);
      expect(site.edge.siteAlarms()[0]).toContain(`${fault}: ${kind} E1`);
      expect(site.edge.view('B').status).toBe('charging');
      await refusesStart(site, 'A', fault);
      expectUntouched(await site.stop('B'));
    });
  }

  onSite(
    'ED-21 an input that covers all stops all',
    siteWith({ inputs: [{ ...stopInput, covers: 'all' }] }),
    async (site) => {
      await site.charge('A', 'B');
      const pressedMs = contact(site, 1, false);
      for (const pileId of ['A', 'B']) expect((await openedMonoMs(site, pileId)) - pressedMs).toBeLessThan(DEADLINE_MS);
    },
  );

  onSite(
    'ED-21 ED-04 on the line of the piles, one of which is dead: the others are stopped in time',
    siteWith(
      { inputs: [{ ...stopInput, covers: 'all' }], lineId: 'rtu1' },
      { io: [{ ...BOARD, model: 'waveshare-relay-8ch-d', lineId: 'rtu1', closedInputs: [1] }] },
    ),
    async (site) => {
      await site.charge('B');
      site.fault('pile:A', { kind: 'silence' });
      await until('A is gone', 20_000, () => site.edge.view('A').status === 'offline');
      const pressedMs = contact(site, 1, false);
      expect((await openedMonoMs(site, 'B')) - pressedMs).toBeLessThan(DEADLINE_MS);
      expect(site.edge.siteAlarms()).toEqual(['site-emergency-stop: emergency-stop E1 is pressed']);
    },
  );
});

onSite(
  'ED-21 the latch survives a restart of the edge; released and reset it frees the pile',
  siteWith({ inputs: [stopInput] }),
  async (site) => {
    await site.charge('A');
    contact(site, 1, false);
    await site.bill('A');
    expect(site.edge.resetInput('E1')).toEqual({ refused: 'emergency-stop E1 is pressed still: release it first' });
    await site.restartEdge(() => pass(200));
    await release(site, 'E1', 1);
    expect(site.edge.input('E1')).toMatchObject({ latched: true, level: 'released' });
    await site.status('A', 'faulted', 8000);
    await refusesStart(site, 'A', 'site-emergency-stop');
    expect(site.edge.siteAlarms()).toEqual([]);
    expect(site.edge.resetInput('E1')).toEqual({ done: true });
    expect(site.edge.resetInput('E1')).toEqual({ refused: 'emergency-stop E1 is not latched' });
    await isFree(site, 'A');
    await site.restartEdge(() => pass(200));
    await site.charge('A');
  },
);

onSite(
  'ED-21 pressed while the edge is away: what it adopts is stopped',
  siteWith({ inputs: [stopInput] }),
  async (site) => {
    await site.charge('A', 'B');
    let pressedMs = 0;
    await site.restartEdge(() => {
      pressedMs = contact(site, 1, false);
      return pass(300);
    });
    expect((await openedMonoMs(site, 'A')) - pressedMs).toBeLessThan(DEADLINE_MS);
    await until('B is adopted', 15_000, () => site.edge.view('B').status === 'charging');
  },
);

onSite(
  'ED-21 a broken wire of a normally closed contact is an emergency stop, a bounce is none',
  siteWith({ inputs: [stopInput] }),
  async (site) => {
    await site.charge('A');
    for (let i = 0; i < 20; i += 1) {
      contact(site, 1, false);
      await pass(20);
      contact(site, 1, true);
      await pass(130);
    }
    expect(site.edge.input('E1').latched).toBe(false);
    contact(site, 1, false);
    await openedMonoMs(site, 'A');
  },
);

describe('ED-21 a door', () => {
  const door: Input = { ...stopInput, inputId: 'D1', kind: 'door' };

  onSite(
    'ED-21 refuses new charges while it is open, and lets a running one go on',
    siteWith({ inputs: [door] }),
    async (site) => {
      await site.charge('A');
      contact(site, 1, false);
      await until('it is seen', 5000, () => site.edge.input('D1').level === 'active');
      await pass(2000);
      expect(site.edge.view('A').status).toBe('charging');
      site.edge.stop('A');
      const bill = await site.bill('A');
      expectUntouched(bill);
      await refusesStart(site, 'A', 'door-open');
      await release(site, 'D1', 1);
      await isFree(site, 'A');
      expect(site.edge.siteAlarms()).toEqual(['door-open: door D1 is open']);
    },
  );

  onSite(
    'ED-21 that is told to stop stops in an orderly way',
    siteWith({ inputs: [{ ...door, stops: true }] }),
    async (site) => {
      await site.charge('A');
      const openedMs = contact(site, 1, false);
      expect((await openedMonoMs(site, 'A')) - openedMs).toBeLessThan(DEADLINE_MS);
      const { cdr, alarms } = await site.bill('A');
      expect(cdr).toMatchObject({ stopReason: 'site', faultCode: 'door-open' });
      expect(alarms).toEqual(['door-open']);
      expect(site.edge.written('A')).toEqual(['start', 'softStop']);
    },
  );
});

onSite(
  'ED-21 HS-03 a silent board: what it covers is stopped within the deadline, and free again when it is back',
  siteWith({ inputs: [stopInput] }),
  async (site) => {
    await site.charge('A', 'B');
    const silentMs = processClock.monoMs();
    const fault = site.fault('io:IO', { kind: 'silence' });
    expect((await openedMonoMs(site, 'A')) - silentMs).toBeLessThan(3500 + DEADLINE_MS);
    await site.bill('A');
    expect(site.edge.siteAlarms()).toEqual(['site-input-lost: emergency-stop E1 cannot be seen']);
    await refusesStart(site, 'A', 'site-input-lost');
    expect(site.edge.view('B').status).toBe('charging');
    site.clear(fault);
    await until('A is free', 40_000, () => site.edge.view('A').faults.length === 0);
    expect(site.edge.input('E1')).toMatchObject({ latched: false, lost: false });
  },
);

onSite(
  'ED-21 a board that switches its relays by itself is not relied on',
  siteWith(
    { inputs: [stopInput], outputs: [tripOutput] },
    { io: [{ ...BOARD, model: 'waveshare-relay-8ch-d', closedInputs: [1], relayMode: 1 }] },
  ),
  async (site) => {
    await until('it is given up', 8000, () => site.edge.input('E1').lost);
    // Input and output are judged in turns of their own.
    await until('both are told', 2000, () => site.edge.siteAlarms().length >= 2);
    expect(site.edge.siteAlarms()).toEqual([
      'site-input-lost: emergency-stop E1 cannot be seen',
      'site-input-lost: trip output T1 cannot be seen',
    ]);
  },
);

describe('ED-07 the trip output', () => {
  const withTrip = siteWith({ inputs: [stopInput], outputs: [tripOutput] });

  onSite(
    'ED-07 cuts its piles off and leaves the others alone; only a technician puts it back',
    withTrip,
    async (site) => {
      await site.charge('A', 'B');
      const orderedMs = processClock.monoMs();
      await site.edge.trip('A');
      const { feeders, relays } = site.board('IO').truth();
      expect(feeders[0]).toMatchObject({ closed: false, feeds: ['A'] });
      expect((feeders[0]?.events[0]?.monoMs ?? Number.NaN) - orderedMs).toBeLessThan(1000);
      expect(relays[0]).toBe(true);
      await until('A is dark', 1000, () => !site.truth('A').powered && site.truth('A').powerW === 0);
      expect(site.edge.siteAlarms()).toEqual(['site-tripped: trip output T1: A-1 could not be stopped otherwise']);
      await site.restartEdge(() => pass(200));
      await until('the board is seen', 5000, () => site.edge.output('T1').isOn);
      expect(site.edge.output('T1')).toMatchObject({ tripped: true });
      expect(site.board('IO').truth().relayEvents).toHaveLength(1);
      expect(await site.edge.resetTrip('T1')).toEqual({ done: true });
      expect(site.board('IO').truth().relays[0]).toBe(false);
      site.board('IO').closeFeeder(1);
      expect(site.edge.latchedInputs.size).toBe(0);
      await site.status('B', 'charging', 8000);
      // A pile that cannot be read is left alone for a while, so that its watchdog can stop it.
      await site.status('A', 'plugged', 65_000);
      expect(site.edge.view('A').faults).toEqual([]);
    },
  );

  onSite('ED-07 a breaker that does not open is told to whoever ordered the trip', withTrip, async (site) => {
    await until('the board is seen', 5000, () => site.edge.output('T1').isOn !== null);
    site.fault('io:IO', { kind: 'trip-jammed' });
    await expect(site.edge.trip('A')).rejects.toMatchObject({ failure: 'timeout' });
    expect(site.edge.output('T1').tripped).toBe(true);
    expect(site.board('IO').truth()).toMatchObject({ relays: [true, ...new Array(7).fill(false)] });
  });

  onSite(
    'ED-07 a relay that does not read back is told, and tripped as soon as the board takes it',
    withTrip,
    async (site) => {
      await until('the board is seen', 5000, () => site.edge.output('T1').isOn !== null);
      const fault = site.fault('io:IO', { kind: 'ignore-writes' });
      await expect(site.edge.trip('A')).rejects.toMatchObject({ failure: 'mismatch' });
      await pass(1000);
      expect(site.board('IO').truth().relays[0]).toBe(false);
      site.clear(fault);
      await until('it is tripped', 3000, () => !site.truth('A').powered);
      expect(site.edge.output('T1').tripped).toBe(true);
    },
  );

  onSite('ED-07 is not put back while an input demands that the pile is off', withTrip, async (site) => {
    await until('the board is seen', 5000, () => site.edge.output('T1').isOn !== null);
    await site.edge.trip('A');
    contact(site, 1, false);
    await until('it is pressed', 3000, () => site.edge.input('E1').latched);
    expect(await site.edge.resetTrip('T1')).toEqual({ refused: 'emergency-stop E1 is pressed' });
    expect(site.board('IO').truth().relays[0]).toBe(true);
  });

  onSite(
    'ED-07 a pulse ends, and what it has opened stays open',
    siteWith({ outputs: [{ ...tripOutput, pulseMs: 500 }] }),
    async (site) => {
      await until('the board is seen', 5000, () => site.edge.output('T1').isOn !== null);
      await site.edge.trip('A');
      await until('the relay lets go', 4000, () => !site.board('IO').truth().relays[0]);
      const [on, off] = site.board('IO').truth().relayEvents;
      expect((off?.monoMs ?? 0) - (on?.monoMs ?? 0)).toBeGreaterThanOrEqual(500);
      await pass(1000);
      expect(site.truth('A').powered).toBe(false);
      expect(site.board('IO').truth().relayEvents).toHaveLength(2);
      expect(site.edge.output('T1').tripped).toBe(true);
    },
  );

  onSite(
    'ED-07 a release that nobody holds counts as tripped, and nobody but a technician holds it',
    siteWith(
      { outputs: [{ outputId: 'T1', channel: 1, trips: ['A-1'], energised: 'holds' }] },
      {
        io: [
          {
            ...BOARD,
            model: 'waveshare-relay-8ch-d',
            outputs: [{ channel: 1, feeds: ['A'], energised: 'holds' }],
          },
        ],
      },
    ),
    async (site) => {
      await until('it is seen', 5000, () => site.edge.output('T1').isOn === false);
      expect(site.edge.siteAlarms()).toEqual(['site-tripped: trip output T1: it was found tripped']);
      expect(await site.edge.resetTrip('T1')).toEqual({ done: true });
      await until('A has power', 2000, () => site.truth('A').powered);
      await site.edge.trip('A');
      await until('A is dark', 1000, () => !site.truth('A').powered);
    },
  );

  onSite('ED-07 a pile that takes no stop is cut off, proven, told and kept off', withTrip, async (site) => {
    await site.charge('A', 'B');
    site.fault('pile:A', { kind: 'ignore-writes' });
    site.edge.stop('A');
    await until('A is cut off', 40_000, () => !site.truth('A').powered);
    const { cdr, alarms } = await site.bill('A', 40_000);
    expect(cdr.marks).toContain('tripped-off');
    expect(alarms).toContain('stop-refused');
    expect(site.edge.written('A')).toEqual(['start', 'softStop', 'hardStop', 'trip']);
    expect(site.edge.output('T1').tripped).toBe(true);
    expect(site.edge.view('A').faults).toContain('site-tripped');
    expectUntouched(await site.stop('B'));
  });
});
