import { admit, type Claim, claimOf, pausedUntil, type Refused } from './admit.ts';
import { type Cover, coversOf } from './cover.ts';
import { type Because, type Demand, type Grant, noDemand, type Share, type Shares } from './demand.ts';
import { fill } from './fill.ts';
import { type Network, stepDown } from './network.ts';
import { roomLeft } from './room.ts';

/** What holds at one moment. */
export interface Conditions {
  readonly nowMonoMs: number;
  /** What each cell may carry for the piles, in mA. */
  readonly limitsMa: readonly number[];
  /** Everything that may run has been seen: more may be granted than is held. */
  readonly mayRaise: boolean;
  /** How long a charge keeps its turn where not all can have the least. */
  readonly turnMs: number;
}

export interface Allocation {
  readonly grants: ReadonlyMap<string, Grant>;
  readonly shares: Shares;
}

/** A limit is not written for less than this, unless a limit of the network or another charge needs it. */
const STEP_MA = 1000;
/** More is granted only when it has been there for so long, and only so often. */
const RISES_AFTER_MS = 10_000;
const KEEPS_PLACE_FOR_MS = 300_000;

/** What would be fair if everybody obeyed at once. */
interface Target {
  readonly ma: number;
  readonly because: Because;
}

/**
 * Shares the network between the connectors. Pure: the same demands, shares and time give the same grants.
 *
 * What a connector counts with is the larger of its grant and of what may flow there by what it was told before. A grant
 * is lowered at once, and raised only into what is left when everybody is counted so: what one gives up another has
 * only after it is known to be given up.
 */
export function allocate(
  network: Network,
  demands: ReadonlyMap<string, Demand>,
  shares: Shares,
  conditions: Conditions,
): Allocation {
  const claims = network.outlets.map((outlet) => {
    const { connectorId } = outlet;
    return claimOf(outlet, demands.get(connectorId) ?? noDemand(connectorId), shares.get(connectorId) ?? null);
  });
  const targets = targetsOf(claims, conditions);
  const granted = lower(claims, targets, conditions);
  const held = new Map(granted);
  raise(claims, targets, granted, conditions);
  return {
    grants: new Map(claims.map((claim) => [claim.outlet.connectorId, grantOf(claim, targets, granted, conditions)])),
    shares: new Map(
      claims
        .filter((claim) => isRemembered(claim, conditions))
        .map((claim) => {
          const targetMa = targetOf(targets, claim).ma;
          return [
            claim.outlet.connectorId,
            shareOf(claim, grantedTo(granted, claim), grantedTo(held, claim), targetMa, conditions),
          ];
        }),
    ),
  };
}

/** Who was refused and asks again soon has his place among those who wait. */
function isRemembered({ demand, share }: Claim, { nowMonoMs }: Conditions): boolean {
  if (demand.wants !== 'nothing') return !demand.isFound;
  return (
    share?.waitsSinceMonoMs != null && share.pausedMonoMs === null && nowMonoMs - share.askedMonoMs < KEEPS_PLACE_FOR_MS
  );
}

const grantedTo = (granted: ReadonlyMap<Claim, number>, claim: Claim): number => granted.get(claim) ?? 0;
const NOTHING: Target = { ma: 0, because: { kind: 'idle' } };
const targetOf = (targets: ReadonlyMap<Claim, Target>, claim: Claim): Target => targets.get(claim) ?? NOTHING;

/** The fair shares: first everybody's least, then the rest, the highest priority first and evenly within one. */
function targetsOf(claims: readonly Claim[], { limitsMa, nowMonoMs, turnMs }: Conditions): ReadonlyMap<Claim, Target> {
  const roomUa = roomLeft(claims, limitsMa, ({ demand }) => demand.floorMa);
  const { admitted, refused } = admit(claims, roomUa, { nowMonoMs, turnMs });
  const nothing = claims
    .filter((claim) => !admitted.has(claim))
    .map((claim) => [claim, { ma: 0, because: becauseOfNothing(claim, refused.get(claim), nowMonoMs) }] as const);
  const fair = new Map([...nothing, ...sharesOf([...admitted], roomUa, [])]);
  const keepsMa = (claim: Claim) => (admitted.has(claim) ? keptMa(claim) : claim.demand.floorMa);
  const covers = coversOf(claims, limitsMa, roomUa, (claim) => targetOf(fair, claim).ma, keepsMa);
  return covers.length === 0 ? fair : new Map([...nothing, ...sharesOf([...admitted], roomUa, covers)]);
}

