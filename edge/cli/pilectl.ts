import { connect } from 'node:net';
import { parseArgs } from 'node:util';
import { formatKwh } from '#shared/units.ts';
import { type ControlReply, type ControlRequest, controlSocketPath, type SiteStatus } from './control-socket.ts';

const USAGE = `pilectl --data <folder> <command>

  status              every connector, and how the site stands with the cloud
  reset <connector>   clear latched faults, after having looked at the pile
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
    socket.on('end', () => resolve(JSON.parse(received)));
  });
}

const cell = (value: string | number | null, width: number) => String(value ?? '-').padEnd(width);

function show(status: SiteStatus): string {
  const rows = status.connectors.map((c) => {
    const energy = c.energyWh === null ? null : formatKwh(c.energyWh);
    const temperature = c.temperatureC === null ? null : `${c.temperatureC} °C`;
    const current = c.currentMa === null ? null : `${(c.currentMa / 1000).toFixed(1)} A`;
    return `${cell(c.connectorId, 16)}${cell(c.status, 12)}${cell(current, 10)}${cell(energy, 14)}${cell(temperature, 10)}${c.faults.join(', ')}`;
  });
  const { sync } = status;
  const link =
    sync === null
      ? 'cloud: not known yet'
      : `cloud: ${sync.link}, ${sync.backlog} records waiting, ${sync.ackedSeq} of ${sync.headSeq} acknowledged`;
  const head = `${cell('connector', 16)}${cell('status', 12)}${cell('current', 10)}${cell('energy', 14)}${cell('temp', 10)}faults`;
  return [`site ${status.siteId}`, head, ...rows, link].join('\n');
}

/** What the words on the command line ask for; null when they are not understood. */
function readCommand(args: string[]): { dataDir: string; request: ControlRequest } | null {
  try {
    const { values, positionals } = parseArgs({ args, options: { data: { type: 'string' } }, allowPositionals: true });
    const [command, connectorId, ...more] = positionals;
    if (values.data === undefined || more.length > 0) return null;
    if (command === 'status' && connectorId === undefined) return { dataDir: values.data, request: { do: 'status' } };
    if (command !== 'reset' || connectorId === undefined) return null;
    return { dataDir: values.data, request: { do: 'reset', connectorId } };
  } catch {
    return null;
  }
}

async function run(): Promise<number> {
  const command = readCommand(process.argv.slice(2));
  if (command === null) {
    process.stderr.write(USAGE);
    return EXIT_USAGE;
  }
  const reply = await ask(controlSocketPath(command.dataDir), command.request);
  if (!reply.ok) {
    process.stderr.write(`not done: ${reply.error}\n`);
    return EXIT_FAILED;
  }
  process.stdout.write(reply.status === undefined ? 'done\n' : `${show(reply.status)}\n`);
  return 0;
}

try {
  process.exitCode = await run();
} catch (error) {
  process.stderr.write(
    `The edge does not answer: ${error instanceof Error ? error.message : String(error)}\nIs it running with this data folder?\n`,
  );
  process.exitCode = EXIT_FAILED;
}
