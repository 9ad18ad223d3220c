import { mkdirSync, readFileSync } from 'node:fs';
import type { Logger } from 'pino';
import type { Clock, Timers } from '#shared/clock.ts';
import type { BootClock, Stamp } from '#shared/stamp.ts';
import type { ConnectorView } from '#shared/wire/messages.ts';
import type { RecordBody } from '#shared/wire/records.ts';
import type { SiteConfig } from '../config/site.ts';
import type { Facts } from '../diagnostics/bundle.ts';
import { Bundles } from '../diagnostics/bundles.ts';
import { PinnedKeysFile } from '../documents/pinned-keys-file.ts';
import { refusalOfPush } from '../documents/pushed-document.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { Storage, type StorageParts } from '../ledger/storage.ts';
import { isStoreError } from '../ledger/store-trouble.ts';
import type { OpenBrokerSession } from '../link/broker-session.ts';
import { openIdentity } from '../link/identity/open-identity.ts';
import { Link } from '../link/link.ts';
import { overWays } from '../link/over-ways.ts';
import type { LedgerLook } from '../metrics/edge-metrics.ts';
import type { MetricsAddress, OpenMetrics } from '../metrics/open-metrics.ts';
import { SAMPLES_BYTES_PER_S, samplesOf } from '../samples/samples-source.ts';
import type { OsLook } from '../time/clock-judge.ts';
import { ClockWatch } from '../time/clock-watch.ts';
import type { LineGate } from './log-stream.ts';
import { type BothTurns, watchField } from './mutual-watch.ts';
import { stamper } from './system-time.ts';
import { SystemdService, type SystemdServiceParts, statusLine } from './systemd-service.ts';
import type { FromLedger, SyncView, ToLedger } from './thread-messages.ts';
import { TurnCounters } from './turn-counters.ts';

/** What the field thread gives this one to begin with. */
export interface LedgerThreadData {
  readonly site: SiteConfig;
  readonly bootId: string;
  readonly logLevel: string;
  readonly logGate: LineGate;
  readonly software: string;
  readonly turns: BothTurns;
  /** Where metrics are told; null: nowhere. */
  readonly metrics?: MetricsAddress | null;
}

/** This thread's end of the channel to the field thread. */
export interface LedgerPort {
  postMessage(message: FromLedger): void;
  on(event: 'message', listener: (message: ToLedger) => void): unknown;
  close(): void;
}

/** Everything outside this thread but the field, as arguments: a run in simulated time has others. */
export interface LedgerOutside extends Pick<StorageParts, 'disk' | 'openLedger'> {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly look: () => OsLook;
  readonly newId: () => string;
  /** Random, from 0 inclusive to 1 exclusive. */
  readonly fraction: () => number;
  readonly log: Logger;
  /** What this thread has logged last; absent where nobody keeps it. */
  readonly logLines?: () => string[];
  /** Which box this is; null where that cannot be told. */
  readonly controllerId: string | null;
  readonly openBroker: OpenBrokerSession;
  /** Null when no systemd waits for a word. */
  /** Absent where nobody scrapes. */
  readonly openMetrics?: OpenMetrics;
  readonly systemd: Pick<SystemdServiceParts, 'asks' | 'notify'> | null;
}

const SYNC_VIEW_EVERY_MS = 1000;
const LOOK_AT_CLOCK_EVERY_MS = 1000;

