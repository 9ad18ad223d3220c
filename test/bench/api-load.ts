import { createHash, createHmac, randomUUID } from 'node:crypto';
import { Pool } from 'undici';
import type { PartnerKey } from '../../scripts/start/partner-client.ts';

/**
 * Asks for starts at a fixed rate, whatever becomes of those before, in a process of its own. What it is to do comes as a message, what it
 * has seen goes back as one. A latency runs from the moment at which the request was due, so a platform that stalls is charged for
 * everybody who waits meanwhile.
 */
export interface LoadTask {
  readonly baseUrl: string;
  readonly keys: readonly PartnerKey[];
  readonly connectorIds: readonly string[];
  readonly ratePerS: number;
}

export interface LoadSeen {
  /** Of those that were accepted, in ms. */
  readonly latencyMs: readonly number[];
  /** How often each answer came. */
  readonly answers: Readonly<Record<string, number>>;
  /** From when the first was due until the last was answered, in ms. */
  readonly tookMs: number;
  /** How late this process itself sent, at most, in ms. */
  readonly latestSendMs: number;
}

const CONNECTIONS = 64;
const TICK_MS = 1;

process.on('message', (task: LoadTask) => {
  void ask(task).then((seen) => process.send?.(seen));
});
process.stdout.write('{"ready":true}\n');

async function ask({ baseUrl, keys, connectorIds, ratePerS }: LoadTask): Promise<LoadSeen> {
  const pool = new Pool(baseUrl, { connections: CONNECTIONS });
  const latencyMs: number[] = [];
  const answers: Record<string, number> = {};
  let latestSendMs = 0;
  const fromMs = performance.now() + 100;
  const dueMs = (i: number) => fromMs + (i * 1000) / ratePerS;
  const one = async (connectorId: string, i: number): Promise<void> => {
    latestSendMs = Math.max(latestSendMs, performance.now() - dueMs(i));
    const answer = await startAt(pool, keys[i % keys.length], connectorId);
    if (answer === '202') latencyMs.push(performance.now() - dueMs(i));
    answers[answer] = (answers[answer] ?? 0) + 1;
  };
  const asked: Promise<void>[] = [];
  while (asked.length < connectorIds.length) {
    for (;;) {
      const connectorId = connectorIds[asked.length];
      if (connectorId === undefined || dueMs(asked.length) > performance.now()) break;
      asked.push(one(connectorId, asked.length));
    }
    await new Promise((resolve) => setTimeout(resolve, TICK_MS));
  }
  await Promise.all(asked);
  const tookMs = performance.now() - fromMs;
  await pool.close();
  return { latencyMs, answers, tookMs, latestSendMs };
}

async function startAt(pool: Pool, key: PartnerKey | undefined, connectorId: string): Promise<string> {
  if (key === undefined) throw new TypeError('nobody to ask as');
  const path = '/v1/operations/start';
  const body = JSON.stringify({ request_id: randomUUID(), connector_id: connectorId });
  const timestamp = String(Math.floor(Date.now() / 1000));
  const nonce = randomUUID();
  const digest = createHash('sha256').update(body).digest('hex');
  const text = ['v1', 'POST', path, timestamp, nonce, digest].join('\n');
  try {
    const reply = await pool.request({
      path,
      method: 'POST',
      body,
      headers: {
        'content-type': 'application/json',
        'pilegate-key': key.keyId,
        'pilegate-timestamp': timestamp,
        'pilegate-nonce': nonce,
        'pilegate-signature': `v1=${createHmac('sha256', key.secret).update(text).digest('hex')}`,
      },
    });
    const answer = await reply.body.text();
    return reply.statusCode === 202 ? '202' : `${reply.statusCode} ${JSON.parse(answer).code}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
