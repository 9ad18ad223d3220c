/**
 * How a site stands in a roll-out.
 *
 * `queued`: its turn has not come, or it is away; nothing has been sent. `sent`: the site has not said that it is in force.
 * `soaking`: in force, and watched. `silent`: in force by its own word, and since then away. `good`: in force, and was watched for long
 * enough. `had`: it was in force before. `failed`: refused, rolled back on site, unanswered, or not well with it. `left`: somebody
 * has put another version there since. `unable`: its software knows no documents. `missed`: away until the roll-out was over.
 * `reverting`: what was in force before is on its way back. `reverted`: it is in force again. `stuck`: only a technician can go back.
 */
export type RolloutSiteState =
  | 'queued'
  | 'sent'
  | 'soaking'
  | 'silent'
  | 'good'
  | 'had'
  | 'failed'
  | 'left'
  | 'unable'
  | 'missed'
  | 'reverting'
  | 'reverted'
  | 'stuck';

export type RolloutState = 'running' | 'paused' | 'halted' | 'aborted' | 'completed';

/** What a site has said of a version. */
export type Answer = 'none' | 'waiting' | 'active' | 'refused' | 'rolled-back';

export interface RolloutFacts {
  readonly state: RolloutState;
  /** After a halt or an abort: sites that may have it are to get back what they had. */
  readonly isReverting: boolean;
  /** Under way, from 0. */
  readonly wave: number;
  readonly waves: number;
  readonly waveBegunAtMs: number;
  /** So long a site is watched with it. */
  readonly soakMs: number;
  /** So long a site may take until it is in force, and be away afterwards. */
  readonly answerWithinMs: number;
  /** So long a wave waits for sites that are away. */
  readonly awayAfterMs: number;
  /** It halts as soon as so many sites have failed. */
  readonly haltAtFailures: number;
}

export interface SiteFacts {
  readonly siteId: string;
  readonly wave: number;
  readonly state: RolloutSiteState;
  readonly sinceMs: number;
  /** Null: nothing has been sent. */
  readonly sentAtMs: number | null;
  readonly isLinked: boolean;
  /** False: its software is too old for documents. */
  readonly knowsDocuments: boolean;
  readonly answer: Answer;
  /** Of the version that was sent to go back. */
  readonly revertAnswer: Answer;
  /** A version is known there that is newer than what this roll-out has sent. */
  readonly isTakenOver: boolean;
  /** That the site has raised since it was sent. */
  readonly criticalAlarms: number;
}

export type Decision =
  | { readonly kind: 'site'; readonly siteId: string; readonly to: RolloutSiteState; readonly detail: string | null }
  | { readonly kind: 'send' | 'revert'; readonly siteId: string }
  | { readonly kind: 'wave'; readonly wave: number }
  | { readonly kind: 'halt'; readonly detail: string }
  /** All that could be reached have it. */
  | { readonly kind: 'complete' }
  /** Halted or aborted, and nobody is waited for any more. */
  | { readonly kind: 'finish' };

type Moved = Extract<Decision, { kind: 'site' }>;

/** States in which a wave waits for nothing more of a site. */
const SETTLED: readonly RolloutSiteState[] = ['good', 'had', 'failed', 'left', 'unable'];

/** So many sites are sent to at once, the others in the next round: their rows are locked for so long. */
export const SENDS_AT_ONCE = 25;

/**
 * What is to be done now. A wave begins only after each site of those before is settled, and nothing is sent in the round that halts, or
 * after it.
 *
 * @param sites all of the roll-out
 */
export function decide(rollout: RolloutFacts, sites: readonly SiteFacts[], nowMs: number): Decision[] {
  const moved = sites.flatMap((site) => observe(rollout, site, nowMs) ?? []);
  const after = sites.map((site) => applied(site, moved, nowMs));
  if (rollout.state === 'halted' || rollout.state === 'aborted') return [...moved, ...goBack(rollout, after)];
  const failed = after.filter(({ state }) => state === 'failed');
  if (failed.length >= rollout.haltAtFailures) return [...moved, { kind: 'halt', detail: haltDetail(failed, moved) }];
  if (rollout.state !== 'running') return moved;
  if (!isWaveDone(rollout, after, nowMs)) return [...moved, ...sendsOf(rollout, after)];
  if (rollout.wave + 1 < rollout.waves) return [...moved, { kind: 'wave', wave: rollout.wave + 1 }];
  const missed = after
    .filter(({ state }) => state === 'queued')
    .map(({ siteId }): Moved => ({ kind: 'site', siteId, to: 'missed', detail: 'it was away' }));
  return [...moved, ...missed, { kind: 'complete' }];
}

