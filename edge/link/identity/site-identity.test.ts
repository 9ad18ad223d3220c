import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import type { ClaimRequest, CredentialWish } from '#shared/wire/credentials.ts';
import { IdentityFolder } from './identity-folder.ts';
import { makeSecret } from './make-secret.ts';
import type { ClaimOutcome } from './redeem-claim.ts';
import { SiteIdentity } from './site-identity.ts';

const LIFETIME_MS = 90_000_000;
const CODE = 'AAAAA-BBBBB-CCCCC-DDDDD';

class PowerCut extends Error {}

/** The cloud's side of the rules in a few lines, and a box whose power fails at the n-th thing that it does. */
class World {
  readonly dataDir = mkdtempSync(join(tmpdir(), 'pilegate-identity-'));
  readonly folder = new IdentityFolder(this.dataDir);
  /** Fingerprint → until when. */
  readonly good = new Map<string, number>();
  readonly claims = new Map<string, string | null>();
  readonly secondUses: string[] = [];
  cloudMs = 1_000_000;
  monoMs = 0;
  cutAt = Number.POSITIVE_INFINITY;
  steps = 0;
  identity = this.boot();
  isUp = false;

  boot(): SiteIdentity {
    this.isUp = false;
    const wrap =
      <Args extends unknown[], Value>(act: (...args: Args) => Value) =>
      (...args: Args): Value => {
        this.step();
        const value = act(...args);
        this.step();
        return value;
      };
    const { folder } = this;
    this.identity = new SiteIdentity({
      siteId: 'a',
      shard: 7,
      kind: 'password',
      folder: {
        read: () => folder.read(),
        claim: () => folder.claim(),
        write: wrap(folder.write.bind(folder)),
        removeClaim: wrap(folder.removeClaim.bind(folder)),
        setClaimAside: wrap(folder.setClaimAside.bind(folder)),
      },
      redeem: (claim) => Promise.resolve().then(() => wrap((one: ClaimRequest) => this.redeem(one))(claim)),
      makeSecret,
      clock: { wallMs: () => 0, monoMs: () => this.monoMs },
      log: pino({ level: 'silent' }),
    });
    return this.identity;
  }

  step(): void {
    this.steps += 1;
    if (this.steps === this.cutAt) throw new PowerCut();
  }

  redeem({ claimCode, wish }: ClaimRequest): ClaimOutcome {
    const fingerprint = wish.kind === 'password' ? wish.passwordSha256 : '';
    const before = this.claims.get(claimCode);
    if (before === undefined) return { kind: 'refused', code: 'claim.unknown', detail: '' };
    if (before !== null && before !== fingerprint) {
      this.secondUses.push(fingerprint);
      return { kind: 'refused', code: 'claim.used', detail: '' };
    }
    this.claims.set(claimCode, fingerprint);
    const grant = this.grant(fingerprint);
    return { kind: 'granted', answer: { siteId: 'a', shard: 7, ...grant, serverWallMs: this.cloudMs } };
  }

  grant(fingerprint: string) {
    const expiresAtMs = this.good.get(fingerprint) ?? this.cloudMs + LIFETIME_MS;
    this.good.set(fingerprint, expiresAtMs);
    return { fingerprint, certificate: null, expiresAtMs };
  }

  /** One second of link and identity. Throws when the power fails. */
  async second(): Promise<void> {
    this.monoMs += 1000;
    this.cloudMs += 1000;
    let cut = false;
    const asked: CredentialWish[] = [];
    this.identity.tick({
      isOpen: this.isUp,
      askCredential: (wish) => asked.push(wish),
      reconnect: () => {
        this.isUp = false;
        this.identity.login();
        this.connect();
      },
    });
    await this.identity.idle();
    cut = this.steps >= this.cutAt;
    if (cut) throw new PowerCut();
    for (const wish of asked) {
      this.step();
      if (wish.kind !== 'password') continue;
      const grant = this.grant(wish.passwordSha256);
      this.step();
      this.identity.granted({ v: 1, ...grant });
      if (this.steps >= this.cutAt) throw new PowerCut();
    }
    if (!this.isUp && this.identity.login() !== null) this.connect();
    if (this.steps >= this.cutAt) throw new PowerCut();
  }

  connect(): void {
    const fingerprint = this.identity.fingerprint();
    if (fingerprint === null || (this.good.get(fingerprint) ?? 0) <= this.cloudMs) return;
    // Hello with it: the ones before end, but not one that was granted since.
    const all = [...this.good.keys()];
    for (const older of all.slice(0, all.indexOf(fingerprint))) this.good.delete(older);
    this.isUp = true;
    this.step();
    this.identity.welcomed(this.cloudMs);
  }

  async seconds(count: number): Promise<void> {
    for (let n = 0; n < count; n += 1) await this.second();
  }
}

function aWorld(): World {
  const world = new World();
  onTestFinished(() => rmSync(world.dataDir, { recursive: true, force: true }));
  return world;
}

/** From a box without anything to one that has renewed its credential once. */
async function wholeLife(world: World): Promise<void> {
  world.claims.set(CODE, world.claims.get(CODE) ?? null);
  await world.seconds(40);
  world.cloudMs += (LIFETIME_MS * 2) / 3;
  world.monoMs += (LIFETIME_MS * 2) / 3;
  await world.seconds(70);
}

