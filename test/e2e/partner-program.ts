import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { pause } from './charge.ts';
import type { Rig } from './rig.ts';

const PROGRAM = join(import.meta.dirname, '../../docs/examples/partner-program.mjs');
const WITHIN_MS = 80_000;

/** What the partner's program prints of its charge. */
export interface PartnerReport {
  readonly stations: readonly string[];
  /** The code with which a request was refused whose signature was wrong. */
  readonly forged: string;
  readonly order_id: string;
  readonly events: readonly string[];
  readonly state: string;
  readonly energy_wh: number;
  readonly amount_due: { readonly minor: number };
  /** As the program has added it up. */
  readonly total_minor: number;
  /** Where it came to something else than the bill. */
  readonly complaints: readonly string[];
}

/** Runs the program of the documentation as a process of its own, which knows an address, a key and a connector. */
export async function runPartnerProgram(
  rig: Rig,
  { connectorId, port }: { connectorId: string; port: number },
): Promise<PartnerReport> {
  const { key, cloud } = rig.station;
  const env = {
    PATH: process.env.PATH,
    API: cloud.ready.httpUrl,
    KEY: key.keyId,
    SECRET: key.secret,
    CONNECTOR: connectorId,
    PORT: String(port),
    WEBHOOK_URL: `http://127.0.0.1:${port}/hooks`,
  };
  const { stdout } = await promisify(execFile)(process.execPath, [PROGRAM], { env, timeout: WITHIN_MS });
  return JSON.parse(stdout);
}

/** Sends to a partner's port, all the time, what looks as the end of a charge and is signed by nobody. @returns what was answered, once stopped */
export function forgeWebhooks(port: number): { stop(): Promise<readonly number[]> } {
  const statuses: number[] = [];
  let goesOn = true;
  const sending = (async () => {
    while (goesOn) {
      const headers = {
        'webhook-id': `msg_${randomUUID()}`,
        'webhook-timestamp': String(Math.floor(Date.now() / 1000)),
        'webhook-signature': `v1,${Buffer.alloc(32).toString('base64')}`,
      };
      const body = JSON.stringify({ type: 'charge.ended', timestamp: new Date().toISOString(), data: {} });
      const sent = fetch(`http://127.0.0.1:${port}/hooks`, { method: 'POST', headers, body });
      // Nobody listens before the program does, and after it.
      const status = await sent.then(
        (response) => response.status,
        () => null,
      );
      if (status !== null) statuses.push(status);
      await pause(500);
    }
    return statuses;
  })();
  return {
    stop() {
      goesOn = false;
      return sending;
    },
  };
}
