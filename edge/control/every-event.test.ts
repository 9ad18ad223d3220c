import { expect, test } from 'vitest';
import type { ConnectorEvent, Phase } from './connector.ts';
import { noInfluence, type Objection } from './influence.ts';
import {
  cardholder,
  charging,
  describeOrders,
  localWish,
  plugged,
  Rig,
  raiseHold,
  startCommand,
  stopCommand,
  uuid,
} from './testing.ts';

// Every phase × every kind of event: the machine has no undefined corner. Each line says where an event leads and
// what is ordered. A change of the machine shows here as a changed line.

const phases: Record<Phase['kind'], () => Rig> = {
  idle: () => {
    const rig = new Rig();
    rig.see(plugged);
    return rig;
  },
  checking: () => {
    const rig = new Rig();
    rig.command(startCommand());
    return rig;
  },
  preparing: () => new Rig().toPreparing(),
  starting: () => new Rig().toStarting(),
  charging: () => new Rig().toCharging().acknowledge(),
  stopping: () => {
    const rig = new Rig().toCharging().acknowledge();
    rig.command(stopCommand(rig.session.sessionId));
    return rig;
  },
  closing: () => {
    const rig = new Rig().toCharging().acknowledge();
    rig.command(stopCommand(rig.session.sessionId));
    return rig.proveOff();
  },
  adopting: () => new Rig({ session: new Rig().toCharging().session }),
};

const objection: Objection = { fault: 'fire', detail: 'input F1' };
const sessionId = (rig: Rig) => ('session' in rig.state.phase ? rig.state.phase.session.sessionId : uuid(55));
const seen =
  (reading: typeof plugged) =>
  (rig: Rig): ConnectorEvent => ({
    kind: 'reading',
    reading,
    requestedMonoMs: rig.monoMs,
  });

const events: Record<string, (rig: Rig) => ConnectorEvent> = {
  'reading plugged': seen(plugged),
  'reading charging': seen(charging),
  'reading unplugged': seen({ ...plugged, status: 'unplugged' }),
  'reading fault': seen({ ...plugged, status: 'fault' }),
  'poll-failed': () => ({ kind: 'poll-failed', heard: false }),
  'start, another': () => ({ kind: 'command', command: startCommand({ commandId: uuid(70) }) }),
  'start, the same': () => ({ kind: 'command', command: startCommand() }),
  'stop, this session': (rig) => ({
    kind: 'command',
    command: stopCommand(sessionId(rig), { commandId: uuid(71) }),
  }),
  'stop, another session': () => ({ kind: 'command', command: stopCommand(uuid(72), { commandId: uuid(73) }) }),
  'begin, on site': () => ({ kind: 'begin', wish: localWish(), withinMs: 60_000 }),
  'end, this charge': () => ({ kind: 'end', requestId: startCommand().requestId, by: cardholder }),
  'end, another charge': () => ({ kind: 'end', requestId: 'REQ-OTHER', by: cardholder }),
  'raise-hold, this session': (rig) => ({ kind: 'command', command: raiseHold(sessionId(rig)) }),
  'cancel, this start': () => ({ kind: 'cancel', commandId: uuid(1) }),
  'cancel, another': () => ({ kind: 'cancel', commandId: uuid(74) }),
  durable: (rig) => ({ kind: 'durable', sessionId: sessionId(rig) }),
  'durable, another': () => ({ kind: 'durable', sessionId: uuid(75) }),
  'store-failed': (rig) => ({ kind: 'store-failed', sessionId: sessionId(rig) }),
  'store-failed, another': () => ({ kind: 'store-failed', sessionId: uuid(76) }),
  acknowledged: (rig) => ({ kind: 'acknowledged', id: sessionId(rig) }),
  'written start': () => ({ kind: 'written', write: 'start', limitMa: 16_000 }),
  'written softStop': () => ({ kind: 'written', write: 'softStop' }),
  'written hardStop': () => ({ kind: 'written', write: 'hardStop' }),
  'write-failed start': () => ({ kind: 'write-failed', write: 'start', limitMa: 16_000 }),
  'write-failed softStop': () => ({ kind: 'write-failed', write: 'softStop' }),
  'write-failed hardStop': () => ({ kind: 'write-failed', write: 'hardStop' }),
  'written limit': () => ({ kind: 'written', write: 'limit', limitMa: 16_000 }),
  'written trip': () => ({ kind: 'written', write: 'trip' }),
  'write-failed limit': () => ({ kind: 'write-failed', write: 'limit', limitMa: 16_000 }),
  'write-failed trip': () => ({ kind: 'write-failed', write: 'trip' }),
  'superseded start': () => ({ kind: 'superseded', write: 'start' }),
  'superseded limit': () => ({ kind: 'superseded', write: 'limit' }),
  'set-up taken': () => ({ kind: 'set-up', result: 'taken' }),
  'set-up missing': () => ({ kind: 'set-up', result: 'missing' }),
  'set-up refused': () => ({ kind: 'set-up', result: 'refused' }),
  'influenced, refuse': () => ({ kind: 'influenced', influence: { ...noInfluence, refuse: [objection] } }),
  'influenced, stop': () => ({ kind: 'influenced', influence: { ...noInfluence, stop: objection } }),
  'influenced, less': () => ({ kind: 'influenced', influence: { ...noInfluence, ceilingMa: 10_000 } }),
  'influenced, pause': () => ({ kind: 'influenced', influence: { ...noInfluence, ceilingMa: 0 } }),
  'influenced, nothing': () => ({ kind: 'influenced', influence: noInfluence }),
  reset: () => ({ kind: 'reset' }),
  'store-replaced': () => ({ kind: 'store-replaced' }),
};