test('SY-06 a claim becomes a credential, and long before that ends the next one takes its place', async () => {
  const world = aWorld();
  expect(world.identity.login()).toBe(null);
  world.claims.set(CODE, null);
  world.folder.putClaim(CODE);
  await world.seconds(2);
  expect(world.isUp).toBe(true);
  expect(world.folder.claim()).toBe(null);
  const first = world.identity.fingerprint();
  await wholeLife(world);
  expect(world.isUp).toBe(true);
  expect(world.identity.fingerprint()).not.toBe(first);
  expect([...world.good.keys()]).toEqual([world.identity.fingerprint()]);
  expect(world.folder.read().identity).toMatchObject({
    next: null,
    current: { fingerprint: world.identity.fingerprint() },
  });
});

test('SY-06 power that fails at any step of claim and renewal leaves a credential that works, and no code is used twice', async () => {
  const counting = aWorld();
  counting.folder.putClaim(CODE);
  await wholeLife(counting);
  const steps = counting.steps;
  expect(steps).toBeGreaterThan(15);
  for (let cutAt = 1; cutAt <= steps; cutAt += 1) {
    const world = aWorld();
    world.folder.putClaim(CODE);
    world.cutAt = cutAt;
    await expect(wholeLife(world), `cut at ${cutAt}`).rejects.toThrow(PowerCut);
    const hadBeen = world.good.size > 0;
    world.cutAt = Number.POSITIVE_INFINITY;
    world.boot();
    await world.seconds(40);
    expect(world.isUp, `cut at ${cutAt}: connected again${hadBeen ? '' : ', after the claim'}`).toBe(true);
    world.cloudMs += LIFETIME_MS;
    world.monoMs += LIFETIME_MS / 2;
    expect(world.secondUses, `cut at ${cutAt}`).toEqual([]);
  }
});

test('SY-06 a box that was away past the end of its credential comes back by another claim', async () => {
  const world = aWorld();
  world.claims.set(CODE, null);
  world.folder.putClaim(CODE);
  await world.seconds(2);
  world.isUp = false;
  world.cloudMs += 2 * LIFETIME_MS;
  world.boot();
  await world.seconds(5);
  expect(world.isUp).toBe(false);
  world.claims.set('NEW', null);
  world.folder.putClaim('NEW');
  await world.seconds(40);
  expect(world.isUp).toBe(true);
});

test('SY-06 a credential that does not connect rests, and the one before it goes on', async () => {
  const world = aWorld();
  world.claims.set(CODE, null);
  world.folder.putClaim(CODE);
  await world.seconds(2);
  const first = world.identity.fingerprint();
  world.cloudMs += (LIFETIME_MS * 2) / 3;
  world.monoMs += (LIFETIME_MS * 2) / 3;
  const grant = world.grant.bind(world);
  // Granted, but the broker does not know it yet.
  world.grant = (fingerprint) => {
    const given = grant(fingerprint);
    world.good.set(fingerprint, 0);
    return given;
  };
  await world.seconds(60);
  expect([world.isUp, world.identity.fingerprint()]).toEqual([true, first]);
  expect(world.folder.read().identity, 'a welcome with one proves no other').toMatchObject({
    current: { fingerprint: first },
    next: { grant: { certificate: null } },
  });
  for (const fingerprint of world.good.keys()) world.good.set(fingerprint, world.cloudMs + LIFETIME_MS);
  await world.seconds(650);
  expect(world.isUp).toBe(true);
  expect(world.identity.fingerprint()).not.toBe(first);
});

test('SY-06 a cloud that has forgotten what it granted, as one put back from a copy has, is asked for it again', async () => {
  const world = aWorld();
  world.claims.set(CODE, null);
  world.folder.putClaim(CODE);
  await world.seconds(2);
  const first = world.identity.fingerprint();
  world.cloudMs += (LIFETIME_MS * 2) / 3;
  world.monoMs += (LIFETIME_MS * 2) / 3;
  const grant = world.grant.bind(world);
  let given = 0;
  world.grant = (fingerprint) => {
    given += 1;
    const told = grant(fingerprint);
    if (given === 1) world.good.delete(fingerprint);
    return told;
  };
  await world.seconds(700);
  expect(world.isUp).toBe(true);
  expect(world.identity.fingerprint()).not.toBe(first);
  expect([...world.good.keys()]).toEqual([world.identity.fingerprint()]);
  expect(given, 'and not at every turn').toBe(2);
});

test('SY-06 a code that is refused for good is put aside and not tried again', async () => {
  const world = aWorld();
  world.folder.putClaim('WRONG');
  await world.seconds(2);
  expect(world.folder.claim()).toBe(null);
  expect(readFileSync(join(world.dataDir, 'identity', 'claim-refused'), 'utf8')).toBe('WRONG\n');
});

test('SY-06 keys are readable by the owner alone, and a file that cannot be read is kept', async () => {
  const world = aWorld();
  const file = join(world.dataDir, 'identity', 'identity.json');
  world.claims.set(CODE, null);
  world.folder.putClaim(CODE);
  expect(statSync(join(world.dataDir, 'identity', 'claim')).mode & 0o777).toBe(0o600);
  await world.seconds(2);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(statSync(join(world.dataDir, 'identity')).mode & 0o777).toBe(0o700);
  writeFileSync(file, '{"half');
  expect(world.boot().login()).toBe(null);
  expect(readFileSync(join(world.dataDir, 'identity', 'identity-broken.json'), 'utf8')).toBe('{"half');
});
