import { connect } from 'node:net';
import { parseArgs } from 'node:util';
import { packagedProfiles } from '../devices/load-profiles.ts';
import { type ControlReply, type ControlRequest, controlSocketPath } from './control-socket.ts';
import { checkSiteFile } from './plan-command.ts';
import { textOf } from './show.ts';

const USAGE = `pilectl --data <folder> <command>

  status              every connector, and how the site stands with the cloud
  lines               every line and device: requests, failures, reply times, utilisation
  parking             every ground lock and barrier
  raise <device>      raise a ground lock or open a barrier
  lower <device>      lower a ground lock or close a barrier
  reset <connector>   clear latched faults, after having looked at the pile

pilectl plan <site.json> [--profiles <folder>]

  line times, watchdogs, stops and fallback currents of a site, and whether it can be run; needs no running edge
`;
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
  | { readonly kind: 'plan'; readonly siteFile: string; readonly profiles: string };

/** What the words on the command line ask for; null when they are not understood. */
function readCommand(args: string[]): Command | null {
  try {
    const options = { data: { type: 'string' }, profiles: { type: 'string' } } as const;
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
    const { data: dataDir, profiles } = values;
    const [command, subject, ...more] = positionals;
    if (more.length > 0) return null;
    if (command === 'plan' && subject !== undefined && dataDir === undefined)
      return { kind: 'plan', siteFile: subject, profiles: profiles ?? packagedProfiles };
    if (dataDir === undefined || profiles !== undefined) return null;
    const request = requestOf(command, subject);
    return request === null ? null : { kind: 'ask', dataDir, request };
  } catch {
    return null;
  }
}

function requestOf(command: string | undefined, subject: string | undefined): ControlRequest | null {
  switch (command) {
    case 'status':
    case 'lines':
    case 'parking':
      return subject === undefined ? { do: command } : null;
    case 'reset':
      return subject === undefined ? null : { do: command, connectorId: subject };
    case 'raise':
    case 'lower':
      return subject === undefined ? null : { do: command, deviceId: subject };
    default:
      return null;
  }
}

function run(): number | Promise<number> {
  const command = readCommand(process.argv.slice(2));
  if (command === null) {
    process.stderr.write(USAGE);
    return EXIT_USAGE;
  }
  return command.kind === 'plan' ? plan(command) : askEdge(command);
}

function plan({ siteFile, profiles }: Extract<Command, { kind: 'plan' }>): number {
  const { isFeasible, text } = checkSiteFile(siteFile, profiles);
  process.stdout.write(`${text}\n`);
  return isFeasible ? 0 : EXIT_FAILED;
}

async function askEdge({ dataDir, request }: Extract<Command, { kind: 'ask' }>): Promise<number> {
  let reply: ControlReply;
  try {
    reply = await ask(controlSocketPath(dataDir), request);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    process.stderr.write(`The edge does not answer: ${reason}\nIs it running with this data folder?\n`);
    return EXIT_FAILED;
  }
  if (!reply.ok) {
    process.stderr.write(`not done: ${reply.error}\n`);
    return EXIT_FAILED;
  }
  process.stdout.write(`${textOf(reply.shown)}\n`);
  return 0;
}

process.exitCode = await run();
