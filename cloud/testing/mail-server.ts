import { once } from 'node:events';
import { SMTPServer } from 'smtp-server';

export interface ReceivedMail {
  readonly from: string;
  readonly to: readonly string[];
  readonly user: string | null;
  readonly secure: boolean;
  readonly text: string;
}

export interface MailServer {
  readonly port: number;
  /** What has to be trusted for TLS. */
  readonly caPem: string;
  readonly received: ReceivedMail[];
  /** Refuses the next mails with this text; null: takes them. */
  refuse(text: string | null): void;
  /** Takes mails and says nothing about it: whoever sends does not know. */
  fallSilent(isSilent: boolean): void;
  close(): Promise<void>;
}

/** A certificate for this machine, and its key. */
async function selfSigned(): Promise<{ cert: string; key: string }> {
  await import('reflect-metadata');
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const { SubjectAlternativeNameExtension, X509CertificateGenerator } = await import('@peculiar/x509');
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: 'CN=localhost',
    keys,
    signingAlgorithm: algorithm,
    notBefore: new Date('2020-01-01'),
    notAfter: new Date('2099-01-01'),
    extensions: [new SubjectAlternativeNameExtension([{ type: 'dns', value: 'localhost' }])],
  });
  const bytes = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey));
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? [];
  return {
    cert: certificate.toString('pem'),
    key: `-----BEGIN PRIVATE KEY-----\n${lines.join('\n')}\n-----END PRIVATE KEY-----\n`,
  };
}

export interface MailServerOptions {
  /** TLS from the first byte, or STARTTLS, or none at all. */
  readonly security: 'tls' | 'starttls' | 'none';
  /** Null: it asks for no login. */
  readonly login?: { readonly user: string; readonly password: string } | null;
}

/** A real mail server on loopback that keeps what it is sent. */
export async function startMailServer({ security, login = null }: MailServerOptions): Promise<MailServer> {
  const received: ReceivedMail[] = [];
  const state: { refusal: string | null; isSilent: boolean } = { refusal: null, isSilent: false };
  const { cert, key } = await selfSigned();
  const server = new SMTPServer({
    secure: security === 'tls',
    cert,
    key,
    disabledCommands: [...(security === 'none' ? ['STARTTLS'] : []), ...(login === null ? ['AUTH'] : [])],
    authOptional: login === null,
    disableReverseLookup: true,
    closeTimeout: 100,
    onAuth(auth, _session, done) {
      if (auth.username === login?.user && auth.password === login?.password) done(null, { user: auth.username });
      else {
        const sent = Buffer.from(`\0${auth.username}\0${auth.password}`).toString('base64');
        done(new Error(`no such login: ${auth.username} ${auth.password}, as was sent: ${sent}`));
      }
    },
    onData(stream, session, done) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        if (state.refusal !== null) return done(new Error(state.refusal));
        received.push({
          from: session.envelope.mailFrom === false ? '' : session.envelope.mailFrom.address,
          to: session.envelope.rcptTo.map(({ address }) => address),
          user: typeof session.user === 'string' ? session.user : null,
          secure: session.secure,
          text: Buffer.concat(chunks).toString('utf8'),
        });
        if (!state.isSilent) done();
        return undefined;
      });
    },
  });
  // A client that does not trust it breaks the connection off.
  server.on('error', () => undefined);
  const listening = server.listen(0, '127.0.0.1');
  await once(listening, 'listening');
  const address = listening.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    port: address.port,
    caPem: cert,
    received,
    refuse(text) {
      state.refusal = text;
    },
    fallSilent(isSilent) {
      state.isSilent = isSilent;
    },
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
