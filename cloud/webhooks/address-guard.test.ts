import { expect, test } from 'vitest';
import { isPublicAddress, parseWebhookUrl, resolveAllowed } from './address-guard.ts';

const refused = [
  '127.0.0.1',
  '127.255.255.254',
  '0.0.0.0',
  '10.1.2.3',
  '172.16.0.1',
  '192.168.1.1',
  '169.254.169.254',
  '100.64.0.1',
  '224.0.0.1',
  '255.255.255.255',
  '192.0.2.1',
  '198.18.0.1',
  '203.0.113.9',
  '240.0.0.1',
  '::',
  '::1',
  '::ffff:127.0.0.1',
  '::ffff:8.8.8.8',
  '::7f00:1',
  '64:ff9b::7f00:1',
  '64:ff9b:1::1',
  'fe80::1',
  'fc00::1',
  'fd12::1',
  'fec0::1',
  'ff02::1',
  '2002:7f00:1::',
  '2001:0:1::',
  '2001:db8::1',
  '100::1',
  // Metadata of clouds: inside 169.254/16, 100.64/10, fd00::/8, and at a public address.
  '100.100.100.200',
  'fd00:ec2::254',
  '168.63.129.16',
  '0.1.2.3',
  '192.0.0.192',
  '192.88.99.1',
  '198.51.100.7',
  '239.1.2.3',
  '::ffff:10.0.0.1',
  '::ffff:169.254.169.254',
  '64:ff9b::a9fe:a9fe',
  '2002:a00:1::1',
  '2002:a9fe:a9fe::',
  '3fff::1',
  '5f00::1',
  'ff0e::1',
  'localhost',
  '',
];

test.each(refused)('OP-20 the address %s is refused', (address) => {
  expect(isPublicAddress(address)).toBe(false);
});

test.each(['8.8.8.8', '1.1.1.1', '2606:4700:4700::1111', '2400:3200::1'])(
  'OP-20 the address %s is public',
  (address) => {
    expect(isPublicAddress(address)).toBe(true);
  },
);

const badUrls = [
  'http://example.com/',
  'ftp://example.com/',
  'https://user:secret@example.com/',
  'nonsense',
  'file:///etc/passwd',
  'http://127.0.0.1:9001/',
  'http://localhost:9000/',
];
test.each(badUrls)('OP-20 the URL %s is refused', (url) => {
  expect(() => parseWebhookUrl(url, ['127.0.0.1:9000'])).toThrow('webhook.address_refused');
});

const lookUps = {
  'good.example': ['8.8.8.8'],
  'evil.example': ['127.0.0.1'],
  'mixed.example': ['8.8.8.8', '10.0.0.1'],
};
const lookUp = (hostname: string) =>
  Promise.resolve((lookUps[hostname as keyof typeof lookUps] ?? []).map((address) => ({ address, family: 4 })));

const resolve = (url: string, devAllow: string[] = []) => resolveAllowed(parseWebhookUrl(url, devAllow).target, lookUp);

test('OP-20 a name is refused when any of its addresses is not public', async () => {
  await expect(resolve('https://good.example/')).resolves.toEqual([{ address: '8.8.8.8', family: 4 }]);
  await expect(resolve('https://evil.example/')).rejects.toThrow('webhook.address_refused');
  await expect(resolve('https://mixed.example/')).rejects.toThrow('not a public address');
  await expect(resolve('https://nowhere.example/')).rejects.toThrow('webhook.address_refused');
});

test('OP-20 a literal address is checked however it is written', async () => {
  for (const host of ['127.0.0.1', '2130706433', '0x7f.1', '[::1]', '[::ffff:7f00:1]', '017700000001']) {
    await expect(resolve(`https://${host}/`)).rejects.toThrow('webhook.address_refused');
  }
});

test('OP-20 the allowlist for development opens exactly one loopback address and port', async () => {
  const allow = ['127.0.0.1:9000'];
  await expect(resolve('http://127.0.0.1:9000/', allow)).resolves.toHaveLength(1);
  await expect(resolve('https://127.0.0.1:9001/', allow)).rejects.toThrow('webhook.address_refused');
  await expect(resolve('https://[::1]:9000/', allow)).rejects.toThrow('webhook.address_refused');
  await expect(resolve('https://10.0.0.1:9000/', ['10.0.0.1:9000'])).rejects.toThrow('webhook.address_refused');
});
