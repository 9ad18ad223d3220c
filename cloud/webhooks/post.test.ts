import type { ServerResponse } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startWebhookReceiver, type WebhookReceiver } from '../testing/webhook-receiver.ts';
import { createWebhookPoster, type WebhookPoster } from './post.ts';

let receiver: WebhookReceiver;
let poster: WebhookPoster;
/** A name that looked public when it was registered, and now points at this machine. */
const lookUp = () => Promise.resolve([{ address: '127.0.0.1', family: 4 }]);

beforeAll(async () => {
  receiver = await startWebhookReceiver();
  poster = createWebhookPoster({ lookUp, devAllow: [receiver.hostPort], timeoutMs: 400 });
});
afterAll(async () => {
  await poster.close();
  await receiver.close();
});

const post = (how: (response: ServerResponse) => void, url = receiver.url) => {
  receiver.answer((_webhook, response) => how(response));
  return poster.post(url, { 'content-type': 'application/json' }, '{}');
};

test('OP-20 a name that has come to point at a private address is refused at connect time', async () => {
  const port = receiver.hostPort.split(':')[1];
  const before = receiver.received.length;
  const outcome = await poster.post(`https://rebound.example:${port}/`, {}, '{}');
  expect(outcome).toMatchObject({ kind: 'failed', error: expect.stringContaining('not a public address') });
  const literal = await poster.post(`http://127.0.0.2:${port}/`, {}, '{}');
  expect(literal).toMatchObject({ kind: 'failed', error: expect.stringContaining('not a public address') });
  expect(receiver.received.length).toBe(before);
});

test('OP-20 a redirect is an answer like any other, and not followed', async () => {
  const before = receiver.received.length;
  const outcome = await post((response) => response.writeHead(302, { location: receiver.url }).end());
  expect(outcome).toEqual({ kind: 'answered', status: 302, text: '', retryAfter: null });
  expect(receiver.received.length).toBe(before + 1);
});

test('OP-20 a receiver that does not answer, or never ends its answer, is given up in time', async () => {
  expect(await post(() => {})).toMatchObject({ kind: 'failed' });
  expect(await post((response) => response.writeHead(200).write('{'))).toMatchObject({ kind: 'failed' });
});

test('OP-20 an answer that drips is given up when its time is over, however steadily it drips', async () => {
  const beganMs = performance.now();
  const outcome = await post((response) => {
    response.writeHead(200);
    const drip = setInterval(() => response.write('.'), 50);
    response.on('close', () => clearInterval(drip));
  });
  expect(outcome).toMatchObject({ kind: 'failed' });
  expect(performance.now() - beganMs).toBeLessThan(1_500);
});

test('OP-20 of an endless answer no more than a little is read', async () => {
  const outcome = await post((response) => {
    response.writeHead(200);
    const pour = (): void => {
      while (response.writable && response.write(Buffer.alloc(16_384)));
    };
    response.on('drain', pour);
    pour();
  });
  expect(outcome).toMatchObject({ kind: 'answered', status: 200, text: '\0'.repeat(4_096) });
});

test('a receiver that breaks the connection is an outcome, not an exception', async () => {
  expect(await post((response) => response.destroy())).toMatchObject({ kind: 'failed' });
});
