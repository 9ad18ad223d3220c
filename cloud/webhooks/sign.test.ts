import { expect, test } from 'vitest';
import { secretText, signWebhook } from './sign.ts';

test('OP-20 the signature is the one of the Standard Webhooks libraries', () => {
  const signature = signWebhook('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', {
    id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    timestampS: 1614265330,
    body: '{"test": 2432232314}',
  });
  expect(signature).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
});

test('OP-20 a secret is whsec_ and base64', () => {
  expect(secretText(Buffer.from('0123456789abcdef01234567'))).toBe('whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3');
});
