import { randomBytes } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { MAX_BUNDLE_BYTES, PIECE_BYTES } from '#shared/wire/messages.ts';
import { type Bundle, packBundle, pieceOf } from './bundle.ts';
import { LogRing } from './log-ring.ts';

const read = ({ bytes }: Bundle) => JSON.parse(gunzipSync(bytes).toString('utf8'));
const wholeOf = (bundle: Bundle) =>
  Buffer.concat(
    Array.from({ length: bundle.pieces }, (_, i) => Buffer.from(pieceOf(bundle, i)?.base64 ?? '', 'base64')),
  );

test('SY-09 a bundle is what was told, in pieces that make the whole again', () => {
  const bundle = packBundle({ site: { siteId: 's' }, frames: randomBytes(90_000).toString('hex') });
  expect(bundle.pieces).toBeGreaterThan(2);
  expect(wholeOf(bundle)).toEqual(bundle.bytes);
  expect(read(bundle).site).toEqual({ siteId: 's' });
  expect(pieceOf(bundle, bundle.pieces)).toBeNull();
  for (let i = 0; i < bundle.pieces; i += 1)
    expect(Buffer.from(pieceOf(bundle, i)?.base64 ?? '', 'base64').length).toBeLessThanOrEqual(PIECE_BYTES);
});

test('SY-09 nothing secret is in it, wherever it stands', () => {
  const secret = 'swordfish-4711';
  const text = JSON.stringify(
    read(
      packBundle({
        site: { cloud: { brokerUrl: `mqtts://me:${secret}@broker.example`, passwordFile: 'secret/broker' } },
        deep: [{ password: secret, cardNumber: secret, claim: { token: secret } }],
        fieldLog: [`{"url":"https://${secret}@x.example/"}`],
      }),
    ),
  );
  expect(text).not.toContain(secret);
  expect(text).toContain('secret/broker');
});

test('SY-09 what is too large loses frames and logs, and never what says how the site stands', () => {
  const noise = () => randomBytes(700_000).toString('hex');
  const bundle = packBundle({ sync: { link: 'open' }, frames: noise(), fieldLog: noise(), ledgerLog: 'short' });
  expect(bundle.bytes.length).toBeLessThanOrEqual(MAX_BUNDLE_BYTES);
  expect(read(bundle)).toEqual({
    sync: { link: 'open' },
    frames: expect.stringContaining('left out'),
    fieldLog: expect.any(String),
    ledgerLog: 'short',
  });
});

test('SY-09 the last lines of a log are kept, and no more than their room', () => {
  const ring = new LogRing(100);
  for (let i = 0; i < 50; i += 1) ring.add(`line ${i}\n`);
  expect(ring.lines().at(-1)).toBe('line 49\n');
  expect(ring.lines().join('').length).toBeLessThanOrEqual(100);
  ring.add('x'.repeat(1000));
  expect(ring.lines()).toEqual(['x'.repeat(100)]);
});
