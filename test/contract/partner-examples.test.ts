import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Stage, setTheStage } from '../../cloud/testing/fixtures.ts';
import { startTestCloud, type TestCloud } from '../../cloud/testing/test-cloud.ts';
import { startWebhookReceiver, type WebhookReceiver } from '../../cloud/testing/webhook-receiver.ts';
import { guides, vectorIn } from './guide-vectors.ts';

/** Goal: what partners copy from docs/examples works. Method: it is run as it is, in its own language, against the guide's vectors and against a cloud over HTTP. */

const EXAMPLES = join(import.meta.dirname, '../../docs/examples');
const languages = ['node', 'python', 'bash'] as const;
type Language = (typeof languages)[number];

interface Outcome {
  readonly code: number;
  readonly stdout: string;
}

/** Runs a command beside the examples; `values` are in its environment. What it says to a person who watches is a failure. */
function execute(command: readonly string[], values: Record<string, string>, input = ''): Promise<Outcome> {
  const [program = '', ...args] = command;
  return new Promise((resolve, reject) => {
    const env = { ...process.env, PYTHONDONTWRITEBYTECODE: '1', ...values };
    const child = execFile(program, args, { cwd: EXAMPLES, env, timeout: 15_000 }, (error, stdout, stderr) => {
      if ((error !== null && typeof error.code !== 'number') || stderr !== '') reject(error ?? new Error(stderr));
      else resolve({ code: error === null ? 0 : Number(error.code), stdout: stdout.trim() });
    });
    child.stdin?.end(input);
  });
}

/**
 * Reads no start-up file: where the environment does not say that it is under another shell, bash takes a socket on its stdin for a remote
 * shell's, and does what the machine has for people.
 */
const bash = ['bash', '--norc', '-euo', 'pipefail', '-c'];

/** A few lines of a language that have the examples at hand. */
const withExamples: Record<Language, (lines: string) => readonly string[]> = {
  node: (lines) => [process.execPath, '--input-type=module', '-e', lines],
  python: (lines) => ['python3', '-c', `import os, sys\nfrom pilegate import *\nenv = os.environ\n${lines}`],
  bash: (lines) => [...bash, `. ./pilegate.sh\n${lines}`],
};
const run = (language: Language, lines: string, values: Record<string, string>, input = ''): Promise<Outcome> =>
  execute(withExamples[language](lines), values, input);

const signers: Record<Language, string> = {
  node: `import { signedHeaders } from './sign-request.mjs';
    const { method, path, timestamp, nonce, body, SECRET } = process.env;
    const headers = signedHeaders({ id: 'k', secret: SECRET }, { method, path, body }, { timestamp, nonce });
    console.log(headers['Pilegate-Signature']);`,
  python: `headers = signed_headers('k', env['SECRET'], env['method'], env['path'], env['body'].encode(), env['timestamp'], env['nonce'])
print(headers['Pilegate-Signature'])`,
  bash: 'echo "v1=$(sign "$method" "$path" "$timestamp" "$nonce" "$body")"',
};

test.each(languages)("OP-07 OP-23 the example in %s signs the guide's request as the guide says", async (language) => {
  for (const guide of Object.values(guides)) {
    const names = ['method', 'path', 'timestamp', 'nonce', 'body'];
    const values = Object.fromEntries(names.map((name) => [name, vectorIn(guide, name)]));
    const { stdout } = await run(language, signers[language], { ...values, SECRET: vectorIn(guide, 'secret') });
    expect(stdout).toBe(`v1=${vectorIn(guide, 'signature')}`);
  }
});

test("OP-20 OP-23 the guide's webhook is signed as the public library and the examples say", async () => {
  for (const guide of Object.values(guides)) {
    const vector = (name: string) => vectorIn(guide, `webhook-${name}`);
    const sentAt = new Date(Number(vector('timestamp')) * 1000);
    expect(new Webhook(vector('secret')).sign(vector('id'), sentAt, vector('body'))).toBe(vector('signature'));
    const bySh = 'webhook_signature "$secret" "$id" "$timestamp"';
    const values = { secret: vector('secret'), id: vector('id'), timestamp: vector('timestamp') };
    expect((await run('bash', bySh, values, vector('body'))).stdout).toBe(vector('signature'));
    const byPython = `headers = {'webhook-id': env['id'], 'webhook-timestamp': env['timestamp'], 'webhook-signature': env['signature']}
body = sys.stdin.buffer.read()
print([is_webhook_genuine(env['secret'], headers, body, int(env['timestamp']) + late) for late in (-301, -300, 300, 301)])`;
    const judged = await run('python', byPython, { ...values, signature: vector('signature') }, vector('body'));
    expect(judged.stdout).toBe('[False, True, True, False]');
  }
});

