import type { LedgerTransaction } from '../connector.ts';
import { decideInput, type InputEvent, type InputFacts, type InputState, newInput } from './input.ts';
import { decideOutput, newOutput, type OutputEvent, type OutputFacts, type OutputState } from './output.ts';

export const emergencyStop: InputFacts = { inputId: 'E1', kind: 'emergency-stop', latches: true, stops: true };
export const door: InputFacts = { inputId: 'D1', kind: 'door', latches: false, stops: false };

export const START_MONO_MS = 100_000;

/** "alarm fire F1 has gone off; latch F1": what was stored, on one line; "" when nothing was. */
export function describeStore(store: LedgerTransaction | null): string {
  if (store === null) return '';
  const alarms = store.records.map((record) =>
    record.kind === 'alarm.raised' ? `alarm ${record.detail}` : record.kind,
  );
  const { inputs } = store;
  const latch = inputs === undefined ? [] : [`${inputs.latched ? 'latch' : 'unlatch'} ${inputs.inputId}`];
  return [...alarms, ...latch].join('; ');
}

/** An input in the mind only: time is passed and looks are made by hand. */
export class InputRig {
  readonly facts: InputFacts;
  state: InputState;
  monoMs = START_MONO_MS;
  /** What was stored so far. */
  readonly stored: string[] = [];

  constructor(facts: InputFacts = emergencyStop, latched = false) {
    this.facts = facts;
    this.state = newInput(latched, this.monoMs);
  }

  send(event: InputEvent): this {
    const context = { facts: this.facts, nowMonoMs: this.monoMs, newId: () => 'A1' };
    const { state, store } = decideInput(this.state, event, context);
    this.state = state;
    if (store !== null) this.stored.push(describeStore(store));
    return this;
  }

  pass(ms: number): this {
    this.monoMs += ms;
    return this;
  }

  /** The board is asked now, and answers 40 ms later. */
  look(isActive: boolean): this {
    const askedMonoMs = this.monoMs;
    return this.pass(40).send({ kind: 'look', isActive, askedMonoMs });
  }

  /** Looks again and again, 250 ms apart. */
  looks(isActive: boolean, times: number): this {
    for (let i = 0; i < times; i += 1) this.look(isActive).pass(210);
    return this;
  }

  /** Seen released for a while. */
  atRest(): this {
    this.looks(false, 5);
    this.stored.length = 0;
    return this;
  }
}

export const shuntTrip: OutputFacts = { outputId: 'T1', energised: 'trips', pulseMs: null };
export const held: OutputFacts = { outputId: 'T1', energised: 'holds', pulseMs: null };
export const pulsed: OutputFacts = { outputId: 'T1', energised: 'trips', pulseMs: 500 };

/** A trip output in the mind only. */
export class OutputRig {
  readonly facts: OutputFacts;
  state: OutputState;
  monoMs = START_MONO_MS;
  readonly stored: string[] = [];
  /** How the relay was ordered to be written by the last event. */
  write: boolean | null = null;

  constructor(facts: OutputFacts = shuntTrip, tripped = false) {
    this.facts = facts;
    this.state = newOutput(tripped, this.monoMs);
  }

  send(event: OutputEvent): this {
    const context = { facts: this.facts, nowMonoMs: this.monoMs, newId: () => 'A1' };
    const { state, store, write } = decideOutput(this.state, event, context);
    this.state = state;
    this.write = write;
    if (store !== null) this.stored.push(describeStore(store));
    return this;
  }

  pass(ms: number): this {
    this.monoMs += ms;
    return this;
  }

  look(isOn: boolean, askedMonoMs = this.monoMs): this {
    return this.send({ kind: 'look', isOn, askedMonoMs });
  }
}
