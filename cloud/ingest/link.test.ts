import { createServer } from 'node:net';
import { Aedes } from 'aedes';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { systemTimers } from '../system-timers.ts';
import { openCloudLink } from './link.ts';

test('SY-05 a broker that refuses the cloud for a while is asked again, and heard when it is ready', async () => {
  const broker = await Aedes.createBroker();
  let isReady = false;
  let asked = 0;
  broker.authenticate = (_client, _username, _password, done) => {
    asked += 1;
    if (isReady) return done(null, true);
    done(Object.assign(new Error('no'), { returnCode: 3 }), false);
  };
  const server = createServer(broker.handle);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const link = openCloudLink({
    url: `mqtt://127.0.0.1:${port}`,
    clientId: 'cloud',
    timers: systemTimers,
    fraction: () => 0,
    logger: pino({ level: 'silent' }),
    onMessage: () => Promise.resolve(),
  });
  onTestFinished(async () => {
    await link.close();
    await new Promise<void>((resolve) => broker.close(resolve));
    server.close();
  });
  await expect.poll(() => asked).toBeGreaterThanOrEqual(2);
  expect(link.isProven()).toBe(false);
  isReady = true;
  await expect.poll(() => link.isProven()).toBe(true);
});
