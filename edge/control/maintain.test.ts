import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type MaintainCommand, maintenanceActionSchema } from '#shared/wire/messages.ts';
import { maintenanceRefusal } from './maintain.ts';
import { resetRefusal } from './reset.ts';
import {
  charging,
  describeOrders,
  facts,
  plugged,
  Rig,
  type RigOptions,
  START_WALL_MS,
  startCommand,
  stopCommand,
  uuid,
} from './testing.ts';

const maintainCommand = (change: Partial<MaintainCommand> = {}): MaintainCommand => ({
  v: 1,
  kind: 'maintain',
  commandId: uuid(40),
  requestId: 'ticket-1',
  connectorId: facts.connectorId,
  issuedAtMs: START_WALL_MS,
  action: 'disable',
  stopRunning: false,
  by: 'Li Na',
  expiresAtMs: START_WALL_MS + 300_000,
  ttlMs: 300_000,
  ...change,
});

const canAll: RigOptions = { facts: { maintains: ['reboot', 'unlock'] } };

function seen(options: RigOptions = {}): Rig {
  const rig = new Rig({ ...canAll, ...options });
  rig.see(plugged);
  return rig;
}

describe('ED-19 out of service', () => {
  test('a disabled connector refuses a charge until it is enabled, and says whose hand it was', () => {
    const rig = seen();
    expect(describeOrders(rig.command(maintainCommand()))).toBe('commit(done, disabled by Li Na)');
    expect(rig.orders.at(-1)).toMatchObject({
      transaction: {
        records: [{ kind: 'command.reported', commandId: uuid(40), status: 'done', sessionId: null }],
        service: { connectorId: 'P1-1', service: { disabledBy: 'Li Na', failedStarts: 0 } },
      },
    });
    expect(describeOrders(rig.command(startCommand()))).toBe('commit(failed connector.disabled)');
    rig.command(maintainCommand({ commandId: uuid(41), action: 'enable' }));
    expect(rig.state.service.disabledBy).toBeNull();
    rig.toCharging(startCommand({ commandId: uuid(42) }));
    expect(rig.phase).toBe('charging');
  });

  test('it is so after a restart too', () => {
    const rig = new Rig({ service: { disabledBy: 'Li Na', failedStarts: 0 } });
    rig.see(plugged);
    expect(describeOrders(rig.command(startCommand()))).toBe('commit(failed connector.disabled)');
  });

  test('enabling takes away that and nothing else', () => {
    const rig = seen({ latched: ['over-current'], service: { disabledBy: 'Li Na', failedStarts: 2 } });
    rig.command(maintainCommand({ action: 'enable' }));
    expect(rig.state.service).toMatchObject({ disabledBy: null, failedStarts: 2 });
    expect(rig.state.latched).toEqual(['over-current']);
  });

  test('a charge that runs goes on', () => {
    const rig = new Rig().toCharging().acknowledge();
    expect(describeOrders(rig.command(maintainCommand()))).toBe('commit(done, disabled by Li Na)');
    rig.charge(5);
    expect(rig.phase).toBe('charging');
  });

  test('a charge that is to be stopped is stopped first and recorded after, as one that staff ended', () => {
    const rig = new Rig().toCharging().acknowledge();
    expect(describeOrders(rig.command(maintainCommand({ stopRunning: true })))).toBe(
      'softStop; commit(open); commit(done, disabled by Li Na)',
    );
    rig.proveOff();
    expect(rig.cdr).toMatchObject({ stopReason: 'staff', faultCode: null, voidReason: null });
  });

  test('a start that waits for its look is refused; one that is on its way to the disk is undone, and never written', () => {
    const rig = new Rig();
    rig.command(startCommand());
    expect(describeOrders(rig.command(maintainCommand()))).toBe(
      'commit(done, disabled by Li Na); commit(failed connector.disabled)',
    );
    expect(rig.phase).toBe('idle');
    for (const stopRunning of [false, true]) {
      const preparing = new Rig().toPreparing();
      expect(describeOrders(preparing.command(maintainCommand({ stopRunning })))).toBe(
        'softStop; commit(open, failed connector.disabled); commit(done, disabled by Li Na)',
      );
      preparing.send({ kind: 'durable', sessionId: preparing.session.sessionId });
      preparing.proveOff();
      expect(preparing.writes).not.toContain('start');
      expect(preparing.cdr).toMatchObject({ stopReason: 'staff', voidReason: 'not-confirmed' });
    }
  });

  test('a charge that is stopping already is not stopped anew', () => {
    const rig = new Rig().toCharging().acknowledge();
    rig.command(stopCommand(rig.session.sessionId));
    const orders = rig.command(maintainCommand({ stopRunning: true }));
    expect(describeOrders(orders)).toBe('commit(done, disabled by Li Na)');
    expect(rig.session.stop?.reason).toBe('partner');
  });
});

