import { pino } from 'pino';
import { onTestFinished } from 'vitest';
import type { CredentialKind } from '#shared/wire/credentials.ts';
import { openLedger } from '../../edge/ledger/testing.ts';
import { openIdentity } from '../../edge/link/identity/open-identity.ts';
import { Link } from '../../edge/link/link.ts';
import { quietLink } from '../../edge/link/testing.ts';
import { systemClock } from '../../edge/runtime/system-time.ts';

export interface IdentifiedSite {
  readonly siteId: string;
  readonly shard: number;
  readonly dataDir: string;
  readonly kind: CredentialKind;
  readonly brokerUrl: string;
  readonly claimUrl: string;
  /** PEM. */
  readonly authority: string | null;
  readonly monoMs: () => number;
}

/** The edge's end of link and identity, as its ledger thread puts them together. */
export function openIdentifiedSite(site: IdentifiedSite) {
  const { siteId, shard, dataDir, kind, brokerUrl, claimUrl, authority, monoMs } = site;
  const { ledger } = openLedger();
  const log = pino({ level: 'silent' });
  const file = { siteId, dataDir, cloud: { brokerUrl, shard, identity: { kind, claimUrl } } };
  const identity = openIdentity(file, authority, { clock: { ...systemClock, monoMs }, log });
  if (identity === null) throw new Error('a site with an identity');
  const link = new Link({
    ...quietLink(ledger),
    site: { siteId, shard, brokerUrl, password: null },
    login: identity,
    authority,
    log,
  });
  const timer = setInterval(() => identity.tick(link), 50);
  let isClosed = false;
  const close = async () => {
    if (isClosed) return;
    isClosed = true;
    clearInterval(timer);
    await identity.idle();
    await link.close();
  };
  onTestFinished(close);
  return { link, identity, ledger, close };
}
