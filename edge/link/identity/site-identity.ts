import type { Logger } from 'pino';
import type { Clock } from '#shared/clock.ts';
import type { CredentialGrant, CredentialKind, CredentialWish } from '#shared/wire/credentials.ts';
import type { BrokerLogin } from '../broker-session.ts';
import type { LinkLogin } from '../link-login.ts';
import type { ClaimCode, IdentityFolder } from './identity-folder.ts';
import {
  type Credential,
  candidatesOf,
  granted,
  type Identity,
  isRenewalDue,
  proven,
  wishFor,
} from './identity-state.ts';
import type { RedeemClaim } from './redeem-claim.ts';

export interface SiteIdentityParts {
  readonly siteId: string;
  readonly shard: number;
  readonly kind: CredentialKind;
  readonly folder: Pick<IdentityFolder, 'read' | 'write' | 'claim' | 'removeClaim' | 'setClaimAside'>;
  readonly redeem: RedeemClaim;
  readonly makeSecret: (kind: CredentialKind) => Promise<Credential>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What the identity asks of the link. */
export interface LinkOfIdentity {
  readonly isOpen: boolean;
  /** Asks the cloud for the next credential. */
  askCredential(wish: CredentialWish): void;
  /** Ends the connection, or begins one, so that the next is made with what is good now. */
  reconnect(): void;
}

const CLAIM_AGAIN_MS = 30_000;
const ASK_AGAIN_MS = 30_000;
/** After a refusal; also how long a credential rests that could not connect while the one before could. */
const REST_MS = 600_000;

/**
 * What the site logs in with. A secret is made here and stored before anybody hears of it; what is granted is stored before it is
 * used; the one before is forgotten only when the cloud has welcomed the site with the new one. So there is no moment at
 * which a power cut leaves the site without what it had.
 */
export class SiteIdentity implements LinkLogin {
  readonly #parts: SiteIdentityParts;
  #identity: Identity;
  #using: Credential | null = null;
  #hasWorked = true;
  #cloudTime: { readonly wallMs: number; readonly monoMs: number } | null = null;
  #busy: Promise<void> | null = null;
  #claimAtMonoMs = Number.NEGATIVE_INFINITY;
  #askAtMonoMs = Number.NEGATIVE_INFINITY;
  #nextTriedMonoMs = Number.NEGATIVE_INFINITY;
  /** The credential that was tried last and led to no welcome. */
  #failed: Credential | null = null;

  constructor(parts: SiteIdentityParts) {
    this.#parts = parts;
    const { identity, isBroken } = parts.folder.read();
    this.#identity = identity;
    if (isBroken) parts.log.error('what the site logs in with cannot be read: a new claim code is needed');
  }