/** Runs the ledger thread until the field thread closes it. */
export function runLedgerThread(port: LedgerPort, data: LedgerThreadData, outside: LedgerOutside): void {
  const { site } = data;
  const { clock: osClock, timers, newId, log } = outside;
  const post = (message: FromLedger) => port.postMessage(message);
  mkdirSync(site.dataDir, { recursive: true });
  // The store is a witness of the clock's judgement: while it is being opened nobody knows the time.
  let known: BootClock = { bootId: data.bootId, offsetMs: 0, quality: 'none' };
  const stamp = stamper(osClock, () => known);
  const storage = new Storage({
    dataDir: site.dataDir,
    config: site.storage,
    piles: site.piles.length,
    ...outside,
    stamp,
    onHealth: (health) => post({ kind: 'storage', health }),
  });
  const { ledger } = storage;
  const untold: RecordBody[] = [];
  const clock = new ClockWatch({
    bootId: data.bootId,
    lastTrusted: ledger.lastTrusted(),
    look: outside.look,
    onKnown: (clockOfBoot) => {
      known = clockOfBoot;
      post({ kind: 'clock', clock: known });
    },
    onCorrected: (record) => {
      log.warn({ ...record }, 'the clock of this boot is corrected');
      untold.push(record);
    },
  });
  if (outside.controllerId !== null) noteController(ledger, outside.controllerId, stamp());
  const openWork = ledger.openWork(stamp());
  const rules = ledger.rules();
  const documents = ledger.documents();
  // Reading may have met damage: what is told of the store is of the one that is there then.
  storage.refresh();
  post({ kind: 'opened', storeEpoch: ledger.storeEpoch, ...openWork, rules, documents, storage: storage.health });
  const { brokerUrl, localAddress, fallbacks = [], shard, passwordFile, authorityFile } = site.cloud;
  const authority = authorityFile === undefined ? null : readFileSync(authorityFile, 'utf8');
  const identity = openIdentity(site, authority, { clock: osClock, log });
  const password = passwordFile === undefined ? null : readFileSync(passwordFile, 'utf8').trim();
  const pinnedKeys = new PinnedKeysFile(site.dataDir);
  let way = 0;
  const ways = [
    { url: brokerUrl, localAddress },
    ...fallbacks.map((other) => ({ url: other.brokerUrl, localAddress: other.localAddress })),
  ];
  const link = new Link({
    site: { siteId: site.siteId, shard, brokerUrl, password },
    openBroker: overWays(outside.openBroker, ways, { clock: osClock, timers, log, onWay: (taken) => (way = taken) }),
    controllerId: outside.controllerId,
    ...(identity === null ? {} : { login: identity }),
    authority,
    software: data.software,
    ledger,
    clock: osClock,
    timers,
    stamp,
    newId,
    fraction: outside.fraction,
    otherStreams: [samplesOf(storage.samples, site.cloud.samplesBytesPerS ?? SAMPLES_BYTES_PER_S)],
    log,
    actedOn: openWork.commands.map(({ commandId }) => commandId),
    onCommand: (command) => post({ kind: 'command', command }),
    onCancel: (commandId) => post({ kind: 'cancel', commandId }),
    onDiagnose: (question) => bundles.ask(question),
    onDocument: (push) =>
      post({ kind: 'document', push, refusal: refusalOfPush(push, site.siteId, pinnedKeys.read()) }),
    documentKeyIds: () => pinnedKeys.keyIds(),
    onDocumentKeys: (offer) => pinnedKeys.follow(offer, log),
    onAcknowledged: (id) => post({ kind: 'acknowledged', id }),
    onCloudTime: (told) => {
      if (clock.hear(told)) ledger.timeIsConfirmed(stamp());
    },
  });
  const bundles = new Bundles({
    clock: osClock,
    timers,
    log,
    collect: (bundleId) => post({ kind: 'collect', bundleId }),
    send: (piece) => link.sendPiece(piece),
  });
  const ledgerFacts = (): Facts => ({
    software: data.software,
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    uptimeS: Math.round(process.uptime()),
    memory: process.memoryUsage(),
    at: stamp(),
    clock: known,
    controllerId: outside.controllerId,
    site,
    storage: storage.health,
    sync: syncView(ledger, link, way),
    documents: ledger.documents().map(({ text: _text, ...document }) => document),
    deadLetters: ledger.deadLetterCodes(),
    ledgerLog: outside.logLines?.() ?? [],
  });
  const endClockLooks = every(timers, LOOK_AT_CLOCK_EVERY_MS, () => {
    if (clock.tick() && link.askTime()) clock.asked();
    if (tell(ledger, untold, stamp())) link.poke();
    identity?.tick(link);
  });
  let backlog = ledger.backlog();
  const endSyncViews = every(timers, SYNC_VIEW_EVERY_MS, () => {
    const sync = syncView(ledger, link, way);
    if (sync === null) return;
    backlog = sync.backlog;
    post({ kind: 'sync', sync });
  });
  storage.start();
  const fieldTurns = new TurnCounters(data.turns.field);
  const metrics = outside.openMetrics?.(() => ({
    sync: syncView(ledger, link, way),
    storage: storage.health,
    clock: known.quality,
    outbox: outboxLook(ledger, stamp().wallMs),
    samplesLost: storage.samples.lostCount,
    turns: fieldTurns.turns().map((turns, i) => ({ name: fieldTurns.loops[i]?.name ?? '', turns })),
  }));

  const timed = (work: () => void) => {
    const beganMonoMs = osClock.monoMs();
    work();
    metrics?.committed(osClock.monoMs() - beganMonoMs);
  };
  /** The reason of a failure goes back to the field thread, which decides what it means. */
  const store = (commitId: number, work: () => void) => {
    storage.commits.add({
      store: metrics === undefined ? work : () => timed(work),
      onStored: () => {
        post({ kind: 'committed', commitId });
        link.poke();
      },
      onFailed: (reason) => post({ kind: 'commit-failed', commitId, reason }),
    });
    storage.committed();
  };
  const answerDeadLetters = ({ commitId, change, at }: Extract<ToLedger, { kind: 'dead-letters' }>) => {
    try {
      const refused = change === null ? null : ledger.changeDeadLetter(change, at);
      post({ kind: 'dead-letters', commitId, letters: ledger.deadLetters(), refused });
      link.poke();
    } catch (error) {
      if (!isStoreError(error)) throw error;
      post({ kind: 'commit-failed', commitId, reason: error.message });
    }
  };
  let view: readonly ConnectorView[] = [];
  const status = () => statusLine(view, { link: link.state, backlog });
  const { systemd } = outside;
  const service = systemd === null ? null : new SystemdService({ ...systemd, clock: osClock, log, status });
  const watch = watchField({ turns: data.turns, clock: osClock, timers, log }, service);

  port.on('message', (message: ToLedger) => {
    switch (message.kind) {
      case 'commit':
        return store(message.commitId, () => ledger.commit(message.transaction, message.at));
      case 'put-rules':
        return store(message.commitId, () => ledger.putRules(message.version, message.document));
      case 'put-documents':
        return store(message.commitId, () => ledger.putDocuments(message.change, message.records, message.at));
      case 'dead-letters':
        return answerDeadLetters(message);
      case 'confirm-loss':
        return store(message.commitId, () => storage.confirmLoss());
      case 'back-up':
        return void storage.backUp(message.path).then(
          () => post({ kind: 'committed', commitId: message.commitId }),
          (error: unknown) => post({ kind: 'commit-failed', commitId: message.commitId, reason: messageOf(error) }),
        );
      case 'samples':
        return storage.takeSamples(message.samples);
      case 'view':
        view = message.connectors;
        return link.showView(message.connectors);
      case 'announce':
        if (message.phase === 'started') watch.start();
        else watch.stop();
        return message.phase === 'started' ? service?.started() : service?.stopping();
      case 'figures':
        return metrics?.field(message.figures);
      case 'field-facts':
        return bundles.take(message.bundleId, { ...ledgerFacts(), ...message.facts });
      case 'close':
        bundles.close();
        metrics?.close();
        endSyncViews();
        endClockLooks();
        void link.close().then(() => {
          storage.close();
          log.flush();
          post({ kind: 'closed' });
          port.close();
        });
    }
  });
}

