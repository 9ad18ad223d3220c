import { createHash, createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import { readSignedHeaders, signatureOf, signedText, verifySignature } from './signature.ts';

const nowMs = 1_795_255_200_000;
const request = {
  method: 'POST',
  target: '/v1/operations/start?x=1',
  body: Buffer.from('{"request_id":"r"}'),
};

function signed(timestampS: number, secret = 'sk_test') {
  const timestamp = String(timestampS);
  const nonce = 'nonce-0123456789';
  const signature = signatureOf(secret, signedText({ ...request, timestamp, nonce }));
  return { ...request, headers: { keyId: 'pk', timestamp, nonce, signature } };
}

test('OP-07 the signature is what the guide says, computed here step by step', () => {
  const digest = createHash('sha256').update('{"request_id":"r"}').digest('hex');
  const text = `v1\nPOST\n/v1/operations/start?x=1\n1795255200\nnonce-0123456789\n${digest}`;
  const hmac = createHmac('sha256', Buffer.from('sk_test', 'utf8')).update(text).digest('hex');
  expect(signed(1_795_255_200).headers.signature).toBe(`v1=${hmac}`);
  const empty = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
  expect(signedText({ ...request, body: Buffer.alloc(0), timestamp: '1', nonce: 'n' }).endsWith(empty)).toBe(true);
});

test('OP-07 whatever is altered after signing is refused', () => {
  const good = signed(1_795_255_200);
  expect(() => verifySignature(good, 'sk_test', nowMs)).not.toThrow();
  const altered = [
    { ...good, method: 'PUT' },
    { ...good, target: '/v1/operations/start?x=2' },
    { ...good, body: Buffer.from('{"request_id":"s"}') },
    { ...good, headers: { ...good.headers, nonce: 'nonce-0123456780' } },
    { ...good, headers: { ...good.headers, timestamp: '1795255201' } },
  ];
  for (const request of altered) expect(() => verifySignature(request, 'sk_test', nowMs)).toThrow('auth.bad_signature');
  expect(() => verifySignature(good, 'sk_other', nowMs)).toThrow('auth.bad_signature');
});

test('OP-07 a signature is good for 300 s on both sides', () => {
  for (const offS of [-300, 300])
    expect(() => verifySignature(signed(1_795_255_200 + offS), 'sk_test', nowMs)).not.toThrow();
  for (const offS of [-301, 301]) {
    expect(() => verifySignature(signed(1_795_255_200 + offS), 'sk_test', nowMs)).toThrow('auth.stale_timestamp');
  }
});

test('OP-07 a missing or malformed header is named', () => {
  expect(() => readSignedHeaders({})).toThrow('Pilegate-Key is missing');
  const headers = { 'pilegate-key': 'pk', 'pilegate-timestamp': '1', 'pilegate-nonce': 'short' };
  expect(() => readSignedHeaders(headers)).toThrow('Pilegate-Nonce is malformed');
});
