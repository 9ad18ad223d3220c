import { expect, test } from 'vitest';
import { between, damaged, down, jammed, ParkingRig, up, withCar, withoutSight } from './testing.ts';

/** One way into each thing that a lock can be doing. */
const states: Record<string, () => ParkingRig> = {
  'not yet seen': () => new ParkingRig(),
  'at rest': () => new ParkingRig().atRest(),
  'car above': () => new ParkingRig().see(withCar(down)),
  damaged: () => new ParkingRig().atRest().see(damaged(up)),
  silent: () => new ParkingRig().atRest().lose(3),
  'proving, first look': () => new ParkingRig().atRest().command('raise'),
  'proving, second look': () => new ParkingRig().atRest().command('raise').see(down),
  'proving again': () => new ParkingRig().atRest().command('raise').see(down).see(down).lost('raise').see(down),
  'raise is written': () => new ParkingRig().atRest().command('raise').see(down).see(down),
  raising: () => new ParkingRig().raising(),
  'lower is written': () => new ParkingRig().see(up).command('lower'),
  'lower waits': () => new ParkingRig().see(up).command('lower').lost('lower'),
  lowering: () => new ParkingRig().see(up).command('lower').taken('lower'),
  retreating: () => new ParkingRig().raising().see(withCar(between)).taken('lower'),
};

const events: Record<string, (rig: ParkingRig) => ParkingRig> = {
  'reading down': (rig) => rig.see(down),
  'reading up': (rig) => rig.see(up),
  'reading between': (rig) => rig.see(between),
  'reading between, car': (rig) => rig.see(withCar(between)),
  'reading down, bay unknown': (rig) => rig.see(withoutSight(down)),
  'reading up, jammed': (rig) => rig.see(jammed(up)),
  'reading between, damaged': (rig) => rig.see(damaged(between)),
  'read-failed': (rig) => rig.send({ kind: 'read-failed' }),
  raise: (rig) => rig.command('raise', 'c2'),
  lower: (rig) => rig.command('lower', 'c2'),
  'written raise': (rig) => rig.taken('raise'),
  'written lower': (rig) => rig.taken('lower'),
  'lost raise': (rig) => rig.lost('raise'),
  'lost lower': (rig) => rig.lost('lower'),
  'withdrawn raise': (rig) => rig.withdrawn('raise'),
  'refused raise': (rig) => rig.refused('raise'),
  'refused lower': (rig) => rig.refused('lower'),
  tick: (rig) => rig.send({ kind: 'tick' }),
  'tick, 10 s later': (rig) => rig.pass(10_000).send({ kind: 'tick' }),
};

const JAMMED = 'alarm lock: jammed: an end was not reached';
const DAMAGED = 'alarm lock: arm or boom is damaged';
const broken = (reason: string) => `alarm lock: broken off while barring the bay (${reason}), and freed again`;

/** A lock that is asked for a lowering, whatever else it does. */
const lowered = (ended: string) => `write lower; ${ended} superseded`;

