import { EventEmitter } from 'node:events';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { WebSocket } from 'ws';
import { type Stage, setTheStage, staffPost } from '../testing/fixtures.ts';
import { createSteppedTimers } from '../testing/stepped-timers.ts';
import { startTestCloud, type TestCloud } from '../testing/test-cloud.ts';
import { createStreamHub, streamTimes } from './hub.ts';

let cloud: TestCloud;
let stage: Stage;
beforeAll(async () => {
  cloud = await startTestCloud();
  stage = await setTheStage(cloud, { name: 'rights' });
});
afterAll(() => cloud?.stop());

/** A client that takes everything at once. */
class Taking extends EventEmitter {
  readonly CLOSED = 3;
  readonly OPEN = 1;
  readyState = 1;
  readonly sent: string[] = [];
  code: number | null = null;
  send(text: string, done: () => void): void {
    this.sent.push(text);
    done();
  }
  ping(): void {}
  close(code: number): void {
    this.code = code;
    this.readyState = this.CLOSED;
    this.emit('close');
  }
  terminate = () => this.close(1006);
}

const endings: [string, (keyId: string) => Promise<unknown>][] = [
  ['disable', (keyId) => staff(`/keys/${keyId}/disable`)],
  ['revoke', (keyId) => staff(`/keys/${keyId}/revoke`)],
  ['suspend', () => staff('/suspend')],
];
const staff = (path: string) =>
  staffPost(cloud.app, cloud.staffToken, `/staff/v1/partners/${stage.partnerId}${path}`, { reason: 'a test' });

test('OP-04 the stream of a key that is disabled, revoked or suspended ends within a second', async () => {
  for (const [how, endKey] of endings) {
    const key = await staffPost(cloud.app, cloud.staffToken, `/staff/v1/partners/${stage.partnerId}/keys`, {
      environment: 'sandbox',
      scopes: ['read'],
    });
    const timers = createSteppedTimers();
    const hub = createStreamHub({ ...cloud.context, timers });
    // Without a stream the jobs of the hub have nothing to do, and wait for their next turn.
    await expect.poll(() => timers.waiting()).toBeGreaterThanOrEqual(3);
    const jobs = timers.waiting();
    const socket = new Taking();
    const caller = {
      partnerId: stage.partnerId,
      keyId: key.key_id,
      familyId: key.key_id,
      environment: 'sandbox',
      scopes: ['read'],
    } as const;
    const wish = { streamId: crypto.randomUUID(), caller, address: '127.0.0.1', siteId: null, after: null };
    const open = hub.open({ ...wish, socket: socket as unknown as WebSocket });
    await expect.poll(() => socket.sent.length).toBeGreaterThan(0);
    const settled = () => expect.poll(() => timers.waiting(), { interval: 5 }).toBeGreaterThanOrEqual(jobs);
    // The worst moment: a look has just gone by. Looks take no time of these timers.
    await timers.advance(10 * streamTimes.rightsEveryMs + 1, settled);
    expect([how, socket.code]).toEqual([how, null]);
    await endKey(key.key_id);
    await timers.advance(1_000, settled);
    // Time stands still from here on: only what has begun within the second can end it.
    await expect.poll(() => [how, socket.code]).toEqual([how, 4001]);
    await open;
    await hub.stop();
  }
});
