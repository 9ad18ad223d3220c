import { connect } from 'node:net';
import { basename, resolve } from 'node:path';
import { text as readText } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { isPilegateError } from '#shared/errors.ts';
import { packagedProfiles } from '../devices/load-profiles.ts';
import { readRulesFile } from '../rules/rules-file.ts';
import { cardEntry } from './card-command.ts';
import { leaveClaim } from './claim-command.ts';
import { type ControlReply, type ControlRequest, controlSocketPath } from './control-socket.ts';
import { deadLetterRequestOf } from './dead-letters-command.ts';
import { documentRequestOf } from './documents-command.ts';
import { checkSiteFile } from './plan-command.ts';
import { checkRulesFile } from './rules-command.ts';
import { textOf } from './show.ts';

const USAGE = `pilectl --data <folder> <command>

  status              every connector, and how the site stands with the cloud
  lines               every line and device: requests, failures, reply times, utilisation
  devices             who answers at every connector: model, serial number, firmware, meter
  parking             every ground lock and barrier
  power               how the supply is shared: limits, what every connector has been granted, and why not more
  raise <device>      raise a ground lock or open a barrier
  lower <device>      lower a ground lock or close a barrier
  reset <connector>   clear latched faults, after having looked at the pile
  storage             free space, ballast, and what is written to the disk
  confirm-store       end the refusal after a damaged ledger, after having looked at every pile and contact, and having
                      disabled again what is worked at, and loaded the rules again
  backup <file>       copy the ledger to a new file, while the edge works
  restore <file>      make a backup the ledger; only while no edge works in the folder
  inputs              every site input and trip output
  reset-input <input> end what a site input has latched, after having looked at what it watches
  reset-trip <output> put the supply behind a trip output back, after having looked at what is behind it
  cards               who may charge without asking the cloud, card readers, and cards that were refused last
  start <connector>   begin a charge, with the tariff in force, or without one where there is none
  stop <connector>    end the charge that runs there, whoever has begun it
  release <connector> <reason>
                      end the reservation that the connector is held for
  disable <connector> [--stop-running]
                      take it out of service, also over restarts; a charge goes on unless it is to be stopped
  enable <connector>  put it back into service; what is latched stays latched
  reboot <connector>  restart its pile, when no charge runs and the model can
  unlock <connector>  release its plug, when it is off and the model can
  rules               the site rules in force, and where each of them holds
  rules load <file>   check rules, store them, and put them into force
  rules rollback      go back to the version that was in force before
  documents           the versions of every document, and why each is as it is; kinds: site, tariffs, access
  documents show <kind> [<version>]
                      a document as it is in force, or a version that is kept
  documents check <kind> <file>
                      whether a document would be taken, and what it would wait for
  documents diff <kind> <file>
                      what it would change, by path, old and new
  documents load <kind> <file>
                      check a document, store it, and put it into force
  documents rollback <kind>
                      go back to the version that was in force before

  dead-letters        records that the cloud has refused, and why
  dead-letters retry <number>
                      send one again as a new record, behind those of its session that were refused before it
  dead-letters drop <number>
                      forget one; what tells of a charge is never dropped

  config …            the same words for the configuration of the site: config show, config diff <file>, config load <file>

pilectl plan <site.json> [--profiles <folder>]

  line times, watchdogs, stops and fallback currents of a site, and whether it can be run; needs no running edge

pilectl card-entry <site.json>

  the entry of a list for the card whose number is read from the terminal or a pipe; needs no running edge

pilectl claim <site.json>

  leaves the claim code that is read from the terminal or a pipe for the edge, which exchanges it for a credential of its own

pilectl rules check <rules.json> [<site.json>]

  whether an edge would take the rules, with the names of the site if it is given; needs no running edge
`;
/** Who types, and where what is said goes. */
export interface Terminal {
  /** Numbers and codes come from here, and not from the words of the command. */
  readonly stdin: NodeJS.ReadableStream;
  /** Under this name it is on the log whose hand it was. */
  readonly technician: string;
  out(text: string): void;
  err(text: string): void;
}

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

function ask(path: string, request: ControlRequest): Promise<ControlReply> {
  return new Promise((resolve, reject) => {
    const socket = connect(path, () => socket.write(`${JSON.stringify(request)}\n`));
    let received = '';
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => {
      received += text;
    });
    socket.on('error', reject);
    socket.on('end', () => {
      const reply = replyIn(received);
      if (reply === null) reject(new Error('it ended before it had answered'));
      else resolve(reply);
    });
  });
}

/** Null when the edge ended before it had said everything. */
function replyIn(received: string): ControlReply | null {
  try {
    return JSON.parse(received);
  } catch {
    return null;
  }
}

