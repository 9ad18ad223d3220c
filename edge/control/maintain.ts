import { errorCatalogue } from '#shared/errors.ts';
import { restamp, type Stamp } from '#shared/stamp.ts';
import type { MaintainCommand, MaintenanceAction } from '#shared/wire/messages.ts';
import type { Refusal } from './answer.ts';
import {
  type ConnectorFacts,
  type ConnectorState,
  type Context,
  type Decision,
  type Maintenance,
  type MaintenanceWrite,
  note,
  type Service,
  sessionOf,
} from './connector.ts';
import { timeLeft } from './expiry.ts';
import { delivers, isOff } from './reading.ts';
import { commandDone, commandFailed } from './report.ts';
import { released } from './reserve.ts';
import { withoutSetUp } from './set-up.ts';
import { refuseStart } from './start.ts';
import { beginStop, type StopDetails } from './stop.ts';

/**
 * Maintenance, asked for by staff from afar or by a technician on site: taking a connector out of service and back, and
 * two writes to its pile. It decides over new charges and writes to a pile that is off. What is latched stays latched:
 * that is a reset's alone (`reset.ts`), which nobody can send from afar.
 */

/** Why it may not be done now; null when it may. A pile is written to only when it is seen to be off. */
export function maintenanceRefusal(
  state: ConnectorState,
  action: MaintenanceAction,
  facts: ConnectorFacts,
): Required<Refusal> | null {
  if (action === 'disable' || action === 'enable') return null;
  if (!facts.maintains.includes(action))
    return { code: 'pile.unsupported', detail: `this model has no register for "${action}"` };
  return inUse(state);
}

function inUse({ phase, reading, maintaining }: ConnectorState): Required<Refusal> | null {
  if (phase.kind !== 'idle') return { code: 'connector.occupied', detail: `the connector is ${phase.kind}` };
  if (maintaining !== null) return { code: 'connector.occupied', detail: `"${maintaining.write}" is under way` };
  if (reading === null)
    return { code: 'connector.offline', detail: 'the pile does not answer, so nobody sees that it is off' };
  if (isOff(reading)) return null;
  const isSeen = delivers(reading);
  const detail = isSeen ? 'the pile delivers' : 'the pile does not tell its current, so nobody sees that it is off';
  return { code: isSeen ? 'connector.occupied' : 'connector.faulted', detail };
}

/** Takes a command of staff. It expires as a start does, and without a clock to judge that by it is refused. */
export function takeMaintain(state: ConnectorState, command: MaintainCommand, context: Context): Decision {
  const { commandId, action, stopRunning, by } = command;
  const { now } = context;
  const time = timeLeft(command, now);
  if ('code' in time) return refuse(state, commandId, time);
  const refusal = maintenanceRefusal(state, action, context.facts) ?? overtaken(state.service, command, now);
  if (refusal !== null) return refuse(state, commandId, refusal);
  // The time is the sender's own, and nothing that is learned of this boot's clock changes it.
  return maintain(state, { action, stopRunning, by, commandId }, context, { ...now, wallMs: command.issuedAtMs });
}

/**
 * Commands may come in another order than they were wanted in: one that is sent again must not undo what somebody has
 * wanted since. A doubtful time may be far ahead, and refuses nothing; one that nobody knows is the earliest it can be.
 */
function overtaken({ wantedAt }: Service, command: MaintainCommand, now: Stamp): Required<Refusal> | null {
  const { action, issuedAtMs } = command;
  if (wantedAt === undefined || (action !== 'disable' && action !== 'enable')) return null;
  const known = restamp(wantedAt, { bootId: now.bootId, offsetMs: now.wallMs - now.monoMs, quality: now.clock });
  const laterMs = known.wallMs - issuedAtMs;
  if (known.clock === 'doubtful' || laterMs <= 0) return null;
  return { code: 'command.superseded', detail: `something else was wanted ${laterMs} ms later` };
}

const refuse = (state: ConnectorState, commandId: string, { code, detail }: Required<Refusal>): Decision => ({
  state,
  orders: [note({ records: [commandFailed(commandId, code, detail)] })],
});