describe('ED-19 what was wanted last counts, in whatever order it comes', () => {
  const at = (issuedAtMs: number, action: 'disable' | 'enable', id = 50) =>
    maintainCommand({ issuedAtMs: START_WALL_MS + issuedAtMs, action, commandId: uuid(id) });
  const superseded = 'commit(failed command.superseded)';
  const local = (rig: Rig, action: 'disable' | 'enable') =>
    rig.send({ kind: 'maintain', wish: { action, stopRunning: false, by: 'local:tech', commandId: null } });

  test.each(['disable', 'enable'] as const)('%s, wanted first and come second, is refused', (older) => {
    const rig = seen();
    rig.command(at(1000, older === 'disable' ? 'enable' : 'disable'));
    const { service } = rig.state;
    expect(describeOrders(rig.command(at(999, older, 51)))).toBe(superseded);
    expect(rig.state.service).toEqual(service);
  });

  test('an older one that was refused stops nothing', () => {
    const rig = seen();
    rig.command(at(1000, 'enable'));
    rig.toCharging();
    expect(describeOrders(rig.command({ ...at(999, 'disable', 51), stopRunning: true }))).toBe(superseded);
    expect(rig.phase).toBe('charging');
  });

  test('it is so after a restart too', () => {
    const before = seen();
    before.command(at(1000, 'disable'));
    const rig = seen({ service: JSON.parse(JSON.stringify(before.state.service)) });
    expect(describeOrders(rig.command(at(0, 'enable', 51)))).toBe(superseded);
    rig.command(at(1001, 'enable', 52));
    expect(rig.state.service.disabledBy).toBeNull();
  });

  test('a service that was stored without its time is changed by any command', () => {
    const rig = seen({ service: { disabledBy: 'Li Na', failedStarts: 0 } });
    rig.command(at(-250_000, 'enable'));
    expect(rig.state.service.disabledBy).toBeNull();
  });

  test('the word of a technician on site counts from when it is said, and is never too late itself', () => {
    const rig = seen();
    rig.pass(10_000);
    local(rig, 'disable');
    expect(describeOrders(rig.command(at(9000, 'enable')))).toBe(superseded);
    expect(rig.state.service.disabledBy).toBe('local:tech');
    rig.command(at(500_000, 'disable', 51));
    local(rig, 'enable');
    expect(rig.state.service.disabledBy).toBeNull();
  });

  test('said while nobody knew the time, it counts from the time that this was, once that is known', () => {
    const rig = seen();
    rig.pass(10_000);
    rig.clock = 'none';
    local(rig, 'disable');
    rig.clock = 'trusted';
    expect(describeOrders(rig.command(at(9000, 'enable')))).toBe(superseded);
    rig.command(at(11_000, 'enable', 51));
    expect(rig.state.service.disabledBy).toBeNull();
  });

  test('a time of an earlier boot that was doubtful may have been far ahead: it refuses nothing', () => {
    const wantedAt = { wallMs: START_WALL_MS * 2, monoMs: 1, bootId: uuid(999), clock: 'doubtful' as const };
    const rig = seen({ service: { disabledBy: 'local:tech', failedStarts: 0, wantedAt } });
    rig.command(at(0, 'enable'));
    expect(rig.state.service.disabledBy).toBeNull();
  });
});

describe('ED-19 SY-04 a maintenance command expires as a start does', () => {
  test.each([
    ['by absolute time', { expiresAtMs: START_WALL_MS }],
    ['by its time to live', { ttlMs: 0 }],
  ])('%s', (_, change) => {
    const rig = seen();
    const orders = rig.command(maintainCommand(change));
    expect(describeOrders(orders)).toBe('commit(failed command.expired)');
    expect(rig.state.service.disabledBy).toBeNull();
  });

  test('without a clock to judge that by it is refused', () => {
    const rig = seen();
    rig.clock = 'none';
    expect(describeOrders(rig.command(maintainCommand({ action: 'reboot' })))).toBe('commit(failed command.expired)');
    expect(rig.writes).toEqual([]);
  });
});