type Command =
  | { readonly kind: 'ask'; readonly dataDir: string; readonly request: ControlRequest }
  | { readonly kind: 'plan'; readonly siteFile: string; readonly profiles: string }
  | { readonly kind: 'check-rules'; readonly rulesFile: string; readonly siteFile: string | null }
  | { readonly kind: 'load-rules'; readonly dataDir: string; readonly rulesFile: string }
  | { readonly kind: 'documents'; readonly dataDir: string; readonly words: readonly string[] }
  | { readonly kind: 'card-entry'; readonly siteFile: string }
  | { readonly kind: 'claim'; readonly siteFile: string }
  | { readonly kind: 'restore'; readonly dataDir: string; readonly file: string };

/** What the words on the command line ask for; null when they are not understood. */
function readCommand(args: readonly string[], technician: string): Command | null {
  try {
    const options = {
      data: { type: 'string' },
      profiles: { type: 'string' },
      'stop-running': { type: 'boolean', default: false },
    } as const;
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
    const { data: dataDir, profiles, 'stop-running': stopRunning } = values;
    const [command, subject, ...more] = positionals;
    if (command === 'rules' && profiles === undefined && !stopRunning)
      return rulesCommandOf(positionals.slice(1), dataDir);
    if (command === 'config' && profiles === undefined && !stopRunning)
      return dataDir === undefined ? null : { kind: 'documents', dataDir, words: siteWords(positionals.slice(1)) };
    if (command === 'documents' && profiles === undefined && !stopRunning)
      return dataDir === undefined ? null : { kind: 'documents', dataDir, words: positionals.slice(1) };
    if (command === 'dead-letters' && profiles === undefined && !stopRunning && dataDir !== undefined) {
      const request = deadLetterRequestOf(positionals.slice(1), technician);
      return request === null ? null : { kind: 'ask', dataDir, request };
    }
    const [why, ...rest] = more;
    if (command === 'release' && subject !== undefined && why !== undefined && rest.length === 0 && !stopRunning)
      return dataDir === undefined || profiles !== undefined
        ? null
        : { kind: 'ask', dataDir, request: { do: 'release', connectorId: subject, why, by: technician } };
    if (more.length > 0 || (stopRunning && command !== 'disable')) return null;
    if (command === 'plan' && subject !== undefined && dataDir === undefined)
      return { kind: 'plan', siteFile: subject, profiles: profiles ?? packagedProfiles };
    const isOfSite = subject !== undefined && dataDir === undefined && profiles === undefined;
    if ((command === 'card-entry' || command === 'claim') && isOfSite) return { kind: command, siteFile: subject };
    if (dataDir === undefined || profiles !== undefined) return null;
    if (command === 'restore') return subject === undefined ? null : { kind: 'restore', dataDir, file: subject };
    const request = requestOf(command, subject, { stopRunning, by: technician });
    return request === null ? null : { kind: 'ask', dataDir, request };
  } catch {
    return null;
  }
}

/** "config diff FILE" is "documents diff site FILE". */
const siteWords = ([verb, ...more]: readonly string[]): string[] => (verb === undefined ? [] : [verb, 'site', ...more]);

function rulesCommandOf([verb, file, siteFile, ...more]: string[], dataDir: string | undefined): Command | null {
  if (more.length > 0) return null;
  if (verb === 'check' && file !== undefined && dataDir === undefined)
    return { kind: 'check-rules', rulesFile: file, siteFile: siteFile ?? null };
  if (dataDir === undefined || siteFile !== undefined) return null;
  if (verb === 'load' && file !== undefined) return { kind: 'load-rules', dataDir, rulesFile: file };
  if (file !== undefined) return null;
  if (verb === undefined) return { kind: 'ask', dataDir, request: { do: 'rules' } };
  return verb === 'rollback' ? { kind: 'ask', dataDir, request: { do: 'roll-back-rules' } } : null;
}

function requestOf(
  command: string | undefined,
  subject: string | undefined,
  { stopRunning, by }: { readonly stopRunning: boolean; readonly by: string },
): ControlRequest | null {
  switch (command) {
    case 'status':
    case 'lines':
    case 'devices':
    case 'parking':
    case 'power':
    case 'inputs':
    case 'storage':
    case 'cards':
      return subject === undefined ? { do: command } : null;
    case 'start':
    case 'stop':
      return subject === undefined ? null : { do: command, connectorId: subject, by };
    case 'confirm-store':
      return subject === undefined ? { do: command, by } : null;
    case 'backup':
      return subject === undefined ? null : { do: 'back-up', path: resolve(subject) };
    case 'reset':
      return subject === undefined ? null : { do: command, connectorId: subject };
    case 'reset-input':
      return subject === undefined ? null : { do: command, inputId: subject };
    case 'reset-trip':
      return subject === undefined ? null : { do: command, outputId: subject };
    case 'disable':
    case 'enable':
    case 'reboot':
    case 'unlock':
      return subject === undefined ? null : { do: command, connectorId: subject, stopRunning, by };
    case 'raise':
    case 'lower':
      return subject === undefined ? null : { do: command, deviceId: subject };
    default:
      return null;
  }
}

