import type { WebSocket } from 'ws';
import type { Timers } from '#shared/clock.ts';
import type { ChargeUnderWay } from '../orders/charges-under-way.ts';
import type { Caller } from '../partners/caller.ts';
import {
  changeView,
  closeCodes,
  progressMessage,
  type SnapshotReason,
  type StreamMessage,
  snapshotMessages,
} from './messages.ts';
import { nextProgress, nothingTold, takeProgress } from './progress-due.ts';
import type { PlacedChange, Snapshot } from './read-changes.ts';
import { partnerOf } from './rights.ts';

/** What a stream reads from. */
export interface StatusLog {
  /** The next changes after a position, up to where some may have been forgotten, and whose stations were changed after it. */
  pageAfter(position: number): Promise<{
    readonly changes: readonly PlacedChange[];
    readonly floor: number;
    readonly regranted: ReadonlySet<string>;
  }>;
  snapshot(caller: Caller): Promise<Snapshot>;
  nowMs(): number;
}

export interface StreamOptions {
  readonly streamId: string;
  readonly socket: WebSocket;
  readonly caller: Caller;
  readonly address: string;
  /** Null: all that the partner may use. */
  readonly siteId: string | null;
  readonly usableSites: ReadonlySet<string>;
  /** Where to go on; or why there is a snapshot first. */
  readonly begin: { readonly position: number } | { readonly reason: SnapshotReason };
  /** How long one message may take to be gone. */
  readonly takenWithinMs: number;
  readonly log: StatusLog;
  readonly timers: Timers;
  readonly onFailed: (error: unknown) => void;
}

export interface Stream {
  readonly streamId: string;
  readonly caller: Caller;
  readonly address: string;
  /** There may be changes. */
  wake(): void;
  /** Says that it lives, and ends a stream of which the other side has not said so since the last time. */
  beat(): void;
  /** The partner may use other stations than before: everything is told anew. */
  takeSites(usableSites: ReadonlySet<string>): void;
  /** How the charges of the partner get on now. What is still to be told of before does not count any more. */
  takeProgress(present: readonly ChargeUnderWay[]): void;
  end(code: number, reason: string): void;
}

/** How long whoever is told that it ends may take to say so too. */
const GOODBYE_MS = 3_000;

class TooSlow extends Error {}

/**
 * One connection. It reads on only when what it has sent has left this process, so that a slow one keeps one page and no more: what it has
 * missed is in the database. One that takes nothing for a while is cut.
 */
export function openStream(options: StreamOptions): Stream {
  const { socket, log, timers, caller, siteId } = options;
  let sites = options.usableSites;
  let position = 'position' in options.begin ? options.begin.position : 0;
  let owed: SnapshotReason | null = 'reason' in options.begin ? options.begin.reason : null;
  // Whoever resumes hears at once that it is taken.
  let isBeatDue = owed === null;
  let progress = nothingTold;
  let hasAnswered = true;
  let isOver = false;
  let running = false;
  let again = false;

  const concerns = (change: { readonly site_id: string }): boolean =>
    sites.has(change.site_id) && (siteId === null || change.site_id === siteId);
  const send = (message: StreamMessage): Promise<void> =>
    new Promise((resolve, reject) => {
      const cancel = timers.after(options.takenWithinMs, () => reject(new TooSlow('not taken in time')));
      socket.send(JSON.stringify(message), (error) => {
        cancel();
        if (error) reject(error);
        else resolve();
      });
    });
  const end = (code: number, reason: string): void => {
    if (isOver) return;
    isOver = true;
    if (socket.readyState === socket.CLOSED) return;
    socket.close(code, reason);
    const cancel = timers.after(GOODBYE_MS, () => socket.terminate());
    socket.once('close', cancel);
  };

  const tellAll = async (reason: SnapshotReason): Promise<void> => {
    const { position: at, statuses, usableSites } = await log.snapshot(caller);
    sites = usableSites;
    for (const message of snapshotMessages(reason, at, statuses.filter(concerns), log.nowMs())) {
      if (isOver) return;
      await send(message);
    }
    position = at;
  };
  /** @returns false when there is nothing more */
  const tellPage = async (): Promise<boolean> => {
    const { changes, floor, regranted } = await log.pageAfter(position);
    if (position < floor) {
      owed = 'position-too-old';
      return true;
    }
    if (regranted.has(partnerOf(caller))) {
      owed = 'stations-changed';
      return true;
    }
    const last = changes.at(-1);
    if (last === undefined) return false;
    const mine = changes.filter(concerns);
    if (mine.length > 0)
      await send({ type: 'changes', position: String(last.position), changes: mine.map(changeView) });
    position = last.position;
    return true;
  };
  const tellChanges = async (): Promise<void> => {
    for (let more = true; more && !isOver; ) {
      const reason = owed;
      owed = null;
      if (reason !== null) await tellAll(reason);
      more = await tellPage();
    }
    if (!isBeatDue || isOver) return;
    isBeatDue = false;
    await send({ type: 'heartbeat', position: String(position), at: new Date(log.nowMs()).toISOString() });
  };
  /** @returns false when there is nothing more */
  const tellProgress = async (): Promise<boolean> => {
    const { part, rest } = nextProgress(progress);
    if (part.length === 0) return false;
    progress = rest;
    await send(progressMessage(part, log.nowMs()));
    return true;
  };
  /** Changes do not wait for progress: after each message of it they are looked for again. */
  const tellWhatIsDue = async (): Promise<void> => {
    do await tellChanges();
    while (!isOver && (await tellProgress()));
  };
  const run = async (): Promise<void> => {
    try {
      do {
        again = false;
        await tellWhatIsDue();
      } while (again && !isOver);
    } catch (error) {
      if (isOver || socket.readyState !== socket.OPEN) return;
      if (error instanceof TooSlow) return end(closeCodes.tooSlow, 'what was sent was not taken in time');
      options.onFailed(error);
      end(closeCodes.failed, 'connect again, and resume');
    } finally {
      running = false;
    }
  };
  const wake = (): void => {
    again = true;
    if (running || isOver) return;
    running = true;
    void run();
  };
  socket.on('pong', () => {
    hasAnswered = true;
  });
  wake();
  return {
    streamId: options.streamId,
    caller,
    address: options.address,
    wake,
    beat() {
      if (isOver) return;
      if (!hasAnswered) {
        isOver = true;
        socket.terminate();
        return;
      }
      hasAnswered = false;
      socket.ping();
      isBeatDue = true;
      wake();
    },
    takeSites(usable) {
      const isSame = usable.size === sites.size && [...usable].every((one) => sites.has(one));
      if (isSame) return;
      sites = usable;
      owed = 'stations-changed';
      wake();
    },
    takeProgress(present) {
      progress = takeProgress(
        progress,
        present.filter((one) => siteId === null || one.siteId === siteId),
      );
      if (progress.owed.length > 0) wake();
    },
    end,
  };
}