  /** The best credential; after one that did not lead to a welcome, the other one, if there is one. */
  login(): BrokerLogin | null {
    const candidates = candidatesOf(this.#identity);
    const last = this.#using;
    if (!this.#hasWorked) this.#failed = last;
    const others = candidates.filter(({ fingerprint }) => fingerprint !== last?.fingerprint);
    this.#using = (this.#hasWorked ? undefined : others[0]) ?? candidates[0] ?? null;
    this.#hasWorked = false;
    if (this.#using === null) return null;
    if (this.#using === this.#identity.next) this.#nextTriedMonoMs = this.#parts.clock.monoMs();
    return loginOf(this.#using);
  }

  fingerprint(): string | null {
    return this.#using?.fingerprint ?? null;
  }

  welcomed(serverWallMs: number): void {
    this.#cloudTime = { wallMs: serverWallMs, monoMs: this.#parts.clock.monoMs() };
    this.#hasWorked = true;
    if (this.#using === null) return;
    const { fingerprint } = this.#using;
    const identity = proven(this.#identity, fingerprint);
    if (identity === this.#identity) return this.#doubtNext();
    if (!this.#keptNow(identity)) return;
    this.#parts.log.info({ fingerprint }, 'credential is proven; the one before is forgotten');
  }

  /**
   * The one before is welcome, and what was granted since has not led there: the cloud may have forgotten the grant, as one that was
   * put back from a copy has. It is asked for again, which costs nothing where the cloud still knows it.
   */
  #doubtNext(): void {
    const { next } = this.#identity;
    if (next === null || next.grant === null || this.#failed?.fingerprint !== next.fingerprint) return;
    if (this.#keptNow({ ...this.#identity, next: { ...next, grant: null } })) this.#failed = null;
  }

  granted(grant: CredentialGrant): void {
    const cloudMs = this.#cloudMs();
    if (cloudMs === null) return;
    this.#keptNow(granted(this.#identity, grant, cloudMs));
  }

  /** The cloud does not give the credential that it was asked for: another one is made, later. */
  refused(): void {
    this.#askAtMonoMs = this.#parts.clock.monoMs() + REST_MS;
    if (this.#identity.next?.grant === null) this.#keptNow({ ...this.#identity, next: null });
  }

  /** Looks for a claim, for a renewal that is due, and for a credential that is to be used. */
  tick(link: LinkOfIdentity): void {
    if (this.#busy !== null) return;
    this.#busy = this.#work(link)
      .catch((error: unknown) => {
        this.#claimAtMonoMs = this.#parts.clock.monoMs() + CLAIM_AGAIN_MS;
        this.#askAtMonoMs = this.#claimAtMonoMs;
        this.#parts.log.error({ err: error }, 'credentials cannot be kept');
      })
      .finally(() => {
        this.#busy = null;
      });
  }

  /** Waits for what is under way. */
  async idle(): Promise<void> {
    await this.#busy;
  }

  async #work(link: LinkOfIdentity): Promise<void> {
    const nowMs = this.#parts.clock.monoMs();
    const claim = nowMs >= this.#claimAtMonoMs ? this.#parts.folder.claim() : null;
    if (claim !== null) await this.#claim(claim);
    const cloudMs = this.#cloudMs();
    if (cloudMs !== null && link.isOpen && nowMs >= this.#askAtMonoMs && isRenewalDue(this.#identity, cloudMs)) {
      const next = this.#identity.next ?? (await this.#makeNext());
      this.#askAtMonoMs = nowMs + ASK_AGAIN_MS;
      link.askCredential(wishFor(next));
    }
    this.#useNext(link, nowMs);
  }

  #useNext(link: LinkOfIdentity, nowMs: number): void {
    const [best] = candidatesOf(this.#identity);
    if (best === undefined || best.fingerprint === this.#using?.fingerprint) return;
    if (this.#using !== null && (!link.isOpen || nowMs < this.#nextTriedMonoMs + REST_MS)) return;
    link.reconnect();
  }

  async #makeNext(): Promise<Credential> {
    const next = await this.#parts.makeSecret(this.#parts.kind);
    this.#keep({ ...this.#identity, next });
    return next;
  }

  async #claim({ code, sha256 }: ClaimCode): Promise<void> {
    const { folder, redeem, siteId, shard, clock, log } = this.#parts;
    if (this.#identity.redeemedClaim === sha256) return folder.removeClaim();
    this.#claimAtMonoMs = clock.monoMs() + CLAIM_AGAIN_MS;
    const { next } = this.#identity;
    const wanted = next !== null && next.grant === null ? next : await this.#makeNext();
    const outcome = await redeem({ claimCode: code, siteId, wish: wishFor(wanted) });
    if (outcome.kind === 'later') {
      log.warn({ reason: outcome.reason }, 'the claim is not answered; it is tried again');
      return;
    }
    if (outcome.kind === 'refused' && outcome.code === 'credential.refused') {
      log.warn({ detail: outcome.detail }, 'the cloud wants another key; the claim is tried again with one');
      return this.#keep({ ...this.#identity, next: null });
    }
    if (outcome.kind === 'refused') {
      log.error({ code: outcome.code, detail: outcome.detail }, 'the claim is refused; another code is needed');
      return folder.setClaimAside();
    }
    const { answer } = outcome;
    if (answer.shard !== shard)
      log.error({ shard: answer.shard, siteFile: shard }, 'the site file names another shard');
    const identity = granted(this.#identity, answer, answer.serverWallMs);
    this.#keep({ ...identity, redeemedClaim: sha256 });
    this.#nextTriedMonoMs = Number.NEGATIVE_INFINITY;
    folder.removeClaim();
    log.info({ fingerprint: answer.fingerprint, expiresAtMs: answer.expiresAtMs }, 'the claim is redeemed');
  }

  #cloudMs(): number | null {
    return this.#cloudTime === null
      ? null
      : this.#cloudTime.wallMs + Math.round(this.#parts.clock.monoMs() - this.#cloudTime.monoMs);
  }

  /** A disk that takes nothing now is asked again: the cloud repeats what it says. */
  #keptNow(identity: Identity): boolean {
    try {
      this.#keep(identity);
      return true;
    } catch (error) {
      this.#parts.log.error({ err: error }, 'credentials cannot be kept');
      return false;
    }
  }

  #keep(identity: Identity): void {
    if (identity === this.#identity) return;
    this.#parts.folder.write(identity);
    this.#identity = identity;
  }
}

function loginOf({ secret, grant }: Credential): BrokerLogin {
  if (secret.kind === 'password') return { kind: 'password', password: secret.password };
  return { kind: 'certificate', key: secret.privateKey, certificate: grant?.certificate ?? '' };
}