/** Does what the words of a command line ask for. Returns the code that the process is to end with. */
export function runPilectl(args: readonly string[], terminal: Terminal): number | Promise<number> {
  const command = readCommand(args, terminal.technician);
  if (command === null) {
    terminal.err(USAGE);
    return EXIT_USAGE;
  }
  switch (command.kind) {
    case 'plan':
      return plan(command, terminal);
    case 'check-rules':
      return checkRules(command, terminal);
    case 'load-rules':
      return loadRules(command, terminal);
    case 'documents':
      return documents(command, terminal);
    case 'card-entry':
      return cardEntryOf(command, terminal);
    case 'claim':
      return claim(command, terminal);
    case 'restore':
      return restore(command, terminal);
    case 'ask':
      return askEdge(command, terminal);
  }
}

function checkRules({ rulesFile, siteFile }: Extract<Command, { kind: 'check-rules' }>, terminal: Terminal): number {
  const { isGood, text } = checkRulesFile(rulesFile, siteFile);
  terminal.out(`${text}\n`);
  return isGood ? 0 : EXIT_FAILED;
}

function loadRules(
  { dataDir, rulesFile }: Extract<Command, { kind: 'load-rules' }>,
  terminal: Terminal,
): number | Promise<number> {
  let text: string;
  try {
    text = readRulesFile(rulesFile);
  } catch (error) {
    if (!isPilegateError(error)) throw error;
    terminal.err(`not done: ${error.detail}\n`);
    return EXIT_FAILED;
  }
  return askEdge({ kind: 'ask', dataDir, request: { do: 'load-rules', name: basename(rulesFile), text } }, terminal);
}

function documents(
  { dataDir, words }: Extract<Command, { kind: 'documents' }>,
  terminal: Terminal,
): number | Promise<number> {
  let request: ControlRequest | null;
  try {
    request = documentRequestOf(words, terminal.technician);
  } catch (error) {
    if (!isPilegateError(error)) throw error;
    terminal.err(`not done: ${error.detail}\n`);
    return EXIT_FAILED;
  }
  if (request !== null) return askEdge({ kind: 'ask', dataDir, request }, terminal);
  terminal.err(USAGE);
  return EXIT_USAGE;
}

/** The number is not among the words of the command: those stay in the shell's history, and every user can see them. */
async function cardEntryOf(
  { siteFile }: Extract<Command, { kind: 'card-entry' }>,
  terminal: Terminal,
): Promise<number> {
  const typed = await readText(terminal.stdin);
  const { isGood, text } = cardEntry(siteFile, typed);
  if (isGood) terminal.out(`${text}\n`);
  else terminal.err(`not done: ${text}\n`);
  return isGood ? 0 : EXIT_FAILED;
}

/** The code comes as a card's number does, and for the same reason. */
async function claim({ siteFile }: Extract<Command, { kind: 'claim' }>, terminal: Terminal): Promise<number> {
  const { isGood, text } = leaveClaim(siteFile, await readText(terminal.stdin));
  if (isGood) terminal.out(`${text}\n`);
  else terminal.err(`not done: ${text}\n`);
  return isGood ? 0 : EXIT_FAILED;
}

async function restore({ file, dataDir }: Extract<Command, { kind: 'restore' }>, terminal: Terminal): Promise<number> {
  // Only this command needs SQLite, which takes longer to load than all the rest.
  const { restoreLedger } = await import('./restore-command.ts');
  const { isDone, text } = await restoreLedger(file, dataDir);
  if (isDone) terminal.out(`${text}\n`);
  else terminal.err(`not done: ${text}\n`);
  return isDone ? 0 : EXIT_FAILED;
}

function plan({ siteFile, profiles }: Extract<Command, { kind: 'plan' }>, terminal: Terminal): number {
  const { isFeasible, text } = checkSiteFile(siteFile, profiles);
  terminal.out(`${text}\n`);
  return isFeasible ? 0 : EXIT_FAILED;
}

async function askEdge({ dataDir, request }: Extract<Command, { kind: 'ask' }>, terminal: Terminal): Promise<number> {
  let reply: ControlReply;
  try {
    reply = await ask(controlSocketPath(dataDir), request);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    terminal.err(`The edge does not answer: ${reason}\nIs it running with this data folder?\n`);
    return EXIT_FAILED;
  }
  if (!reply.ok) {
    terminal.err(`not done: ${reply.error}\n`);
    return EXIT_FAILED;
  }
  terminal.out(`${textOf(reply.shown)}\n`);
  return 0;
}