let cloud: TestCloud;
let stage: Stage;
let receiver: WebhookReceiver;
beforeAll(async () => {
  receiver = await startWebhookReceiver();
  cloud = await startTestCloud({ config: { webhookDevAllow: [receiver.hostPort] } });
  stage = await setTheStage(cloud, { name: 'examples' });
});
afterAll(async () => {
  await cloud?.stop();
  await receiver?.close();
});

/** The examples as programs. */
const callers: Record<Language, readonly string[]> = {
  node: [process.execPath, 'sign-request.mjs'],
  python: ['python3', 'pilegate.py'],
  bash: [...bash, '. ./pilegate.sh; call "$@"', 'call'],
};

test.each(languages)('OP-23 the example in %s calls a cloud; a wrong secret is refused', async (language) => {
  const access = { API: cloud.httpUrl, KEY: stage.key.key_id, SECRET: stage.key.secret };
  const call = (args: readonly string[], more: object = {}) =>
    execute([...callers[language], ...args], { ...access, ...more });
  const site = async () => (await call(['GET', `/v1/connectors?site_id=${stage.siteId}&limit=5`])).stdout;
  // A list shows a change a second after it.
  await expect.poll(site).toContain(`"connector_id":"${stage.connectorIds[0]}"`);

  const wish = JSON.stringify({ url: `${receiver.url}/${language}`, description: 'größer – 充电' });
  const created = await call(['POST', '/v1/webhook-endpoints', wish]);
  expect(created.stdout).toMatch(/"description":"größer – 充电".*"secret":"whsec_/);
  const refused = await call(['POST', '/v1/webhook-endpoints', wish], { SECRET: 'another' });
  expect(refused.stdout).toContain('"code":"auth.bad_signature"');
});

interface Judgement {
  readonly text: string;
  readonly secret: string;
}

const verifiers: Record<Language, string> = {
  node: `import { webhookServer } from './verify-webhook.mjs';
    let taken = 0;
    const server = webhookServer(() => process.env.secret, () => { taken += 1; });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { id, timestamp, signature } = process.env;
    const headers = { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signature };
    const body = (await process.stdin.toArray()).join('');
    const send = () => fetch('http://127.0.0.1:' + server.address().port, { method: 'POST', headers, body });
    const statuses = [(await send()).status, (await send()).status];
    console.log(statuses.every((status) => status === 204) && taken === 1);
    server.close();
    server.closeAllConnections();`,
  python: `headers = {'webhook-id': env['id'], 'webhook-timestamp': env['timestamp'], 'webhook-signature': env['signature']}
print(str(is_webhook_genuine(env['secret'], headers, sys.stdin.buffer.read())).lower())`,
  bash: 'is_webhook_genuine "$secret" "$id" "$timestamp" "$signature" && echo true || echo false',
};

test('OP-20 OP-23 each example knows a webhook that was sent, also while its secret is rotated, and no other', async () => {
  const { partner } = stage;
  const { body: endpoint } = await partner.call('POST', '/v1/webhook-endpoints', { url: `${receiver.url}/sent` });
  const at = `/v1/webhook-endpoints/${endpoint.endpoint_id}`;
  const { body: rotated } = await partner.call('POST', `${at}/rotate-secret`, { overlap_s: 600 });
  await partner.call('POST', `${at}/test`);
  const webhook = await receiver.waitFor(({ path }) => path.endsWith('/sent'));
  const judge = async (language: Language, { text, secret }: Judgement) => {
    const [id, timestamp, signature] = ['id', 'timestamp', 'signature'].map((name) =>
      String(webhook.headers[`webhook-${name}`]),
    );
    const values = { secret, id: id ?? '', timestamp: timestamp ?? '', signature: signature ?? '' };
    return (await run(language, verifiers[language], values, text)).stdout;
  };
  const { text } = webhook;
  for (const language of languages) {
    expect(await judge(language, { text, secret: endpoint.secret }), language).toBe('true');
    expect(await judge(language, { text, secret: rotated.secret }), language).toBe('true');
    expect(await judge(language, { text: `${text} `, secret: rotated.secret }), language).toBe('false');
    const another = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
    expect(await judge(language, { text, secret: another }), language).toBe('false');
  }
});
