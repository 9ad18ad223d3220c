import type { MonoClock, Scheduler } from '../world/clock.ts';
import type { Attach, ByteEnd } from './byte-end.ts';
import { type SerialPace, serveRtu } from './rtu-service.ts';
import type { Slave } from './slave.ts';
import { frameSilenceMs } from './timing.ts';
import { NO_EFFECTS, splitFrame, type WireEffects } from './wire-damage.ts';

/** A gateway's serial side, and how long it waits there for a reply. */
export interface GatewayPace extends SerialPace {
  readonly replyTimeoutMs: number;
}

/** One socket, and the reply that the gateway owes to it or holds back from it. */
interface Client {
  readonly end: ByteEnd;
  open: boolean;
  shifted: boolean;
  heldBack: Uint8Array | undefined;
}

interface Request {
  readonly client: Client;
  readonly bytes: Uint8Array;
}

/**
 * Serves RTU frames, checksum included, to any number of sockets over one serial side, as cheap Ethernet converters do: one
 * request at a time, no transaction identifier, each chunk from a socket put on the wire as it is.
 *
 * A reply that comes after the gateway's own timeout is thrown away, unless the stale-reply fault makes it keep that reply and
 * hand it out before the next one. If the next request is under way by then, the late reply is taken for its answer: nothing in
 * RTU tells them apart.
 */
export function gatewayService(
  pace: GatewayPace,
  slave: Slave,
  clock: MonoClock,
  scheduler: Pick<Scheduler, 'at'>,
): Attach {
  const queue: Request[] = [];
  let current: Request | undefined;
  let cancelWait = (): void => {};
  let stale: Uint8Array | undefined;
  const silenceMs = frameSilenceMs(pace.baud);

  const startNext = (): void => {
    const next = queue.shift();
    current = next;
    if (next === undefined) return;
    cancelWait = scheduler.at(clock.monoMs() + pace.replyTimeoutMs, startNext);
    wire.onBytes(next.bytes);
  };

  /** The gateway knows a reply's end by the silence after it, and only then takes the next request. */
  const awaitReplyEnd = (sentAtMs: number): void => {
    cancelWait = scheduler.at(sentAtMs + silenceMs, startNext);
  };

  const onReply = (bytes: Uint8Array, effects: WireEffects, isLast: boolean): void => {
    if (effects.stale) {
      stale = bytes;
      return;
    }
    if (current === undefined) return;
    cancelWait();
    if (stale !== undefined) handOut(current.client, stale, NO_EFFECTS);
    stale = undefined;
    const sentAtMs = handOut(current.client, bytes, effects);
    if (isLast) awaitReplyEnd(sentAtMs);
  };

  /** Sends what the client gets in place of `bytes`. Returns when (ms) the last of it has gone out. */
  const handOut = (client: Client, bytes: Uint8Array, effects: WireEffects): number => {
    client.shifted ||= effects.offByOne;
    const due = client.shifted ? client.heldBack : bytes;
    if (client.shifted) client.heldBack = bytes;
    let atMs = clock.monoMs();
    for (const piece of due === undefined ? [] : splitFrame(due, effects.split)) {
      atMs += piece.pauseMs;
      if (piece.pauseMs === 0) send(client, piece.bytes);
      else scheduler.at(atMs, () => send(client, piece.bytes));
    }
    return atMs;
  };

  const hangUp = (): void => {
    if (current?.client.open) current.client.end.hangUp();
  };

  const wire = serveRtu(
    pace,
    slave,
    { write: (bytes, effects, isLast) => onReply(bytes, effects ?? NO_EFFECTS, isLast), hangUp, wholeReplies: true },
    clock,
    scheduler,
  );

  return (end) => {
    const client: Client = { end, open: true, shifted: false, heldBack: undefined };
    return {
      onBytes: (bytes) => {
        queue.push({ client, bytes });
        if (current === undefined) startNext();
      },
      onClosed: () => {
        client.open = false;
      },
    };
  };
}

function send(client: Client, bytes: Uint8Array): void {
  if (client.open) client.end.write(bytes);
}
