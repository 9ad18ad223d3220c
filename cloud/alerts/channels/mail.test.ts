import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemTimers } from '../../system-timers.ts';
import { type MailServer, startMailServer } from '../../testing/mail-server.ts';
import { sendMail } from './mail.ts';
import type { SettingsOf } from './schemas.ts';
import { newChannelSchema } from './schemas.ts';
import { withoutSecrets } from './secret.ts';

const login = { user: 'alerts', password: 'p4ss w0rd' };
const servers: Partial<Record<'tls' | 'starttls' | 'none', MailServer>> = {};

beforeAll(async () => {
  servers.tls = await startMailServer({ security: 'tls', login });
  servers.starttls = await startMailServer({ security: 'starttls', login });
  servers.none = await startMailServer({ security: 'none' });
});
afterAll(async () => {
  for (const server of Object.values(servers)) await server.close();
});

const post = { id: 'msg_1', createdAtMs: Date.parse('2026-11-20T10:00:00Z'), alerts: [] };

function send(
  security: 'tls' | 'starttls' | 'none',
  change: Partial<SettingsOf<'mail'>> = {},
  password = login.password,
) {
  const server = servers[security];
  if (server === undefined) throw new Error('no server');
  const settings: SettingsOf<'mail'> = {
    kind: 'mail',
    host: 'localhost',
    port: server.port,
    security,
    from: 'pilegate@example.com',
    to: ['one@example.com', 'two@example.com'],
    ...(security === 'none' ? {} : { user: login.user, ca_pem: server.caPem }),
    ...change,
  };
  return sendMail(systemTimers, post, { settings, password, language: 'zh' });
}

test('XC-02 a mail goes encrypted, from the first byte or after STARTTLS, with a login, to all addresses', async () => {
  for (const security of ['tls', 'starttls'] as const) {
    expect(await send(security)).toEqual({ kind: 'delivered' });
    const [mail] = servers[security]?.received ?? [];
    expect(mail).toMatchObject({ user: 'alerts', secure: true, from: 'pilegate@example.com' });
    expect(mail?.to).toEqual(['one@example.com', 'two@example.com']);
    expect(mail?.text).toContain('Message-ID: <msg_1@example.com>');
    expect(mail?.text).toContain('Auto-Submitted: auto-generated');
  }
});

test('XC-02 nothing is sent where STARTTLS is wished for and not offered, nor to a server that is not trusted', async () => {
  const plain = servers.none?.port ?? 0;
  expect(await send('starttls', { port: plain })).toMatchObject({ kind: 'failed' });
  expect(servers.none?.received).toEqual([]);
  const { ca_pem: _trusted, ...untrusted } = { ca_pem: '' };
  const before = servers.tls?.received.length;
  const other = servers.starttls?.caPem ?? '';
  expect(await send('tls', { ...untrusted, ca_pem: other })).toMatchObject({
    kind: 'failed',
    error: expect.stringMatching(/certificate|signed/i),
  });
  expect(servers.tls?.received.length).toBe(before);
});

test('XC-02 what a server says of a login is told without the password', async () => {
  const outcome = await send('tls', {}, 'wrong word');
  if (outcome.kind !== 'failed') throw new Error('let in');
  expect(outcome.error).toContain('wrong word');
  expect(withoutSecrets(outcome.error, ['wrong word'])).not.toContain('wrong word');
});

test('XC-02 a mail without encryption goes to this machine alone, and without a login', () => {
  const mail = { kind: 'mail', port: 25, security: 'none', from: 'a@example.com', to: ['b@example.com'] };
  const isGood = (change: object) =>
    newChannelSchema.safeParse({ channel_id: 'm', name: 'm', language: 'en', settings: { ...mail, ...change } })
      .success;
  expect([isGood({ host: '127.0.0.1' }), isGood({ host: 'mail.example' })]).toEqual([true, false]);
  expect(isGood({ host: '127.0.0.1', user: 'u' })).toBe(false);
  expect(isGood({ host: 'mail.example', security: 'starttls', user: 'u' })).toBe(true);
});