/** @param roomUa what the cells carry beside everybody's least */
function sharesOf(
  admitted: readonly Claim[],
  roomUa: readonly number[],
  covers: readonly Cover[],
): ReadonlyMap<Claim, Target> {
  const targets = new Map<Claim, Target>();
  const leftUa = [...roomUa, ...covers.map((cover) => cover.roomUa)];
  const priorities = [...new Set(admitted.map(({ outlet }) => outlet.priority))].sort((a, b) => b - a);
  for (const priority of priorities) {
    const peers = admitted.filter(({ outlet }) => outlet.priority === priority);
    const levels = fill(
      peers.map((claim) => risingOf(claim, covers, roomUa.length)),
      leftUa,
    );
    peers.forEach((claim, i) => {
      const { ma = 0, boundBy = null } = levels[i] ?? {};
      const targetMa = Math.max(claim.outlet.minMa, stepDown(claim.outlet, Math.min(ma, claim.maxMa)));
      const cell = boundBy === null ? null : (covers[boundBy - roomUa.length]?.cell ?? boundBy);
      targets.set(claim, { ma: targetMa, because: cell === null ? { kind: 'own-limit' } : { kind: 'full', cell } });
    });
  }
  return targets;
}

const keptMa = ({ outlet, demand }: Claim): number => Math.max(outlet.minMa, demand.floorMa);

/** A cover is one more cell, of those who make room. */
function risingOf(claim: Claim, covers: readonly Cover[], cellCount: number) {
  const { outlet, cells, maxMa } = claim;
  const covering = covers.flatMap(({ cell, of }, i) => (of !== claim && cells.includes(cell) ? [cellCount + i] : []));
  const fromMa = keptMa(claim);
  return {
    cells: covering.length === 0 ? cells : [...cells, ...covering],
    drawPermille: outlet.drawPermille,
    fromMa,
    toMa: Math.max(fromMa, maxMa),
  };
}

function becauseOfNothing(claim: Claim, refused: Refused | undefined, nowMonoMs: number): Because {
  if (claim.demand.wants === 'nothing') return { kind: 'idle' };
  if (refused !== undefined) return refused;
  const untilMonoMs = pausedUntil(claim);
  return untilMonoMs !== null && nowMonoMs < untilMonoMs ? { kind: 'paused', untilMonoMs } : { kind: 'own-limit' };
}

/**
 * Takes away what is above the fair share, where that is worth a write or somebody is to begin. What else a limit of the
 * network needs is taken from a few, a whole step from each, rather than a little from all.
 */
function lower(
  claims: readonly Claim[],
  targets: ReadonlyMap<Claim, Target>,
  { limitsMa }: Conditions,
): Map<Claim, number> {
  const granted = new Map<Claim, number>();
  const begins = new Set(
    claims.filter((claim) => claim.heldMa === 0 && targetOf(targets, claim).ma > 0).flatMap(({ cells }) => cells),
  );
  for (const claim of claims) {
    const { heldMa, maxMa, cells } = claim;
    const targetMa = targetOf(targets, claim).ma;
    const isDue =
      heldMa - targetMa >= STEP_MA || targetMa === 0 || heldMa > maxMa || cells.some((cell) => begins.has(cell));
    granted.set(claim, isDue ? Math.min(heldMa, targetMa) : heldMa);
  }
  const countMa = (claim: Claim) => Math.max(grantedTo(granted, claim), claim.demand.floorMa);
  const roomUa = roomLeft(claims, limitsMa, countMa);
  const aboveMa = (claim: Claim) => grantedTo(granted, claim) - targetOf(targets, claim).ma;
  for (const claim of claims.filter((one) => aboveMa(one) > 0).sort((a, b) => aboveMa(b) - aboveMa(a))) {
    const { outlet, cells, heldMa } = claim;
    if (!cells.some((cell) => (roomUa[cell] ?? 0) < 0)) continue;
    const beforeMa = countMa(claim);
    const stepMa = Math.max(outlet.minMa, stepDown(outlet, heldMa - STEP_MA));
    granted.set(claim, Math.min(targetOf(targets, claim).ma, stepMa));
    const freedUa = (beforeMa - countMa(claim)) * outlet.drawPermille;
    for (const cell of cells) roomUa[cell] = (roomUa[cell] ?? 0) + freedUa;
  }
  return granted;
}

