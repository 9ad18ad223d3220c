import type { MonoClock, Scheduler } from '../world/clock.ts';
import type { ByteEar, ByteEnd } from './byte-end.ts';
import { createExchanger, type Exchange, type Outgoing } from './exchange.ts';
import { startIdleNoise } from './idle-noise.ts';
import { decodeRtu, encodeRtu } from './rtu.ts';
import { createRtuReceiver } from './rtu-receiver.ts';
import type { RawReply, Slave, SlaveReply } from './slave.ts';
import { frameSilenceMs, transmissionMs } from './timing.ts';
import { damagePdu, type Portion, portionsOf, type WireEffects } from './wire-damage.ts';

/** How fast the wire and the devices on it are. */
export interface SerialPace {
  readonly baud: number;
  readonly turnaroundMs: number;
}

/** The simulator's end of a serial wire. */
export interface SerialEnd {
  /** Noise by itself comes without effects; a reply in several portions says which is the last. */
  write(bytes: Uint8Array, effects: WireEffects | undefined, isLast: boolean): void;
  readonly hangUp: ByteEnd['hangUp'];
  /** Takes replies in one piece: what splits them lies behind this end. */
  readonly wholeReplies?: boolean;
}

/** A DL/T 645 frame ends with its checksum and a fixed end mark (DL/T 645-2007, 5.2). */
const RAW_CHECKSUM_FROM_END = 2;

/** All devices that are not Modbus units take turns as one. */
const RAW_DEVICES = 'raw';

/**
 * Serves the devices of one serial wire at `end`, whatever carries its bytes.
 *
 * Each reply is handed over at the instant its last byte would have arrived: request transmission, 3.5 characters of silence,
 * turnaround, reply transmission. It is never earlier.
 */
export function serveRtu(
  pace: SerialPace,
  slave: Slave,
  end: SerialEnd,
  clock: MonoClock,
  scheduler: Pick<Scheduler, 'at'>,
): ByteEar {
  const receiver = createRtuReceiver(pace.baud);
  const silenceMs = frameSilenceMs(pace.baud);
  const wireMs = (bytes: number): number => transmissionMs(pace.baud, bytes);
  const submit = createExchanger(wireMs, clock, scheduler);
  let open = true;
  let busyUntilMs = 0;
  let cancelFrameEnd = (): void => {};

  const onWire = (effects: WireEffects): WireEffects =>
    end.wholeReplies === true ? { ...effects, split: undefined } : effects;

  const hangingUp = ({ turnaroundMs, effects }: SlaveReply | RawReply): Outgoing => ({
    delayMs: turnaroundMs ?? pace.turnaroundMs,
    portions: [],
    effects,
  });

  const outgoing = (portions: readonly Portion[], requestBytes: number, reply: SlaveReply | RawReply): Outgoing => {
    const replyMs = portions.reduce((sumMs, portion) => sumMs + portion.pauseMs + wireMs(portion.bytes.length), 0);
    const restMs = (totalMs: number): number => Math.max(0, totalMs - wireMs(requestBytes) - silenceMs - replyMs);
    const ownMs = reply.totalMs === undefined ? (reply.turnaroundMs ?? pace.turnaroundMs) : restMs(reply.totalMs);
    const delayMs = ownMs + reply.effects.extraDelayMs;
    busyUntilMs = Math.max(busyUntilMs, clock.monoMs() + delayMs + replyMs);
    return { delayMs, portions, effects: reply.effects };
  };

  const exchange = (heardAtMs: number, answerer: Exchange['answerer'], answer: Exchange['answer']): void =>
    submit({
      answerer,
      heardAtMs,
      answer: () => (open ? answer() : undefined),
      send: (bytes, effects, isLast) => {
        if (open) end.write(bytes, effects, isLast);
      },
      hangUp: end.hangUp,
    });

  const askUnit = (frame: Uint8Array, unit: number, pdu: Uint8Array): Outgoing | undefined => {
    const reply = slave.handle(unit, pdu);
    if (reply === undefined) return undefined;
    if (reply.hangUp) return hangingUp(reply);
    const replyFrame = encodeRtu(reply.unit, damagePdu(reply.pdu, reply.effects));
    return outgoing(portionsOf(replyFrame, onWire(reply.effects), silenceMs), frame.length, reply);
  };

  const askRaw = (frame: Uint8Array, isModbus: boolean): Outgoing | undefined => {
    const reply = slave.hearRaw(frame);
    if (reply === 'silent') return undefined;
    if (reply !== undefined) {
      if (reply.effects.hangUp) return hangingUp(reply);
      const portions = portionsOf(reply.frame, onWire(reply.effects), silenceMs, RAW_CHECKSUM_FROM_END);
      return outgoing(portions, frame.length, reply);
    }
    if (isModbus) countStranger(slave);
    else slave.counters.crcErrors += 1;
    return undefined;
  };

  const hear = (frame: Uint8Array | undefined, heardAtMs: number): void => {
    if (frame === undefined) return;
    const decoded = decodeRtu(frame);
    if (decoded.kind === 'frame' && slave.has(decoded.unit))
      exchange(heardAtMs, decoded.unit, () => askUnit(frame, decoded.unit, decoded.pdu));
    else exchange(heardAtMs, RAW_DEVICES, () => askRaw(frame, decoded.kind === 'frame'));
  };

  const awaitFrameEnd = (): void => {
    cancelFrameEnd();
    const endMs = receiver.frameEndMs();
    if (endMs === undefined) return;
    cancelFrameEnd = scheduler.at(endMs, () => hear(receiver.take(clock.monoMs()), endMs));
  };

  const isIdle = (): boolean => receiver.frameEndMs() === undefined && clock.monoMs() >= busyUntilMs;
  const write = (bytes: Uint8Array): void => end.write(bytes, undefined, true);
  const stopNoise =
    slave.idleNoise === undefined ? undefined : startIdleNoise(slave.idleNoise, isIdle, write, clock, scheduler);

  return {
    onBytes: (chunk) => {
      const nowMs = clock.monoMs();
      hear(receiver.push(chunk, nowMs), nowMs);
      awaitFrameEnd();
    },
    onClosed: () => {
      open = false;
      cancelFrameEnd();
      stopNoise?.();
    },
  };
}

/** A whole Modbus request to a unit that nobody on this line has. */
function countStranger({ counters }: Slave): void {
  counters.requests += 1;
  counters.unknownUnit += 1;
}