/** What has become of a site by itself; null while nothing has changed. */
function observe(rollout: RolloutFacts, site: SiteFacts, nowMs: number): Moved | null {
  const to = (state: RolloutSiteState, detail: string | null = null): Moved => ({
    kind: 'site',
    siteId: site.siteId,
    to: state,
    detail,
  });
  switch (site.state) {
    case 'queued':
      return site.wave <= rollout.wave && !site.knowsDocuments ? to('unable', 'its software knows no documents') : null;
    case 'sent':
      if (site.isTakenOver) return to('left', 'another version was put there');
      if (isRefusal(site.answer)) return to('failed', site.answer);
      if (site.answer === 'active') return to('soaking');
      return nowMs - (site.sentAtMs ?? nowMs) >= rollout.answerWithinMs
        ? to('failed', site.answer === 'waiting' ? 'it waits on site for too long' : 'no answer in time')
        : null;
    case 'soaking':
    case 'silent':
      return watched(rollout, site, nowMs, to);
    case 'good':
      if (site.isTakenOver) return to('left', 'another version was put there');
      return isRefusal(site.answer) ? to('failed', site.answer) : null;
    case 'reverting':
      if (site.isTakenOver) return to('left', 'another version was put there');
      if (site.revertAnswer === 'active') return to('reverted');
      return isRefusal(site.revertAnswer) ? to('stuck', `going back: ${site.revertAnswer}`) : null;
    default:
      return null;
  }
}

function watched(
  { soakMs, answerWithinMs }: RolloutFacts,
  site: SiteFacts,
  nowMs: number,
  to: (state: RolloutSiteState, detail?: string) => Moved,
): Moved | null {
  const forMs = nowMs - site.sinceMs;
  if (site.isTakenOver) return to('left', 'another version was put there');
  if (isRefusal(site.answer)) return to('failed', site.answer);
  if (site.criticalAlarms > 0) return to('failed', `${site.criticalAlarms} critical alarms since it was sent`);
  if (site.state === 'soaking') {
    if (!site.isLinked) return to('silent', 'the link is down');
    return forMs >= soakMs ? to('good') : null;
  }
  // It is watched anew: for all of the time it was well.
  if (site.isLinked) return to('soaking', 'the link is back');
  return forMs >= answerWithinMs ? to('failed', 'the link has not come back') : null;
}

/** The site has not got it in force. */
export const isRefusal = (answer: Answer): boolean => answer === 'refused' || answer === 'rolled-back';

function applied(site: SiteFacts, moved: readonly Moved[], nowMs: number): SiteFacts {
  const move = moved.find(({ siteId }) => siteId === site.siteId);
  return move === undefined ? site : { ...site, state: move.to, sinceMs: nowMs };
}

const sendsOf = ({ wave }: RolloutFacts, sites: readonly SiteFacts[]): Decision[] =>
  sites
    .filter((site) => site.state === 'queued' && site.wave <= wave && site.isLinked)
    .slice(0, SENDS_AT_ONCE)
    .toSorted(byName)
    .map(({ siteId }) => ({ kind: 'send', siteId }));

/** Sites are locked in the order of their names, by everybody. */
const byName = (a: SiteFacts, b: SiteFacts): number => (a.siteId < b.siteId ? -1 : 1);

/** Whoever was away in an earlier wave is not waited for again. Without one site that is well with it nothing is proven. */
function isWaveDone({ wave, waveBegunAtMs, awayAfterMs }: RolloutFacts, sites: readonly SiteFacts[], nowMs: number) {
  const isAwayForLong = (site: SiteFacts) =>
    site.state === 'queued' && !site.isLinked && (site.wave < wave || nowMs - waveBegunAtMs >= awayAfterMs);
  return (
    sites.every((site) => site.wave > wave || SETTLED.includes(site.state) || isAwayForLong(site)) &&
    sites.some(({ state }) => state === 'good' || state === 'had')
  );
}

/** It was sent there, and the site has not said that it left it. */
const mayHaveIt = ({ state, sentAtMs, answer }: SiteFacts): boolean =>
  state === 'sent' ||
  state === 'soaking' ||
  state === 'silent' ||
  state === 'good' ||
  (state === 'failed' && sentAtMs !== null && !isRefusal(answer));

function goBack({ isReverting }: RolloutFacts, sites: readonly SiteFacts[]): Decision[] {
  const due = isReverting ? sites.filter(mayHaveIt) : [];
  if (due.length > 0)
    return due
      .slice(0, SENDS_AT_ONCE)
      .toSorted(byName)
      .map(({ siteId }): Decision => ({ kind: 'revert', siteId }));
  return sites.some(({ state }) => state === 'reverting') ? [] : [{ kind: 'finish' }];
}

function haltDetail(failed: readonly SiteFacts[], moved: readonly Moved[]): string {
  const named = failed.slice(0, 5).map(({ siteId }) => {
    const why = moved.find((move) => move.siteId === siteId)?.detail;
    return why === undefined || why === null ? siteId : `${siteId} (${why})`;
  });
  const more = failed.length > named.length ? ` and ${failed.length - named.length} more` : '';
  return `${failed.length} failed: ${named.join(', ')}${more}`;
}

export type StaffAction = 'pause' | 'resume' | 'abort';

/** The state after what staff want; null when it cannot be done any more, or has no meaning now. */
export function afterStaff(state: RolloutState, action: StaffAction): RolloutState | null {
  switch (action) {
    case 'pause':
      return state === 'running' ? 'paused' : null;
    case 'resume':
      return state === 'paused' ? 'running' : null;
    case 'abort':
      return state === 'running' || state === 'paused' ? 'aborted' : null;
  }
}
