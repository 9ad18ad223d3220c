// A worker process that makes alerts of alarms and tells of them, without end. It is killed in the middle.
import { setTimeout } from 'node:timers/promises';
import { pino } from 'pino';
import { escalateDue } from '../alerts/escalate.ts';
import { createPostWorker } from '../alerts/posts/post-worker.ts';
import { writePosts } from '../alerts/posts/write-posts.ts';
import { takeAlarms } from '../alerts/take-alarms.ts';
import type { CloudContext } from '../context.ts';
import { connect } from '../db/connect.ts';
import { createSecretBox } from '../keys/seal.ts';
import { systemRandom } from '../random.ts';
import { systemTimers } from '../system-timers.ts';
import { ticketsOfAlerts } from '../tickets/by-policy.ts';
import { createWebhookPoster } from '../webhooks/post.ts';

const [url = '', masterKey = '', hostPort = '', aheadMs = '0'] = process.argv.slice(2);
const settings = { publicUrl: null, webhookDevAllow: [hostPort] };
const context = {
  db: await connect({ engine: 'postgresql', url }, () => undefined),
  clock: { wallMs: () => Date.now() + Number(aheadMs), monoMs: () => performance.now() },
  timers: systemTimers,
  random: systemRandom,
  logger: pino({ level: 'silent' }),
  secrets: createSecretBox(Buffer.from(masterKey, 'hex'), systemRandom.bytes),
  lookUp: () => Promise.resolve([]),
  wake: { commands: () => {}, deliveries: () => {}, alerts: () => {} },
  settings: settings as unknown as CloudContext['settings'],
};
const worker = createPostWorker(context, createWebhookPoster({ lookUp: context.lookUp, devAllow: [hostPort] }));
for (;;) {
  await takeAlarms(context, ticketsOfAlerts(context));
  await escalateDue(context);
  await writePosts(context);
  await worker.startDue();
  await setTimeout(10);
}
