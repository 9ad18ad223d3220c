import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { parseArgs, promisify } from 'node:util';
import { z } from 'zod';
import { SimulatorClient } from '../start/simulator-client.ts';
import { beginSchema, createRig } from './rig.ts';
import { openUplink } from './uplink.ts';

/**
 * The bench behind a sandbox site: it makes faults at simulated piles, cuts the site off, and resets what is latched when a fault is
 * over. On loopback only, for the cloud of the same machine.
 */
const LOOPBACK = '127.0.0.1';
const RESET_TRIES = 20;
const RESET_AGAIN_MS = 3_000;
const PILECTL = join(import.meta.dirname, '../../edge/cli/pilectl.ts');

const { values } = parseArgs({ options: { simulator: { type: 'string' }, data: { type: 'string' } } });
const { simulator, data } = z.object({ simulator: z.url(), data: z.string() }).parse(values);
const run = promisify(execFile);

const NOTHING = 'nothing is latched';

/** Until it is seen to be safe a reset is refused; the fault itself takes a moment to be gone. */
async function reset(connectorId: string): Promise<void> {
  for (let tries = 1; tries <= RESET_TRIES; tries += 1) {
    const isDone = await run(process.execPath, [PILECTL, '--data', data, 'reset', connectorId]).then(
      () => true,
      (error: unknown) =>
        String(error).includes(NOTHING) || String((error as { stdout?: unknown }).stdout).includes(NOTHING),
    );
    if (isDone) return;
    await new Promise((resolve) => setTimeout(resolve, RESET_AGAIN_MS));
  }
}

const uplink = await openUplink();
const piles = new SimulatorClient(simulator);
const rig = createRig(
  { piles, uplink, reset: (connectorId) => void reset(connectorId) },
  (delayMs, later) => {
    const timer = setTimeout(later, delayMs);
    return () => clearTimeout(timer);
  },
  (error) => process.stderr.write(`a fault cannot be ended: ${String(error)}\n`),
);

const uplinkSchema = z.strictObject({ host: z.string(), port: z.int().min(1).max(65_535) });

async function answer(request: IncomingMessage): Promise<{ status: number; text?: string }> {
  const [collection, id = ''] = (request.url ?? '/').slice(1).split('/');
  if (request.method === 'PUT' && collection === 'uplink') {
    uplink.lead(uplinkSchema.parse(await json(request)));
    return { status: 204 };
  }
  if (collection !== 'faults' || id === '') return { status: 404 };
  if (request.method === 'PUT') {
    const fault = beginSchema.safeParse(await json(request));
    if (!fault.success) return { status: 400, text: fault.error.message };
    return rig.begin(id, fault.data).then(
      () => ({ status: 204 }),
      (error: unknown) => ({ status: 409, text: error instanceof Error ? error.message : String(error) }),
    );
  }
  if (request.method !== 'DELETE') return { status: 405 };
  await rig.end(id);
  return { status: 204 };
}

const server = createServer((request, response) => {
  answer(request).then(
    ({ status, text }) => response.writeHead(status).end(text),
    (error: unknown) => response.writeHead(500).end(String(error)),
  );
});
server.listen(0, LOOPBACK);
await once(server, 'listening');
const address = server.address();
if (address === null || typeof address === 'string') throw new Error('no port');
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => process.exit(0));
process.stdout.write(
  `${JSON.stringify({ ready: true, url: `http://${LOOPBACK}:${address.port}`, uplinkPort: uplink.port })}\n`,
);
