import { createHash, createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import { sandboxFaults } from '#shared/sandbox-faults.ts';
import { stopReasonSchema } from '#shared/wire/cdr.ts';
import { readConfig } from '../../cloud/config.ts';
import { BAN_MS, FAILURE_POLICY } from '../../cloud/partners/bans.ts';
import { scopes } from '../../cloud/partners/caller.ts';
import { ANSWERS_KEPT_MS } from '../../cloud/partners/first-answers.ts';
import { REGISTRATION_POLICY } from '../../cloud/partners/onboarding/applicant-gate.ts';
import { MOST_FILE_BYTES } from '../../cloud/partners/onboarding/files.ts';
import { defaultRatePolicies } from '../../cloud/partners/rate-policy.ts';
import { verifySignature, WINDOW_S } from '../../cloud/partners/signature.ts';
import * as sandbox from '../../cloud/sandbox/faults.ts';
import { FRESH_MS } from '../../cloud/stations/freshness.ts';
import { publicStatusSchema } from '../../cloud/stations/schemas.ts';
import { MOST_ENDPOINTS } from '../../cloud/webhooks/endpoints.ts';
import { LONGEST_PAUSE_MS } from '../../cloud/webhooks/look-after.ts';
import { DISABLE_AFTER_MS } from '../../cloud/webhooks/record-failed.ts';
import { MOST_AT_ONCE, MOST_WAITING } from '../../cloud/webhooks/replay.ts';
import { guides, vectorIn } from './guide-vectors.ts';

const guide = guides.en;
const vector = (name: string): string => vectorIn(guide, name);

test("OP-07 OP-23 the guide's vector fits its words and the platform", () => {
  const digest = createHash('sha256').update(vector('body')).digest('hex');
  const text = ['v1', vector('method'), vector('path'), vector('timestamp'), vector('nonce'), digest].join('\n');
  expect(vector('signature')).toBe(createHmac('sha256', vector('secret')).update(text).digest('hex'));

  const headers = {
    keyId: 'any',
    timestamp: vector('timestamp'),
    nonce: vector('nonce'),
    signature: `v1=${vector('signature')}`,
  };
  const request = { method: vector('method'), target: vector('path'), headers, body: Buffer.from(vector('body')) };
  const nowMs = Number(vector('timestamp')) * 1000;
  expect(() => verifySignature(request, vector('secret'), nowMs)).not.toThrow();
  const altered = { ...request, body: Buffer.from(vector('body').replace('A1', 'A2')) };
  expect(() => verifySignature(altered, vector('secret'), nowMs)).toThrow('auth.bad_signature');
});

test('OP-23 the guide tells of every fault of the sandbox what comes of it, in both languages', () => {
  for (const [kind, { en, zh }] of Object.entries(sandboxFaults)) {
    expect(guide).toContain(`| \`${kind}\` | ${en} |`);
    expect(guides.zh).toContain(`| \`${kind}\` | ${zh} |`);
  }
});

test('OP-17 OP-11 OP-06 both guides have a row for every reason to stop, every status and every scope', () => {
  const words = [...stopReasonSchema.options, ...publicStatusSchema.options, ...scopes];
  for (const text of Object.values(guides)) {
    const named = text.split('\n').flatMap((line) => (line.startsWith('| `') ? [line.split('|')[1] ?? ''] : []));
    expect(words.filter((word) => !named.some((cell) => cell.includes(`\`${word}\``)))).toEqual([]);
  }
});

const DAY_MS = 86_400_000;
const thousands = (n: number) => n.toLocaleString('en');

test('OP-23 the numbers of the guide are those that hold where nobody has set others', () => {
  const config = readConfig({});
  const told = guide.replaceAll(/\s+/g, ' ');
  const { read, control, orders, settlement, manage } = defaultRatePolicies;
  expect(orders).toEqual(control);
  const numbers = [
    `within ${WINDOW_S} s of the platform's clock`,
    `What is older than ${FRESH_MS / 1000} s is \`unknown\``,
    `${config.streamsPerKey} streams a key`,
    `A position is good for ${config.statusKeepMs / 3_600_000} hours`,
    `fails, and nothing is billed for it: ${config.startTimeoutMs / 1000} s, or longer`,
    `with the secret, for ${ANSWERS_KEPT_MS / 3_600_000} h`,
    `${read.perMinute} a minute and ${read.burst} at once for \`read\`, ${control.perMinute} and ${control.burst} for \`control\` and \`orders\`, ${settlement.perMinute} and ${settlement.burst} for \`settlement\`, ${manage.perMinute} and ${manage.burst} for \`manage\``,
    `More than ${FAILURE_POLICY.burst} unknown keys`,
    `ban it for ${BAN_MS / 60_000} minutes`,
    `${MOST_FILE_BYTES / 1024 / 1024} MiB each`,
    `${MOST_ENDPOINTS} at most`,
    `After ${DISABLE_AFTER_MS / DAY_MS} days without a success`,
    `${LONGEST_PAUSE_MS / DAY_MS} days at most`,
    `kept for ${config.webhooksKeepMs / DAY_MS} days`,
    `A call takes ${thousands(MOST_AT_ONCE)} events`,
    `With ${thousands(MOST_WAITING)} waiting`,
    'after 1 min, 5 min, 15 min, 1 h, 3 h, 6 h, 12 h and 24 h',
  ];
  expect(numbers.filter((words) => !told.includes(words))).toEqual([]);
  expect(config.webhookRetryMs.map((ms) => ms / 60_000)).toEqual([1, 5, 15, 60, 180, 360, 720, 1440]);
  expect(FAILURE_POLICY.burst / FAILURE_POLICY.perMinute, 'Five minutes without one').toBe(5);
  expect(REGISTRATION_POLICY, 'ten times at once, and once every two minutes').toEqual({ perMinute: 0.5, burst: 10 });
  expect(sandbox.MOST_AT_ONCE, 'make at most ten at a time').toBe(10);
});
