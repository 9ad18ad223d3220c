import type { Timers } from '#shared/clock.ts';
import { cutToBytes, headOf, textOf } from '../texts.ts';
import type { Post, SendOutcome } from './post.ts';
import type { Language, SettingsOf } from './schemas.ts';

const CONNECT_MS = 10_000;
const SILENCE_MS = 15_000;
/** A server that says a word now and then is given up as well, before the lease of the post ends. */
const IN_ALL_MS = 45_000;
const SUBJECT_BYTES = 200;
const TEXT_BYTES = 50_000;

interface MailSettings {
  readonly settings: SettingsOf<'mail'>;
  /** Empty: there is no login. */
  readonly password: string;
  readonly language: Language;
}

/** Hands a mail to a server, which has to take it for one address at least. The message id is the same at every attempt. */
export function sendMail(timers: Timers, post: Post, mail: MailSettings): Promise<SendOutcome> {
  const { promise: late, resolve } = Promise.withResolvers<SendOutcome>();
  const cancel = timers.after(IN_ALL_MS, () => resolve({ kind: 'failed', error: `no end within ${IN_ALL_MS} ms` }));
  return Promise.race([handOver(post, mail), late]).finally(cancel);
}

async function handOver(post: Post, { settings, password, language }: MailSettings): Promise<SendOutcome> {
  const { host, port, security, user, ca_pem: ca, from, to } = settings;
  // Only whoever sends mail pays for loading it.
  const { createTransport } = await import('nodemailer');
  const transport = createTransport({
    host,
    port,
    secure: security === 'tls',
    requireTLS: security === 'starttls',
    ignoreTLS: security === 'none',
    ...(ca === undefined ? {} : { tls: { ca } }),
    ...(user === undefined ? {} : { auth: { user, pass: password } }),
    connectionTimeout: CONNECT_MS,
    greetingTimeout: CONNECT_MS,
    socketTimeout: SILENCE_MS,
    dnsTimeout: CONNECT_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
    logger: false,
  });
  try {
    const { rejected } = await transport.sendMail({
      from,
      to,
      subject: cutToBytes(headOf(post.alerts, language), SUBJECT_BYTES),
      text: textOf(post.alerts, language, { bytes: TEXT_BYTES }),
      textEncoding: 'base64',
      messageId: `<${post.id}@${from.slice(from.indexOf('@') + 1)}>`,
      date: new Date(post.createdAtMs),
      headers: { 'auto-submitted': 'auto-generated', 'x-pilegate-post': post.id },
    });
    if (rejected.length === 0) return { kind: 'delivered' };
    // A repeat would come again to those that were good.
    return { kind: 'delivered', complaint: `the server refused ${rejected.length} of ${to.length} addresses` };
  } catch (error) {
    return { kind: 'failed', error: error instanceof Error ? error.message : String(error) };
  } finally {
    transport.close();
  }
}
