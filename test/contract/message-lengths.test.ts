import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { startEmbeddedBroker } from '../../cloud/broker/embedded.ts';
import { openBrokerSession } from '../../edge/link/broker-session.ts';
import { keepBuffersApart } from '../../shared/buffer-memory.ts';
import { upTopic } from '../../shared/wire/topics.ts';

/** Goal: a site that runs for months has no more memory for each message of another length. */

const LENGTHS = 400;
/** What a thread allocates between two messages. */
const BETWEEN_BYTES = 30_000;

test('ED-11 messages of many lengths leave no memory behind, at the site and in the broker', async () => {
  keepBuffersApart();
  const broker = await startEmbeddedBroker({
    port: 0,
    logger: pino({ level: 'silent' }),
    onDenied: () => {},
    authenticate: async () => ({ role: 'site', siteId: 'a', shard: 7, fingerprint: 'f' }),
  });
  onTestFinished(() => broker.close());
  let isUp = false;
  const session = openBrokerSession(
    {
      url: broker.url,
      clientId: 'a',
      username: 'a',
      authority: null,
      fraction: () => 0,
      subscribeTo: 'pilegate/v1/07/a/down/+',
    },
    {
      login: () => ({ kind: 'none' }),
      will: () => ({ topic: upTopic(7, 'a', 'presence'), payload: '' }),
      onUp: () => {
        isUp = true;
      },
      onDown: () => {},
      onMessage: () => {},
    },
  );
  onTestFinished(() => session.close());
  await expect.poll(() => isUp).toBe(true);
  const buffersMb = () => process.memoryUsage().arrayBuffers / 1e6;
  const before = buffersMb();
  for (let length = 1; length <= LENGTHS; length += 1) {
    session.publish(upTopic(7, 'a', 'state'), 'x'.repeat(length * 20));
    Buffer.allocUnsafe(BETWEEN_BYTES);
    await new Promise((resolve) => setImmediate(resolve));
  }
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  await expect
    .poll(async () => {
      collect();
      await new Promise((resolve) => setImmediate(resolve));
      return buffersMb() - before;
    })
    .toBeLessThan(4);
});