/**
 * Does what `maintenanceRefusal` has nothing against; anything else changes nothing.
 *
 * @param wantedAt when it was wanted; a technician on site wants it now
 */
export function maintain(
  state: ConnectorState,
  wish: Maintenance,
  context: Context,
  wantedAt: Stamp = context.now,
): Decision {
  if (maintenanceRefusal(state, wish.action, context.facts) !== null) return { state, orders: [] };
  switch (wish.action) {
    case 'enable':
      return settle(state, { ...state.service, disabledBy: null, wantedAt }, wish, context);
    case 'disable':
      return disable(state, wish, context, wantedAt);
    case 'reboot':
    case 'unlock':
      return write(state, wish.action, wish.commandId);
  }
}

/** The setting, what it ends, and the word that it is made are on disk together. */
function settle(
  state: ConnectorState,
  service: Service,
  { commandId }: Maintenance,
  context: Context,
  over: ReturnType<typeof released>['over'] = { records: [] },
): Decision {
  const { connectorId } = context.facts;
  const records = [...over.records, ...(commandId === null ? [] : [commandDone(commandId, null)])];
  return { state: { ...state, service }, orders: [note({ ...over, records, service: { connectorId, service } })] };
}

/** A start that has written nothing yet is refused. A charge goes on, unless it is to be stopped as well. */
function disable(before: ConnectorState, wish: Maintenance, context: Context, wantedAt: Stamp): Decision {
  const free = released(before, { reason: 'out-of-service', detail: wish.by }, context);
  const service = { ...before.service, disabledBy: wish.by, wantedAt };
  const { state, orders } = settle(free.state, service, wish, context, free.over);
  const { phase } = state;
  if (phase.kind === 'checking') {
    const refused = refuseStart({ ...state, phase: { kind: 'idle' } }, phase.wish, { code: 'connector.disabled' });
    return { state: refused.state, orders: [...orders, ...refused.orders] };
  }
  const session = sessionOf(phase);
  const isEnding = phase.kind === 'stopping' || phase.kind === 'closing';
  const isToStop = wish.stopRunning || phase.kind === 'preparing';
  if (!isToStop || session === null || isEnding) return { state, orders };
  // A stop acts first and is recorded after.
  const stopped = beginStop(state, session, staffStop, context);
  return { state: stopped.state, orders: [...stopped.orders, ...orders] };
}

const staffStop: StopDetails = {
  cause: { reason: 'staff', fault: null, voidReason: null, commandIds: [] },
  failure: { code: 'connector.disabled', detail: errorCatalogue['connector.disabled'].en },
  latches: false,
};

function write(state: ConnectorState, action: MaintenanceWrite, commandId: string | null): Decision {
  return {
    state: { ...state, maintaining: { write: action, commandId } },
    orders: [{ kind: 'write', write: action, limitMa: null, requestId: null }],
  };
}

/** The pile has taken the write. One that restarts has lost its set-up: nothing starts on it until it is set up anew. */
export function maintenanceWritten(before: ConnectorState, action: MaintenanceWrite, context: Context): Decision {
  const { maintaining } = before;
  if (maintaining?.write !== action) return { state: before, orders: [] };
  const setUp = action === 'reboot' ? withoutSetUp(context.now.monoMs) : before.setUp;
  const { commandId } = maintaining;
  return {
    state: { ...before, setUp, maintaining: null },
    orders:
      commandId === null
        ? [{ kind: 'poll-now' }]
        : [note({ records: [commandDone(commandId, null)] }), { kind: 'poll-now' }],
  };
}

export function maintenanceWriteFailed(before: ConnectorState, action: MaintenanceWrite): Decision {
  const { maintaining } = before;
  if (maintaining?.write !== action) return { state: before, orders: [] };
  const state = { ...before, maintaining: null };
  if (maintaining.commandId === null) return { state, orders: [] };
  const { en } = errorCatalogue['pile.write_failed'];
  return refuse(state, maintaining.commandId, { code: 'pile.write_failed', detail: en });
}
