import type { CloudContext } from '../context.ts';
import type { Db } from '../db/connect.ts';
import { type Poller, startPoller } from '../runtime/poller.ts';
import { closeCodes } from './messages.ts';
import { hasUnnumbered, numberChanges, positionsOf } from './number-changes.ts';
import { keepPlaces, leavePlace } from './places.ts';
import { progressRounds } from './progress-rounds.ts';
import { readChanges, takeSnapshot } from './read-changes.ts';
import { accessChangedAfter, mayStillRead, partnerOf, usableSites } from './rights.ts';
import { openStream, type StatusLog, type Stream, type StreamOptions } from './stream.ts';

/** How often what a process does for its streams comes round. */
export interface StreamTimes {
  readonly lookEveryMs: number;
  readonly rightsEveryMs: number;
  readonly beatEveryMs: number;
  readonly takenWithinMs: number;
  /** How often a stream is told how charges get on; and how often it is looked for streams that are to be. */
  readonly progressEveryMs: number;
  readonly progressLookEveryMs: number;
}

export const streamTimes: StreamTimes = {
  lookEveryMs: 100,
  rightsEveryMs: 500,
  beatEveryMs: 15_000,
  takenWithinMs: 10_000,
  progressEveryMs: 10_000,
  progressLookEveryMs: 1_000,
};

/** The streams of one process. */
export interface StreamHub {
  /** `after`: the last position that was seen; null: none. */
  open(
    wish: Pick<StreamOptions, 'streamId' | 'socket' | 'caller' | 'address' | 'siteId'> & {
      readonly after: number | null;
    },
  ): Promise<void>;
  stop(): Promise<void>;
}

type HubContext = Pick<CloudContext, 'db' | 'clock' | 'timers' | 'logger'>;

const PAGE = 200;
const KEEP_EVERY_MS = 4_000;
const COME_AGAIN = 'connect again, and resume';

/** Reads a page once for all streams that stand at the same place. */
function createLog(db: Db, nowMs: () => number): StatusLog & { forget(): void } {
  const pages = new Map<number, ReturnType<StatusLog['pageAfter']>>();
  const read = async (position: number) => {
    const changes = await readChanges(db, position, PAGE);
    // Read after the changes: what was forgotten, or which stations were given or taken, before or between shows.
    return { changes, floor: (await positionsOf(db)).floor, regranted: await accessChangedAfter(db, position) };
  };
  return {
    pageAfter(position) {
      const page = pages.get(position) ?? read(position);
      pages.set(position, page);
      return page;
    },
    snapshot: (caller) => takeSnapshot(db, caller),
    nowMs,
    forget: () => pages.clear(),
  };
}

/** Feeds the streams of this process from the log in the database, which all processes share. Nothing is asked while there is none. */
export function createStreamHub(context: HubContext, times: StreamTimes = streamTimes): StreamHub {
  const { db, clock, timers, logger } = context;
  const streams = new Set<Stream>();
  const log = createLog(db, () => clock.wallMs());
  const open = new Set<Promise<void>>();
  const tellProgress = progressRounds({ db, clock }, times.progressEveryMs);
  let head = 0;
  let keptAtMs = 0;
  let isStopping = false;

  const look = async (): Promise<void> => {
    // Whoever comes next reads for itself.
    if (streams.size === 0) return log.forget();
    if (await hasUnnumbered(db)) await numberChanges(db);
    const now = (await positionsOf(db)).head;
    // A page that was not full then may be fuller now; one that failed is read again.
    log.forget();
    if (now === head) return;
    head = now;
    for (const stream of streams) stream.wake();
  };
  const checkRights = async (): Promise<void> => {
    if (streams.size === 0) return;
    const nowMs = clock.wallMs();
    const all = [...streams];
    const isGood = await mayStillRead(db, [...new Set(all.map(({ caller }) => caller.keyId))], nowMs);
    const good = all.filter((stream) => isGood({ keyId: stream.caller.keyId, address: stream.address }));
    for (const stream of all) {
      if (!good.includes(stream)) stream.end(closeCodes.rightsEnded, 'the key may not be used any more');
    }
    const byPartner = Map.groupBy(good, ({ caller }) => partnerOf(caller));
    for (const own of byPartner.values()) {
      const [first] = own;
      if (first === undefined) continue;
      const usable = await usableSites(db, first.caller);
      for (const stream of own) stream.takeSites(usable);
    }
    if (Math.abs(nowMs - keptAtMs) < KEEP_EVERY_MS) return;
    keptAtMs = nowMs;
    await keepPlaces(
      db,
      good.map(({ streamId }) => streamId),
      nowMs,
    );
  };
  const poll = (name: string, intervalMs: number, run: () => Promise<void>): Poller =>
    startPoller({ name, intervalMs, timers, logger, run });
  const pollers = [
    poll('look for status changes to stream', times.lookEveryMs, look),
    poll('check the rights of status streams', times.rightsEveryMs, checkRights),
    poll('let status streams live', times.beatEveryMs, () => {
      for (const stream of streams) stream.beat();
      return Promise.resolve();
    }),
    poll('tell streams how charges get on', times.progressLookEveryMs, () => tellProgress(streams)),
  ];

  /** Until the other side is gone. */
  const serve: StreamHub['open'] = async (wish) => {
    const { streamId, socket, caller, after } = wish;
    const gone = new Promise<void>((resolve) => {
      socket.once('close', () => resolve());
    });
    const usable = await usableSites(db, caller);
    const { head: last } = await positionsOf(db);
    const stream = openStream({
      ...wish,
      usableSites: usable,
      begin: beginOf(after, last),
      takenWithinMs: times.takenWithinMs,
      log,
      timers,
      onFailed: (error) => logger.error({ err: error, streamId }, 'status stream fails'),
    });
    streams.add(stream);
    logger.info({ streamId, keyId: caller.keyId, after }, 'status stream opens');
    // It was not among those that `stop` has ended.
    if (isStopping) stream.end(closeCodes.goingAway, COME_AGAIN);
    if (socket.readyState !== socket.CLOSED) await gone;
    streams.delete(stream);
    stream.end(closeCodes.goingAway, 'gone');
    await leavePlace(db, streamId);
    logger.info({ streamId, keyId: caller.keyId }, 'status stream ends');
  };
  return {
    open(wish) {
      const underWay = serve(wish).finally(() => open.delete(underWay));
      open.add(underWay);
      return underWay;
    },
    async stop() {
      isStopping = true;
      for (const stream of streams) stream.end(closeCodes.goingAway, COME_AGAIN);
      await Promise.all(pollers.map((poller) => poller.stop()));
      await Promise.allSettled(open);
    },
  };
}

/** That a position is too old, the stream finds by itself. */
function beginOf(after: number | null, head: number): StreamOptions['begin'] {
  if (after === null) return { reason: 'begin' };
  return after > head ? { reason: 'position-unknown' } : { position: after };
}
