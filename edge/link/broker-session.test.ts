import { createServer, type Socket } from 'node:net';
import { Aedes } from 'aedes';
import { expect, onTestFinished, test } from 'vitest';
import { type BrokerListener, openBrokerSession } from './broker-session.ts';
import { pause } from './testing.ts';

/** A broker of this test, and a site's session with it. */
async function openPair(change: Partial<BrokerListener> = {}, fraction = () => 0) {
  const broker = await Aedes.createBroker();
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    broker.handle(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const heard = { up: 0 };
  const session = openBrokerSession(
    {
      url: `mqtt://127.0.0.1:${port}`,
      clientId: 'a',
      username: 'a',
      authority: null,
      subscribeTo: 'x/+',
      fraction,
    },
    {
      login: () => ({ kind: 'none' }),
      will: () => ({ topic: 'w', payload: '' }),
      onUp: () => {
        heard.up += 1;
      },
      onDown: () => {},
      onMessage: () => {},
      ...change,
    },
  );
  onTestFinished(async () => {
    await session.close();
    await new Promise<void>((resolve) => broker.close(resolve));
    server.close();
  });
  const breakOff = () => {
    for (const socket of sockets) socket.destroy();
  };
  return { broker, session, heard, breakOff };
}

test('SY-05 a subscription that is refused is asked for again after a second, not in a hot loop', async () => {
  const { broker, heard } = await openPair({}, () => 0.5);
  const askedAtMs: number[] = [];
  let isRefusing = true;
  broker.authorizeSubscribe = (_client, subscription, done) => {
    askedAtMs.push(performance.now());
    done(null, isRefusing ? null : subscription);
  };
  await pause(1500);
  expect(heard.up, 'a site that hears nothing is not up').toBe(0);
  expect(askedAtMs.length).toBeLessThanOrEqual(2);
  isRefusing = false;
  await expect.poll(() => heard.up, { interval: 20 }).toBe(1);
});

test('SY-05 SY-06 a login that is refused is tried again, with what is good by then: the refusal may have been a passing one', async () => {
  let password = 'old';
  const { broker, heard, session } = await openPair({ login: () => ({ kind: 'password', password }) });
  const tried: string[] = [];
  const triedAtMs: number[] = [];
  broker.authenticate = (_client, _username, told, done) => {
    tried.push(told?.toString() ?? '');
    triedAtMs.push(performance.now());
    if (told?.toString() === 'new') return done(null, true);
    done(Object.assign(new Error('no'), { returnCode: 4 }), false);
  };
  await expect.poll(() => tried.length, { interval: 20 }).toBeGreaterThanOrEqual(3);
  expect(heard.up).toBe(0);
  for (const [n, atMs] of triedAtMs.slice(1).entries())
    expect(atMs - (triedAtMs[n] ?? 0), 'no hot loop').toBeGreaterThan(400);
  password = 'new';
  session.reconnect();
  await expect.poll(() => heard.up, { interval: 20 }).toBe(1);
  expect(tried.at(-1)).toBe('new');
});

test('SY-05 a broker that is away is asked less and less often, at once when there is reason to, and quickly again after the next loss', async () => {
  let fraction = 0;
  const { broker, heard, session, breakOff } = await openPair({}, () => fraction);
  const triedAtMs: number[] = [];
  let isRefusing = true;
  broker.authenticate = (_client, _username, _told, done) => {
    triedAtMs.push(performance.now());
    done(isRefusing ? Object.assign(new Error('no'), { returnCode: 3 }) : null, !isRefusing);
  };
  const gaps = () => triedAtMs.slice(1).map((at, n) => at - (triedAtMs[n] ?? 0));
  await expect.poll(() => gaps().length, { interval: 5 }).toBeGreaterThanOrEqual(1);
  fraction = 0.999;
  await expect.poll(() => gaps().length, { interval: 5 }).toBeGreaterThanOrEqual(2);
  for (const [n, longMs] of [500, 1000].entries()) expect(gaps()[n]).toBeGreaterThanOrEqual(longMs - 5);
  await pause(200);
  isRefusing = false;
  session.reconnect();
  await expect.poll(() => heard.up, { interval: 5 }).toBe(1);
  expect(gaps()[2], 'not after 8 s').toBeLessThan(6000);
  breakOff();
  await expect.poll(() => heard.up, { interval: 5 }).toBe(2);
  expect(gaps()[3], 'after 2 s, not 10').toBeLessThan(6000);
});