describe('ED-19 reboot and unlock', () => {
  test.each(['reboot', 'unlock'] as const)(
    '%s is written to a pile that is off, and answered when it is taken',
    (action) => {
      const rig = seen();
      expect(describeOrders(rig.command(maintainCommand({ action })))).toBe(action);
      expect(rig.recordsOf('command.reported')).toEqual([]);
      expect(describeOrders(rig.pass(50).send({ kind: 'written', write: action }))).toBe('commit(done); poll-now');
    },
  );

  test('a pile that does not take it is said not to have done it', () => {
    const rig = seen();
    rig.command(maintainCommand({ action: 'unlock' }));
    expect(describeOrders(rig.send({ kind: 'write-failed', write: 'unlock' }))).toBe(
      'commit(failed pile.write_failed)',
    );
  });

  test('after a reboot nothing starts until the pile has been set up anew', () => {
    const rig = seen();
    rig.command(maintainCommand({ action: 'reboot' }));
    rig.pass(50).send({ kind: 'written', write: 'reboot' });
    expect(rig.state.setUp.result).toBe('missing');
    rig.command(startCommand());
    for (let i = 0; i < 4; i += 1) rig.pass(1000).see(plugged);
    expect(rig.recordsOf('command.reported').at(-1)).toMatchObject({ commandId: uuid(1), code: 'connector.faulted' });
    rig.send({ kind: 'set-up', result: 'taken' });
    rig.toCharging(startCommand({ commandId: uuid(43) }));
    expect(rig.phase).toBe('charging');
  });

  test('a start that comes while it is on its way to the pile is refused', () => {
    const rig = seen();
    rig.command(maintainCommand({ action: 'reboot' }));
    expect(describeOrders(rig.command(startCommand()))).toBe('commit(failed connector.occupied)');
    expect(describeOrders(rig.command(maintainCommand({ action: 'unlock', commandId: uuid(44) })))).toBe(
      'commit(failed connector.occupied)',
    );
  });

  const held: [string, () => Rig, string][] = [
    ['a charge that begins', () => new Rig(canAll).toStarting(), 'connector.occupied'],
    ['a charge that runs', () => new Rig(canAll).toCharging(), 'connector.occupied'],
    ['a pile that delivers without one', () => withReading({ currentMa: 1200 }), 'connector.occupied'],
    ['a pile that does not tell its current', () => withReading({ currentMa: null }), 'connector.faulted'],
    ['a pile that does not answer', () => new Rig(canAll), 'connector.offline'],
    ['a model that cannot', () => seen({ facts: { maintains: [] } }), 'pile.unsupported'],
  ];
  test.each(held)('%s is left alone, and that is said', (_, prepare, code) => {
    for (const action of ['reboot', 'unlock'] as const) {
      const rig = prepare();
      const before = rig.writes;
      expect(describeOrders(rig.command(maintainCommand({ action })))).toBe(`commit(failed ${code})`);
      expect(rig.writes).toEqual(before);
    }
  });

  function withReading(change: Partial<typeof plugged>): Rig {
    const rig = new Rig(canAll);
    rig.see({ ...plugged, ...change });
    return rig;
  }

  test('a technician on site gets no record, and what is refused does nothing', () => {
    const rig = seen();
    const wish = { action: 'unlock', stopRunning: false, by: 'local:tech', commandId: null } as const;
    expect(describeOrders(rig.send({ kind: 'maintain', wish }))).toBe('unlock');
    expect(describeOrders(rig.send({ kind: 'written', write: 'unlock' }))).toBe('poll-now');
    const busy = new Rig(canAll).toCharging();
    expect(describeOrders(busy.send({ kind: 'maintain', wish }))).toBe('');
  });
});

