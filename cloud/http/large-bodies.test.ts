import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestCloud, type TestCloud } from '../testing/test-cloud.ts';

let cloud: TestCloud;
beforeAll(async () => {
  cloud = await startTestCloud();
});
afterAll(() => cloud?.stop());

/** The first line of the answer to a request of which only the first bytes of a large body have come; null: there is none. */
async function answerBeforeBody(path: string, headers: readonly string[]): Promise<string | null> {
  const { hostname, port } = new URL(cloud.httpUrl);
  const socket = connect(Number(port), hostname);
  const lines = [`POST ${path} HTTP/1.1`, 'Host: cloud', 'Content-Type: application/json', 'Content-Length: 900000'];
  socket.write([...lines, ...headers, '', '{'].join('\r\n'));
  const answer = await Promise.race([
    once(socket, 'data').then(([bytes]) => String(bytes).split('\r\n', 1)[0] ?? ''),
    new Promise<null>((resolve) => setTimeout(resolve, 1_500, null)),
  ]);
  socket.destroy();
  return answer;
}

test('XC-08 XC-12 nobody can send megabytes who has not shown who he is', async () => {
  const application = '/onboarding/v1/applications/pa_0123456789abcdef01234567/files?purpose=other&name=x';
  for (const path of ['/staff/v1/rollouts', '/staff/v1/sites/s/documents', application]) {
    expect(await answerBeforeBody(path, []), path).toContain(' 401 ');
    expect(await answerBeforeBody(path, ['Authorization: Bearer guess']), path).toMatch(/ 40[14] /);
  }
  const known = [`Authorization: Bearer ${cloud.staffToken}`];
  expect(await answerBeforeBody('/staff/v1/rollouts', known), 'who is known is waited for').toBeNull();
});
