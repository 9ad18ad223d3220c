import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { makeAuthorityFiles } from './authority/make-files.ts';

const USAGE = `npm run make:authority -- --folder <folder> --broker-host <name or address> [--broker-host …] [--port 8883] [--pid-file <file>] [--without-plugin]

  an authority for the certificates of broker, cloud and sites, and a configuration of Mosquitto that asks for them, with a plugin
  that tells the cloud who publishes as somebody else, and ends the connections of who is revoked (built here: needs cc)
`;

const { values } = parseArgs({
  options: {
    folder: { type: 'string' },
    'broker-host': { type: 'string', multiple: true },
    port: { type: 'string', default: '8883' },
    'pid-file': { type: 'string' },
    'without-plugin': { type: 'boolean', default: false },
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
  hasPlugin: !values['without-plugin'],
  nowMs: Date.now(),
});
process.stdout.write(
  `made in ${place}. authority.key signs for every site: keep a copy of it where nobody else comes.\n`,
);