describe('ED-19 ED-07 no maintenance clears a latch', () => {
  const steps = fc.array(
    fc.oneof(
      fc.record({
        do: fc.constant('maintain' as const),
        action: fc.constantFrom(...maintenanceActionSchema.options),
        stopRunning: fc.boolean(),
        isLocal: fc.boolean(),
      }),
      fc.record({ do: fc.constant('written' as const), write: fc.constantFrom('reboot' as const, 'unlock' as const) }),
      fc.record({ do: fc.constant('failed' as const), write: fc.constantFrom('reboot' as const, 'unlock' as const) }),
      fc.record({ do: fc.constant('see' as const), currentMa: fc.constantFrom(0, 900, 15_900, 25_000, null) }),
      fc.record({ do: fc.constant('fault' as const), fault: fc.constantFrom('contactor-welded' as const, null) }),
      fc.constant({ do: 'start' as const }),
      fc.constant({ do: 'charge' as const }),
      fc.constant({ do: 'rest' as const }),
      fc.constant({ do: 'reset' as const }),
    ),
    { minLength: 5, maxLength: 60 },
  );

  function stepOf(rig: Rig, step: (typeof steps extends fc.Arbitrary<infer List> ? List : never)[number], id: number) {
    switch (step.do) {
      case 'maintain': {
        const { action, stopRunning, isLocal } = step;
        if (!isLocal) return rig.command(maintainCommand({ action, stopRunning, commandId: uuid(1000 + id) }));
        return rig.send({ kind: 'maintain', wish: { action, stopRunning, by: 'local:x', commandId: null } });
      }
      case 'written':
        return rig.send({ kind: 'written', write: step.write });
      case 'failed':
        return rig.send({ kind: 'write-failed', write: step.write });
      case 'see':
        return rig.pass(500).see({ ...(step.currentMa === 0 ? plugged : charging), currentMa: step.currentMa });
      case 'fault':
        return rig.pass(500).see({ ...charging, status: 'fault', fault: step.fault });
      case 'start':
        return rig.command(startCommand({ commandId: uuid(2000 + id), expiresAtMs: rig.wallMs + 60_000 }));
      case 'charge':
        return charge(rig);
      case 'rest':
        return rest(rig);
      case 'reset':
        return rig.send({ kind: 'reset' });
    }
  }

  /** As far towards a charge as the connector lets itself be taken. */
  function charge(rig: Rig): void {
    const { phase } = rig.state;
    if (phase.kind === 'checking') rig.pass(100).see(plugged);
    if (phase.kind === 'preparing') rig.send({ kind: 'durable', sessionId: phase.session.sessionId });
    if (phase.kind === 'starting') rig.pass(500).see(charging);
  }

  /** As far towards rest as the connector lets itself be taken. */
  function rest(rig: Rig): void {
    const { phase } = rig.state;
    if (phase.kind === 'closing') rig.send({ kind: 'durable', sessionId: phase.session.sessionId });
    if (phase.kind === 'stopping' && phase.ladder.rung !== 'trip')
      rig.send({ kind: 'written', write: phase.ladder.rung });
    rig.pass(2000).see(plugged);
  }

  test('whatever happens, in whatever order: what is latched stays so until a reset that is allowed', () => {
    let latches = 0;
    let maintained = 0;
    fc.assert(
      fc.property(steps, (sequence) => {
        const rig = seen({ latched: ['residual-current'] });
        rig.pass(0);
        for (const [id, step] of sequence.entries()) {
          const { latched } = rig.state;
          const mayReset = step.do === 'reset' && resetRefusal(rig.state) === null;
          const from = rig.orders.length;
          stepOf(rig, step, id);
          if (mayReset) expect(rig.state.latched).toEqual([]);
          else expect(rig.state.latched).toEqual(expect.arrayContaining([...latched]));
          if (step.do !== 'maintain') continue;
          maintained += 1;
          expect(rig.state.latched).toBe(latched);
          const stored = rig.orders
            .slice(from)
            .flatMap((order) => (order.kind === 'commit' ? [order.transaction] : []));
          expect(stored.filter((transaction) => transaction.latched !== undefined)).toEqual([]);
        }
        latches += rig.state.latched.length;
      }),
      { numRuns: 400 },
    );
    expect(latches).toBeGreaterThan(100);
    expect(maintained).toBeGreaterThan(300);
  });

  test('a latched pile that is off may be rebooted and unlocked, and is latched after it', () => {
    for (const action of ['reboot', 'unlock'] as const) {
      const rig = seen({ latched: ['stop-not-proven'] });
      expect(maintenanceRefusal(rig.state, action, { ...facts, maintains: [action] })).toBeNull();
      rig.command(maintainCommand({ action }));
      rig.send({ kind: 'written', write: action });
      rig.send({ kind: 'set-up', result: 'taken' });
      rig.command(startCommand());
      expect(rig.recordsOf('command.reported').at(-1)).toMatchObject({ code: 'connector.faulted' });
      expect(rig.state.latched).toEqual(['stop-not-proven']);
    }
  });
});
