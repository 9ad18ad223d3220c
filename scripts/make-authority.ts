import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { makeAuthorityFiles } from './authority/make-files.ts';

const USAGE = `npm run make:authority -- --folder <folder> --broker-host <name or address> [--broker-host …] [--port 8883] [--pid-file <file>]

  an authority for the certificates of broker, cloud and sites, and a configuration of Mosquitto that asks for them
`;

const { values } = parseArgs({
  options: {
    folder: { type: 'string' },
    'broker-host': { type: 'string', multiple: true },
    port: { type: 'string', default: '8883' },
    'pid-file': { type: 'string' },
  },
});
const { folder, 'broker-host': brokerHosts, 'pid-file': pidFile } = values;
const port = Number(values.port);
if (folder === undefined || brokerHosts === undefined || !Number.isInteger(port)) {
  process.stderr.write(USAGE);
  process.exit(2);
}
const place = resolve(folder);
await makeAuthorityFiles({
  folder: place,
  brokerHosts,
  port,
  address: null,
  pidFile: pidFile ?? null,
  nowMs: Date.now(),
});
process.stdout.write(
  `made in ${place}. authority.key signs for every site: keep a copy of it where nobody else comes.\n`,
);
