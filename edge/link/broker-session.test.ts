import { createServer } from 'node:net';
import { Aedes } from 'aedes';
import { expect, onTestFinished, test } from 'vitest';
import { openBrokerSession } from './broker-session.ts';
import { pause } from './testing.ts';

test('SY-05 a subscription that is refused is asked for again after a second, not in a hot loop', async () => {
  const broker = await Aedes.createBroker();
  const askedAtMs: number[] = [];
  let isRefusing = true;
  broker.authorizeSubscribe = (_client, subscription, done) => {
    askedAtMs.push(performance.now());
    done(null, isRefusing ? null : subscription);
  };
  const server = createServer(broker.handle);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  let up = 0;
  const session = openBrokerSession(
    { url: `mqtt://127.0.0.1:${port}`, clientId: 'a', username: 'a', authority: null, subscribeTo: 'x/+' },
    {
      login: () => ({ kind: 'none' }),
      will: () => ({ topic: 'w', payload: '' }),
      onUp: () => {
        up += 1;
      },
      onDown: () => {},
      onMessage: () => {},
    },
  );
  onTestFinished(async () => {
    await session.close();
    await new Promise<void>((resolve) => broker.close(resolve));
    server.close();
  });
  await pause(1500);
  expect(up, 'a site that hears nothing is not up').toBe(0);
  expect(askedAtMs.length).toBeLessThanOrEqual(2);
  isRefusing = false;
  await expect.poll(() => up, { timeout: 4000, interval: 20 }).toBe(1);
});
