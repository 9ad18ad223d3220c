import { randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import type { Logger } from 'pino';
import { isPilegateError } from '#shared/errors.ts';
import type { BootClock } from '#shared/stamp.ts';
import type { Command } from '#shared/wire/messages.ts';
import { readCardKey } from './access/card-reference.ts';
import { openControlSocket } from './cli/control-socket.ts';
import { refusalText } from './cli/refusal-text.ts';
import { commandFailed } from './control/report.ts';
import { packagedProfiles } from './devices/load-profiles.ts';
import { LOG_KEPT_BYTES, LogRing } from './diagnostics/log-ring.ts';
import type { StorageHealth } from './ledger/storage-health.ts';
import { FieldFigureKeeper } from './metrics/field-figures.ts';
import type { MetricsAddress } from './metrics/open-metrics.ts';
import { type BegunSite, beginSite } from './runtime/begin-site.ts';
import { healthInfluence } from './runtime/controller-health.ts';
import { Field } from './runtime/field.ts';
import { HeldStarts } from './runtime/held-starts.ts';
import { LedgerClient } from './runtime/ledger-client.ts';
import type { LateLoop } from './runtime/liveness.ts';
import { createLineGate } from './runtime/log-stream.ts';
import { createLogger } from './runtime/logger.ts';
import { watchLedger } from './runtime/mutual-watch.ts';
import { RequestNotes } from './runtime/request-notes.ts';
import { runningSite } from './runtime/running-site.ts';
import { beginsWith, storeBeginning } from './runtime/settle-site.ts';
import { SiteDocuments } from './runtime/site-documents.ts';
import { chargingAt, healthOf } from './runtime/site-health.ts';
import { keepMemorySmall } from './runtime/small-memory.ts';
import { readBootId, stamper, systemClock, systemTimers } from './runtime/system-time.ts';
import type { SyncView } from './runtime/thread-messages.ts';
import { shareTurns, turnCounter } from './runtime/turn-counters.ts';
import { LEDGER_LOOP, watchedLoops } from './runtime/watched-loops.ts';

const SOFTWARE = 'pilegate-edge 0.1.0';
const VIEW_EVERY_S = 2;
const FIGURES_EVERY_MS = 2000;
const SAMPLES_EVERY_MS = 2000;
const EXIT_BAD_INPUT = 2;

/** Composition root of the edge: the field on this thread, ledger and link on the other. */
async function run(chosen: BegunSite, logLevel: string, metrics: MetricsAddress | null): Promise<void> {
  keepMemorySmall();
  const { site, devices } = chosen.checked;
  const logGate = createLineGate();
  const ring = new LogRing(LOG_KEPT_BYTES);
  const log = createLogger(logLevel, logGate, ring).child({ siteId: site.siteId });
  const bootId = readBootId();
  // The ledger thread judges the clock: it has the disk and the cloud as witnesses.
  let known: BootClock = { bootId, offsetMs: 0, quality: 'none' };
  const stamp = stamper(systemClock, () => known);
  let onClockKnown: (clock: BootClock) => void = () => {};
  const onClock = (clock: BootClock) => {
    known = clock;
    onClockKnown(clock);
  };
  const die = (error: unknown) => {
    log.fatal({ err: error }, 'the edge ends; piles fall back by their own watchdogs');
    process.exit(1);
  };
  process.on('uncaughtException', die);
  const turns = { field: shareTurns(watchedLoops(site, devices)), ledger: shareTurns([LEDGER_LOOP]) };
  const ledger = new LedgerClient(
    { site, bootId, logLevel, logGate, software: SOFTWARE, turns, metrics },
    { stamp, onClock, onFatal: die },
  );
  const opened = await ledger.opened();
  const begins = beginsWith(chosen, opened, stamp());
  if (begins.text !== chosen.text) {
    log.warn({ version: begins.version }, 'the ledger had to be mended: the edge begins with what it says');
    await ledger.close();
    return run(begins, logLevel, metrics);
  }
  await storeBeginning(begins, opened, { ledger, newId: randomUUID, timers: systemTimers, log });
  let sync: SyncView | null = null;
  let { storage } = opened;
  const doors = { store: ledger.putDocuments.bind(ledger), stamp, log };
  const { door: siteDoor, change: siteChange } = runningSite({
    ...doors,
    begun: begins,
    history: begins.history,
    health: () => healthOf(field, sync),
    charging: () => chargingAt(field),
    restart: (reason) => {
      log.warn({ reason }, 'the edge ends to begin again');
      void end();
    },
    onTry: () => begins.starts.forget(),
    onJudged: () => {
      begins.starts.forget();
      documents.opened();
    },
    newId: randomUUID,
    clock: systemClock,
    timers: systemTimers,
  });
  const documents = new SiteDocuments({ ...doors, site, siteDoor, stored: opened.documents, onChange: () => {} });
  const figures = metrics === null ? null : new FieldFigureKeeper();
  const notes = new RequestNotes({ dataDir: site.dataDir, log });
  const field = new Field({
    site,
    devices,
    opened,
    clock: systemClock,
    timers: systemTimers,
    stamp,
    newId: randomUUID,
    log,
    commit: (transaction) => ledger.commit(transaction),
    onView: (connectors) => ledger.post({ kind: 'view', connectors }),
    cardKey: site.access === undefined ? null : readCardKey(site.access.keyFile),
    documents: { tariffs: () => documents.tariffs.active, cards: () => documents.access.active },
    onTurn: turnCounter(turns.field),
    onNote: (note) => notes.add(note),
    ...(figures === null ? {} : { onStop: (stop) => figures.stopped(stop) }),
    storeRules: (version, document) => ledger.putRules(version, document),
    surroundings: () => ({ storageLevel: storage.level, isLinkUp: sync === null ? null : sync.link === 'open' }),
  });
  documents.open();
  let ledgerLate: LateLoop | null = null;
  const tellHealth = () => field.influenceAll('health', healthInfluence({ storage, ledgerLate }));
  const ledgerWatch = watchLedger({ turns, clock: systemClock, timers: systemTimers, log }, (late) => {
    ledgerLate = late;
    tellHealth();
  });
  tellHealth();
  field.start();
  const take = (command: Command) => takeCommand(field, ledger, log, command);
  const begun = new Set(opened.sessions.flatMap(({ commandId }) => commandId ?? []));
  const heldStarts = new HeldStarts(opened.commands, { take, begun, timers: systemTimers });
  onClockKnown = (clock) => {
    field.clockKnown(clock);
    if (clock.quality === 'trusted') heldStarts.release();
  };
  onClockKnown(known);
  const cancel = (commandId: string) => {
    heldStarts.releaseOne(commandId);
    field.cancel(commandId);
  };
  for (const commandId of opened.cancelled) cancel(commandId);
  const onStorage = (health: StorageHealth) => {
    const isReplaced = health.storeEpoch !== storage.storeEpoch;
    storage = health;
    tellHealth();
    if (!isReplaced) return;
    field.storeAgain();
    documents.storeAgain();
  };
  ledger.listen((notice) => {
    switch (notice.kind) {
      case 'command':
        return take(notice.command);
      case 'cancel':
        return cancel(notice.commandId);
      case 'document':
        return documents.push(notice.push, notice.refusal);
      case 'acknowledged':
        return field.acknowledged(notice.id);
      case 'storage':
        return onStorage(notice.health);
      case 'collect':
        return ledger.post({
          kind: 'field-facts',
          bundleId: notice.bundleId,
          facts: { ...field.facts(), fieldLog: ring.lines(), requests: notes.last() },
        });
      case 'sync':
        sync = notice.sync;
        field.access.cloudIs(sync.link === 'open');
    }
  });
  const viewTimer = setInterval(
    () => ledger.post({ kind: 'view', connectors: field.view() }),
    (site.cloud.viewEverySeconds ?? VIEW_EVERY_S) * 1000,
  );
  const samplesTimer = setInterval(() => ledger.post({ kind: 'samples', samples: field.samples() }), SAMPLES_EVERY_MS);
  const figuresTimer =
    figures === null
      ? null
      : setInterval(() => ledger.post({ kind: 'figures', figures: figures.take(field) }), FIGURES_EVERY_MS);
  const control = await openControlSocket(site.dataDir, {
    status: () => ({ siteId: site.siteId, connectors: field.view(), sync }),
    lines: () => field.lines(),
    devices: () => field.devices(),
    parking: () => field.parking(),
    power: () => field.power(),
    storage: () => storage,
    confirmLoss: () => ledger.confirmLoss(),
    backUp: (path) => ledger.backUp(path),
    deadLetters: (change) => ledger.deadLetters(change),
    io: field.io,
    rules: field.rules,
    documents,
    access: field.access,
    move: (deviceId, move) => field.moveParking(deviceId, move, 'technician'),
    reset: (connectorId) => field.reset(connectorId),
    release: (connectorId, by, why) => field.release(connectorId, by, why),
    maintain: (connectorId, wish) => field.maintain(connectorId, wish),
    log,
  });
  log.info(
    { piles: site.piles.length, lines: site.lines.length, openSessions: opened.sessions.length },
    'edge is running',
  );
  ledger.post({ kind: 'announce', phase: 'started' });
  ledgerWatch.start();
  siteChange.start();
  process.stdout.write(`${JSON.stringify({ ready: true, siteId: site.siteId, controlSocket: control.path })}\n`);

  const end = async () => {
    siteChange.close();
    ledger.post({ kind: 'announce', phase: 'stopping' });
    ledgerWatch.stop();
    clearInterval(viewTimer);
    clearInterval(samplesTimer);
    if (figuresTimer !== null) clearInterval(figuresTimer);
    await control.close();
    await documents.close();
    await field.close();
    await notes.close();
    await ledger.close();
    log.info('edge ends');
    log.flush();
    process.exit(0);
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void end());
}

function takeCommand(field: Field, ledger: LedgerClient, log: Logger, command: Command): void {
  if (field.command(command)) return;
  const { commandId, connectorId } = command;
  const report = commandFailed(commandId, 'connector.unknown', `this site has no connector ${connectorId}`);
  // Unanswered, the command stays in the inbox and is answered after the next start.
  ledger.commit({ session: null, records: [report] }).catch((error: unknown) => {
    log.error({ code: 'store.unavailable', commandId, err: error }, 'record could not be stored');
  });
}

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace'];

function readArguments(): { site: string; profiles: string; logLevel: string; metrics: MetricsAddress | null } {
  const { values } = parseArgs({
    options: {
      site: { type: 'string' },
      profiles: { type: 'string', default: packagedProfiles },
      'log-level': { type: 'string', default: 'info' },
      metrics: { type: 'string' },
    },
  });
  if (values.site === undefined) throw new TypeError('say which site: --site <file.json>');
  if (!LOG_LEVELS.includes(values['log-level'])) throw new TypeError(`--log-level is one of ${LOG_LEVELS.join(', ')}`);
  return {
    site: values.site,
    profiles: values.profiles,
    logLevel: values['log-level'],
    metrics: addressOf(values.metrics),
  };
}

/** A port, or `host:port`; on loopback unless it says where. @throws TypeError */
function addressOf(text: string | undefined): MetricsAddress | null {
  if (text === undefined) return null;
  const [, host = '127.0.0.1', port] = /^(?:(.+):)?(\d{1,5})$/.exec(text) ?? [];
  if (port === undefined || Number(port) > 65_535) throw new TypeError('--metrics is a port, or host:port');
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) };
}

let siteFile: string | null = null;
try {
  const { site: file, profiles: profilesFolder, logLevel, metrics } = readArguments();
  siteFile = file;
  await run(await beginSite({ file, profilesFolder }), logLevel, metrics);
} catch (error) {
  if (!isPilegateError(error) && !(error instanceof TypeError)) throw error;
  process.stderr.write(`${isPilegateError(error) ? refusalText(error, siteFile) : error.message}\n`);
  process.exit(EXIT_BAD_INPUT);
}