/** Stores what is to be told. What the disk does not take is offered again. @returns whether there is something new to send */
function tell(ledger: Ledger, untold: RecordBody[], at: Stamp): boolean {
  if (untold.length === 0) return false;
  try {
    ledger.commit({ session: null, records: untold }, at);
  } catch (error) {
    if (isStoreError(error)) return false;
    throw error;
  }
  untold.length = 0;
  return true;
}

/** On a disk that takes nothing it is noted after the next start. */
function noteController(ledger: Ledger, controllerId: string, at: Stamp): void {
  try {
    ledger.takenUpBy(controllerId, at);
  } catch (error) {
    if (!isStoreError(error)) throw error;
  }
}

/** Null while the store cannot be read. */
function syncView(ledger: Ledger, link: Link, way: number): SyncView | null {
  try {
    return {
      link: link.state,
      held: link.held,
      way,
      storeEpoch: ledger.storeEpoch,
      backlog: ledger.backlog(),
      ackedSeq: ledger.ackedSeq(),
      headSeq: ledger.headSeq(),
    };
  } catch (error) {
    if (isStoreError(error)) return null;
    throw error;
  }
}

/** Null while the store cannot be read. */
function outboxLook(ledger: Ledger, nowWallMs: number): LedgerLook['outbox'] {
  try {
    const { oldestWallMs, bytes } = ledger.outboxLook();
    return { oldestAgeMs: oldestWallMs === null ? null : Math.max(0, nowWallMs - oldestWallMs), bytes };
  } catch (error) {
    if (isStoreError(error)) return null;
    throw error;
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Repeats an action. @returns what ends it */
function every(timers: Timers, periodMs: number, action: () => void): () => void {
  const again = (): void => {
    cancel = timers.after(periodMs, again);
    action();
  };
  let cancel = timers.after(periodMs, again);
  return () => cancel();
}
