import type { StateEffects } from '../faults/state-effects.ts';
import { answerPdu, exceptionPdu } from '../line/pdu.ts';
import type { SlaveDevice } from '../line/slave.ts';
import type { MonoClock } from '../world/clock.ts';
import type { ContactorEvent } from '../world/contactor.ts';
import { createFeeder } from './feeder.ts';
import { CHANNELS, type IoBoardSettings } from './io-settings.ts';
import { relayBoard } from './relay-board.ts';

/** A relay that has been switched. */
export interface RelayEvent {
  readonly monoMs: number;
  readonly channel: number;
  readonly on: boolean;
}

/** What physically is at one board and behind its relays. */
export interface IoBoardTruth {
  readonly boardId: string;
  readonly model: IoBoardSettings['model'];
  /** By channel: whether the contact is closed, and whether the relay is on. */
  readonly inputs: readonly boolean[];
  readonly relays: readonly boolean[];
  /** Newest last, at most 50. */
  readonly relayEvents: readonly RelayEvent[];
  readonly feeders: readonly {
    readonly channel: number;
    readonly feeds: readonly string[];
    readonly closed: boolean;
    readonly jammed: boolean;
    readonly events: readonly ContactorEvent[];
  }[];
}

/** A board with inputs and relays on a Modbus line, and the breakers and contactors that its relays act on. */
export interface IoBoardDevice extends SlaveDevice {
  readonly boardId: string;
  readonly lineId: string;
  readonly unit: number;
  advance(): void;
  /** Closes or opens the contact at an input. */
  setInput(channel: number, closed: boolean): void;
  /** A hand closes the breaker behind a relay. False when there is none. */
  closeFeeder(channel: number): boolean;
  /** True while the supply of that pile is cut off. */
  cuts(pileId: string): boolean;
  truth(): IoBoardTruth;
}

const KEPT_EVENTS = 50;

/** Builds a board. `effects` is asked at every step for the faults that hold then. */
export function createIoBoard(settings: IoBoardSettings, clock: MonoClock, effects: () => StateEffects): IoBoardDevice {
  const inputs = flags((channel) => settings.closedInputs.includes(channel));
  const feeders = settings.outputs.map(createFeeder);
  const relays = flags((channel) => settings.outputs.some((output) => output.channel === channel && output.startsOn));
  const modes = inputs.map(() => settings.relayMode as number);
  const relayEvents: RelayEvent[] = [];

  const advance = (): number => {
    const nowMs = clock.monoMs();
    for (const feeder of feeders)
      feeder.step(relays[feeder.settings.channel - 1] === true, effects().tripJammed, nowMs);
    return nowMs;
  };
  const setRelay = (channel: number, on: boolean): void => {
    if (relays[channel - 1] === on) return;
    const monoMs = advance();
    relays[channel - 1] = on;
    relayEvents.push({ monoMs, channel, on });
    if (relayEvents.length > KEPT_EVENTS) relayEvents.shift();
    advance();
  };
  const closed = (channel: number): boolean => {
    const wired = feeders.find((feeder) => feeder.settings.auxiliary === channel);
    return wired === undefined ? inputs[channel - 1] === true : wired.closed();
  };
  const image = relayBoard({
    closed,
    relayOn: (channel) => relays[channel - 1] === true,
    setRelay,
    mode: (channel) => modes[channel - 1] ?? 0,
    setMode: (channel, mode) => {
      modes[channel - 1] = mode;
    },
    unit: settings.unit,
  });

  return {
    boardId: settings.boardId,
    lineId: settings.lineId,
    unit: settings.unit,
    advance,
    execute: (request, how) => {
      advance();
      if (how.exceptionCode !== undefined)
        return { reply: exceptionPdu(request[0] ?? 0, how.exceptionCode), kind: 'exception' };
      return answerPdu(request, image, !how.ignoreWrites);
    },
    setInput: (channel, isClosed) => {
      const hasChanged = inputs[channel - 1] !== isClosed;
      inputs[channel - 1] = isClosed;
      if (hasChanged && modes[channel - 1] === 1) setRelay(channel, isClosed);
    },
    closeFeeder: (channel) => {
      const feeder = feeders.find((one) => one.settings.channel === channel);
      feeder?.close(advance());
      return feeder !== undefined;
    },
    cuts: (pileId) => {
      advance();
      return feeders.some((feeder) => !feeder.closed() && feeder.settings.feeds.includes(pileId));
    },
    truth: () => {
      advance();
      return {
        boardId: settings.boardId,
        model: settings.model,
        inputs: inputs.map((_, index) => closed(index + 1)),
        relays: [...relays],
        relayEvents: [...relayEvents],
        feeders: feeders.map((feeder) => ({
          channel: feeder.settings.channel,
          feeds: feeder.settings.feeds,
          closed: feeder.closed(),
          jammed: effects().tripJammed,
          events: feeder.events(),
        })),
      };
    },
  };
}

const flags = (isSet: (channel: number) => boolean): boolean[] =>
  Array.from({ length: CHANNELS }, (_, index) => isSet(index + 1));
