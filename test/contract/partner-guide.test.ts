import { createHash, createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import { sandboxFaults } from '#shared/sandbox-faults.ts';
import { verifySignature } from '../../cloud/partners/signature.ts';
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