/** What happens in each state. An event that is not listed does nothing. */
const expected: Record<string, Record<string, string>> = {
  'not yet seen': {
    'reading between': 'write lower',
    'reading between, car': 'write lower',
    'reading up, jammed': JAMMED,
    'reading between, damaged': DAMAGED,
    raise: 'query',
    lower: 'write lower',
  },
  'at rest': {
    'reading up, jammed': JAMMED,
    'reading between, damaged': DAMAGED,
    raise: 'query',
    lower: 'write lower',
  },
  'car above': {
    'reading up, jammed': JAMMED,
    'reading between, damaged': DAMAGED,
    raise: 'query',
    lower: 'write lower',
  },
  damaged: {
    'reading up, jammed': JAMMED,
    raise: 'c2 faulted',
    lower: 'write lower',
  },
  silent: {
    'reading between': 'write lower',
    'reading between, car': 'write lower',
    'reading up, jammed': JAMMED,
    'reading between, damaged': DAMAGED,
    raise: 'c2 faulted',
    lower: 'write lower',
  },
  'proving, first look': {
    'reading up': 'c1 done',
    'reading between, car': 'c1 bay-occupied',
    'reading down, bay unknown': 'c1 bay-unknown',
    'reading up, jammed': `c1 faulted; ${JAMMED}`,
    'reading between, damaged': `c1 faulted; ${DAMAGED}`,
    raise: 'c2 busy',
    lower: lowered('c1'),
    'tick, 10 s later': 'c1 bay-unknown',
  },
  'proving, second look': {
    'reading down': 'write raise',
    'reading up': 'c1 done',
    'reading between': 'write raise',
    'reading between, car': 'c1 bay-occupied',
    'reading down, bay unknown': 'c1 bay-unknown',
    'reading up, jammed': `c1 faulted; ${JAMMED}`,
    'reading between, damaged': `c1 faulted; ${DAMAGED}`,
    raise: 'c2 busy',
    lower: lowered('c1'),
    'tick, 10 s later': 'c1 bay-unknown',
  },
  'proving again': {
    'reading down': 'write raise',
    'reading up': 'c1 done',
    'reading between': 'write raise',
    'reading between, car': `write lower; ${broken('bay-occupied')}; c1 bay-occupied`,
    'reading down, bay unknown': `write lower; ${broken('bay-unknown')}; c1 bay-unknown`,
    'reading up, jammed': `write lower; c1 faulted; ${JAMMED}`,
    'reading between, damaged': `write lower; c1 faulted; ${DAMAGED}`,
    raise: 'c2 busy',
    lower: lowered('c1'),
    'tick, 10 s later': `write lower; ${broken('bay-unknown')}; c1 bay-unknown`,
  },
  'raise is written': {
    'reading between, car': `write lower; ${broken('bay-occupied')}; c1 bay-occupied`,
    'reading down, bay unknown': `write lower; ${broken('bay-unknown')}; c1 bay-unknown`,
    'reading up, jammed': `write lower; c1 end-not-reached; ${JAMMED}`,
    'reading between, damaged': `write lower; c1 end-not-reached; ${DAMAGED}`,
    raise: 'c2 busy',
    lower: lowered('c1'),
    'written raise': 'query',
    'lost raise': 'query',
    'withdrawn raise': 'query',
    'refused raise': 'c1 refused',
  },
  raising: {
    'reading up': 'c1 done',
    'reading between, car': `write lower; ${broken('bay-occupied')}; c1 bay-occupied`,
    'reading down, bay unknown': `write lower; ${broken('bay-unknown')}; c1 bay-unknown`,
    'reading up, jammed': `write lower; c1 end-not-reached; ${JAMMED}`,
    'reading between, damaged': `write lower; c1 end-not-reached; ${DAMAGED}`,
    raise: 'c2 busy',
    lower: lowered('c1'),
    'tick, 10 s later': `write lower; ${broken('end-not-reached')}; c1 end-not-reached`,
  },
  'lower is written': {
    'reading up, jammed': JAMMED,
    'reading between, damaged': DAMAGED,
    raise: 'c2 busy',
    lower: lowered('c1'),
    'written lower': 'query',
  },
  'lower waits': {
    'reading up, jammed': JAMMED,
    'reading between, damaged': DAMAGED,
    raise: 'c2 busy',
    lower: lowered('c1'),
    'tick, 10 s later': 'write lower',
  },
  lowering: {
    'reading down': 'c1 done',
    'reading down, bay unknown': 'c1 done',
    'reading up, jammed': JAMMED,
    'reading between, damaged': DAMAGED,
    raise: 'c2 busy',
    lower: lowered('c1'),
    'tick, 10 s later': 'write lower',
  },
  retreating: {
    'reading up, jammed': JAMMED,
    'reading between, damaged': DAMAGED,
    raise: 'c2 busy',
    lower: 'write lower',
    'tick, 10 s later': JAMMED,
  },
};

function outcomes(prepare: () => ParkingRig): Record<string, string> {
  const told: Record<string, string> = {};
  for (const [name, send] of Object.entries(events)) {
    const rig = prepare();
    rig.orders();
    const orders = send(rig).orders().join('; ');
    if (orders !== '') told[name] = orders;
  }
  return told;
}

test.each(Object.entries(states))('ED-17 %s: every event has a named outcome', (name, prepare) => {
  expect(outcomes(prepare)).toEqual(expected[name]);
});