/** Gives what is free: first to those who have nothing, then to those who have least. */
function raise(
  claims: readonly Claim[],
  targets: ReadonlyMap<Claim, Target>,
  granted: Map<Claim, number>,
  conditions: Conditions,
): void {
  if (!conditions.mayRaise) return;
  const countMa = (claim: Claim) => Math.max(grantedTo(granted, claim), claim.demand.mayTakeMa);
  const roomUa = roomLeft(claims, conditions.limitsMa, countMa);
  const give = (claim: Claim): boolean => {
    const { outlet, cells } = claim;
    const ownUa = countMa(claim) * outlet.drawPermille;
    const mostUa = cells.reduce(
      (least, cell) => Math.min(least, (roomUa[cell] ?? 0) + ownUa),
      Number.POSITIVE_INFINITY,
    );
    const isFull = cells.some((cell) => (roomUa[cell] ?? 0) < 0);
    const givenMa = stepDown(outlet, Math.min(targetOf(targets, claim).ma, Math.floor(mostUa / outlet.drawPermille)));
    if (isFull || givenMa <= grantedTo(granted, claim)) return false;
    granted.set(claim, givenMa);
    const moreUa = countMa(claim) * outlet.drawPermille - ownUa;
    for (const cell of cells) roomUa[cell] = (roomUa[cell] ?? 0) - moreUa;
    return true;
  };
  const rising = claims.filter((claim) => isRising(claim, targetOf(targets, claim), conditions));
  const unserved = new Set<number>();
  for (const claim of rising.filter(({ heldMa }) => heldMa === 0).sort(byWaiting))
    if (!give(claim)) for (const cell of claim.cells) unserved.add(cell);
  const running = rising.filter((claim) => claim.heldMa > 0 && grantedTo(granted, claim) === claim.heldMa);
  for (const claim of running.sort(byGrant)) if (!claim.cells.some((cell) => unserved.has(cell))) give(claim);
}

const byWaiting = (a: Claim, b: Claim): number =>
  b.outlet.priority - a.outlet.priority ||
  (a.share?.waitsSinceMonoMs ?? Number.MAX_SAFE_INTEGER) - (b.share?.waitsSinceMonoMs ?? Number.MAX_SAFE_INTEGER);
const byGrant = (a: Claim, b: Claim): number => b.outlet.priority - a.outlet.priority || a.heldMa - b.heldMa;

/** Whether more is to be granted now. A new charge need not wait until that has been so for some time. */
function isRising({ demand, heldMa, share, maxMa }: Claim, target: Target, { nowMonoMs }: Conditions): boolean {
  if (target.ma <= heldMa) return false;
  if (demand.wants === 'start') return true;
  const isWorthIt = heldMa === 0 || target.ma - heldMa >= STEP_MA || target.ma === maxMa;
  const sinceMonoMs = share?.risesSinceMonoMs ?? nowMonoMs;
  return isWorthIt && nowMonoMs - sinceMonoMs >= RISES_AFTER_MS;
}

function grantOf(
  claim: Claim,
  targets: ReadonlyMap<Claim, Target>,
  granted: ReadonlyMap<Claim, number>,
  { mayRaise, nowMonoMs }: Conditions,
): Grant {
  const target = targetOf(targets, claim);
  const limitMa = grantedTo(granted, claim);
  if (limitMa >= target.ma) return { limitMa, because: target.because };
  if (!mayRaise) return { limitMa, because: { kind: 'not-all-seen' } };
  const isHeldBack = isRising(claim, target, { mayRaise, nowMonoMs, limitsMa: [], turnMs: 0 });
  return { limitMa, because: { kind: isHeldBack ? 'others-first' : 'rises-slowly' } };
}

/** `keptMa`: what was left of it before anything was raised. */
function shareOf(
  { heldMa, share, demand }: Claim,
  grantMa: number,
  keptMa: number,
  targetMa: number,
  { nowMonoMs }: Conditions,
): Share {
  const isOn = grantMa > 0;
  const isPaused = demand.wants === 'charge' && heldMa > 0 && !isOn;
  const isRaised = grantMa > keptMa;
  return {
    grantMa,
    onSinceMonoMs: isOn ? (share?.onSinceMonoMs ?? nowMonoMs) : null,
    waitsSinceMonoMs: isOn ? null : (share?.waitsSinceMonoMs ?? nowMonoMs),
    askedMonoMs: demand.wants === 'nothing' ? (share?.askedMonoMs ?? nowMonoMs) : nowMonoMs,
    pausedMonoMs: isOn ? null : isPaused ? nowMonoMs : (share?.pausedMonoMs ?? null),
    risesSinceMonoMs: targetMa > grantMa && !isRaised ? (share?.risesSinceMonoMs ?? nowMonoMs) : null,
  };
}