/** The same in every phase. */
const everywhere: Record<string, string> = {
  'begin, on site': 'answer connector.occupied',
  'stop, another session': 'commit(failed session.unknown)',
  'written start': 'poll-now',
  'written softStop': 'poll-now',
  'written limit': 'poll-now',
};

/** A store that may know less gets everything that is known. */
const storedAgain = (before: string, after = '') => ({
  'store-replaced': `commit(${before}latched [], service, 0 failed starts${after})`,
});

/** What else happens in each phase. An event that is not listed does nothing. */
const expected: Record<Phase['kind'], Record<string, string>> = {
  idle: {
    ...storedAgain('', ', device'),
    'raise-hold, this session': 'commit(failed session.unknown)',
    'reading charging': 'softStop; commit(alarm.raised)',
    'start, another': '→ checking: poll-now',
    'start, the same': '→ checking: poll-now',
    'begin, on site': '→ checking: poll-now',
    'stop, this session': 'commit(failed session.unknown)',
    'written hardStop': 'poll-now',
    'written trip': 'poll-now',
  },
  checking: {
    ...storedAgain(''),
    'raise-hold, this session': 'commit(failed session.unknown)',
    'set-up taken': 'poll-now',
    'set-up missing': 'poll-now',
    'set-up refused': 'poll-now',
    'influenced, stop': '→ idle: commit(failed connector.faulted)',
    'reading plugged': '→ preparing: commit(open)',
    'reading charging': '→ idle: commit(failed connector.occupied)',
    'reading unplugged': '→ idle: commit(failed connector.not_plugged)',
    'reading fault': '→ idle: commit(failed connector.faulted)',
    'start, another': 'commit(failed connector.occupied)',
    'stop, this session': 'commit(failed session.unknown)',
    'cancel, this start': '→ idle: commit(failed command.cancelled)',
    'end, this charge': '→ idle: commit(failed command.cancelled)',
    'written hardStop': 'poll-now',
    'written trip': 'poll-now',
  },
  preparing: {
    ...storedAgain('', ', device'),
    'raise-hold, this session': 'commit(failed hold.none)',
    'reading charging': '→ stopping: softStop; commit(open, failed connector.occupied)',
    'start, another': 'commit(failed connector.occupied)',
    'stop, this session': '→ stopping: softStop; commit(open, failed command.cancelled)',
    'cancel, this start': '→ stopping: softStop; commit(open, failed command.cancelled)',
    'end, this charge': '→ stopping: softStop; commit(open, failed command.cancelled)',
    durable: '→ starting: start 16000 mA',
    'store-failed': '→ idle: commit(failed store.unavailable)',
    'written hardStop': 'poll-now',
    'written trip': 'poll-now',
  },
  starting: {
    ...storedAgain('open, '),
    'raise-hold, this session': 'commit(failed hold.none)',
    'reading charging': '→ charging: commit(open, session.started, done)',
    'reading fault':
      '→ stopping: hardStop; commit(open, failed connector.faulted, alarm.raised); commit(service, 1 failed starts)',
    'influenced, stop': '→ stopping: hardStop; commit(open, failed connector.faulted, alarm.raised)',
    'start, another': 'commit(failed connector.occupied)',
    'stop, this session': '→ stopping: softStop; commit(open, failed command.cancelled)',
    'cancel, this start': '→ stopping: softStop; commit(open, failed command.cancelled)',
    'end, this charge': '→ stopping: softStop; commit(open, failed command.cancelled)',
    'written hardStop': 'poll-now',
    'written trip': 'poll-now',
  },
  charging: {
    ...storedAgain('open, '),
    'raise-hold, this session': 'commit(failed hold.none)',
    'set-up missing': 'poll-now',
    'influenced, less': 'limit 10000 mA; commit(open)',
    'influenced, pause': 'limit 0 mA; commit(open)',
    'influenced, stop': '→ stopping: hardStop; commit(open, alarm.raised)',
    'reading fault': '→ stopping: hardStop; commit(open, alarm.raised)',
    'start, another': 'commit(failed connector.occupied)',
    'stop, this session': '→ stopping: softStop; commit(open)',
    'cancel, this start': '→ stopping: softStop; commit(open)',
    'end, this charge': '→ stopping: softStop; commit(open)',
    'written hardStop': 'poll-now',
    'written trip': 'poll-now',
  },
  stopping: {
    ...storedAgain('open, '),
    'raise-hold, this session': 'commit(failed hold.none)',
    'influenced, stop': 'hardStop; commit(open, alarm.raised)',
    'start, another': 'commit(failed connector.occupied)',
    'stop, this session': 'commit(open)',
    'cancel, this start': 'commit(open)',
    'write-failed softStop': 'hardStop',
  },
  closing: {
    ...storedAgain('', ', device'),
    'raise-hold, this session': 'commit(failed session.unknown)',
    'reading charging': 'softStop; commit(alarm.raised)',
    'start, another': 'commit(failed connector.occupied)',
    'stop, this session': 'commit(done)',
    durable: '→ idle: poll-now',
    'written hardStop': 'poll-now',
    'written trip': 'poll-now',
  },
  adopting: {
    ...storedAgain('open, '),
    'raise-hold, this session': 'commit(failed hold.none)',
    'influenced, stop': '→ stopping: hardStop; commit(open, alarm.raised)',
    'reading plugged': '→ charging: commit(open)',
    'reading charging': '→ charging: commit(open)',
    'reading unplugged': '→ stopping: softStop; commit(open, alarm.raised)',
    'reading fault': '→ stopping: hardStop; commit(open, alarm.raised)',
    'start, another': 'commit(failed connector.occupied)',
    'stop, this session': '→ stopping: softStop; commit(open)',
    'cancel, this start': '→ stopping: softStop; commit(open)',
    'end, this charge': '→ stopping: softStop; commit(open)',
    'written hardStop': 'poll-now',
    'written trip': 'poll-now',
  },
};

function outcomes(prepare: () => Rig): Record<string, string> {
  const told: Record<string, string> = {};
  for (const [name, make] of Object.entries(events)) {
    const rig = prepare();
    const from = rig.phase;
    const orders = describeOrders(rig.pass(500).send(make(rig)));
    const to = rig.phase === from ? '' : `→ ${rig.phase}`;
    const line = [to, orders].filter((part) => part !== '').join(': ');
    if (line !== '') told[name] = line;
  }
  return told;
}

test.each(Object.entries(phases))('ED-08 %s: every event has a named outcome', (phase, prepare) => {
  expect(prepare().phase).toBe(phase);
  expect(outcomes(prepare)).toEqual({ ...everywhere, ...expected[phase as Phase['kind']] });
});
