import { expect, test } from 'vitest';
import type { FaultCode } from '#shared/faults.ts';
import type { StopReason } from '#shared/wire/cdr.ts';
import { cardholder, charging, localWish, plugged, Rig, startCommand, stopCommand } from './testing.ts';

const running = (command = startCommand()) => new Rig().toCharging(command).acknowledge();

/** Looks like this until it is told to stop. */
function seeing(rig: Rig, reading: typeof charging): Rig {
  for (let i = 0; rig.phase === 'charging' && i < 20; i += 1) rig.pass(1000).see(reading);
  return rig;
}

interface Ending {
  readonly name: string;
  readonly reason: StopReason;
  readonly fault?: FaultCode;
  /** What remains to be seen of the vehicle. */
  readonly after?: typeof plugged;
  /** @returns a charge that is being stopped */
  readonly stop: () => Rig;
}

function stoppedBy(reason: 'partner' | 'staff'): Rig {
  const rig = running();
  rig.command(stopCommand(rig.session.sessionId, { reason }));
  return rig;
}

function local(by: typeof cardholder | { readonly kind: 'technician'; readonly reference: string }): Rig {
  const rig = new Rig();
  rig.send({ kind: 'begin', wish: localWish(), withinMs: 60_000 });
  rig.pass(100).see(plugged);
  rig.send({ kind: 'durable', sessionId: rig.session.sessionId });
  rig.pass(200).send({ kind: 'written', write: 'start', limitMa: 16_000 });
  rig.pass(800).see(charging);
  rig.send({ kind: 'end', requestId: 'LOCAL-1', by });
  return rig;
}

const endings: readonly Ending[] = [
  { name: 'its partner', reason: 'partner', stop: () => stoppedBy('partner') },
  { name: 'staff, by force', reason: 'staff', stop: () => stoppedBy('staff') },
  { name: 'the driver, with his card', reason: 'driver', stop: () => local(cardholder) },
  { name: 'a technician', reason: 'technician', stop: () => local({ kind: 'technician', reference: 'wang' }) },
  { name: 'a vehicle that takes nothing any more', reason: 'vehicle', stop: () => running().charge(61, plugged) },
  {
    name: 'a vehicle that is gone',
    reason: 'gun-removed',
    fault: 'gun-removed',
    after: { ...plugged, status: 'unplugged' },
    stop: () => seeing(running(), { ...plugged, status: 'unplugged' }),
  },
  {
    name: 'a fault of the pile',
    reason: 'fault',
    fault: 'pile-fault',
    stop: () => seeing(running(), { ...charging, status: 'fault', fault: 'pile-fault' }),
  },
  {
    name: 'the emergency button',
    reason: 'fault',
    fault: 'emergency-stop',
    stop: () => seeing(running(), { ...charging, status: 'fault', fault: 'emergency-stop' }),
  },
  {
    name: 'the amount that was asked for',
    reason: 'target-reached',
    stop: () => seeing(running(startCommand({ limits: { energyWh: 20 } })), { ...charging, registerWh: 50_030 }),
  },
  {
    name: 'the hold',
    reason: 'hold-used-up',
    stop: () => seeing(running(startCommand({ holdMinor: 1 })), { ...charging, registerWh: 50_030 }),
  },
  {
    name: 'the longest time of a charge',
    reason: 'limit-reached',
    fault: 'max-duration',
    stop: () => new Rig({ facts: { maxDurationMs: 60_000 } }).toCharging().acknowledge().charge(60),
  },
  {
    name: 'a pile that does not answer',
    reason: 'communication-lost',
    fault: 'communication-lost',
    stop: () => {
      const rig = running();
      for (let i = 0; i < 6; i += 1) rig.pass(1000).lose();
      return rig;
    },
  },
];

test.each(endings)(
  'OP-17 a charge that is ended by $name has one end event, which says so',
  ({ reason, fault = null, after = plugged, stop }) => {
    const rig = stop();
    expect(rig.phase).toBe('stopping');
    expect(rig.recordsOf('session.ended'), 'before nothing flows').toEqual([]);
    for (let i = 0; i < 30; i += 1) {
      if (rig.phase === 'stopping') rig.send({ kind: 'written', write: rig.rung });
      rig.pass(1000).see({ ...after, registerWh: 50_030 });
    }
    expect(rig.recordsOf('session.ended')).toMatchObject([{ cdr: { stopReason: reason, faultCode: fault } }]);
  },
);
