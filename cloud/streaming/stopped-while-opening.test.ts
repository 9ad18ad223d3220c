import { EventEmitter } from 'node:events';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { WebSocket } from 'ws';
import { setTheStage } from '../testing/fixtures.ts';
import { startTestCloud, type TestCloud } from '../testing/test-cloud.ts';
import { createStreamHub } from './hub.ts';

let cloud: TestCloud;
beforeAll(async () => {
  cloud = await startTestCloud();
});
afterAll(() => cloud?.stop());

/** A client that closes when it is asked to, and never of itself. */
class Patient extends EventEmitter {
  readonly CLOSED = 3;
  readonly OPEN = 1;
  readyState = 1;
  readonly sent: string[] = [];
  send(text: string, done: () => void): void {
    this.sent.push(text);
    done();
  }
  ping(): void {}
  close(): void {
    this.readyState = this.CLOSED;
    this.emit('close');
  }
  terminate = () => this.close();
}

test('OP-11 a stream that is just being opened when its process stops is ended as well', async () => {
  const stage = await setTheStage(cloud, { name: 'stopped' });
  const hub = createStreamHub(cloud.context);
  const socket = new Patient();
  const caller = {
    partnerId: stage.partnerId,
    keyId: stage.key.key_id,
    familyId: stage.key.key_id,
    environment: 'sandbox',
    scopes: [],
  } as const;
  const wish = { streamId: '00000000-0000-4000-8000-000000000000', caller, address: '127.0.0.1', siteId: null };
  const open = hub.open({ ...wish, socket: socket as unknown as WebSocket, after: null });
  const late = new Promise((resolve) => setTimeout(() => resolve('still waits'), 3_000));
  expect(await Promise.race([hub.stop().then(() => 'stopped'), late])).toBe('stopped');
  socket.close();
  await open;
});
