import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Answer,
  afterStaff,
  type Decision,
  decide,
  type RolloutFacts,
  type RolloutSiteState,
  type SiteFacts,
} from './machine.ts';

const rollout: RolloutFacts = {
  state: 'running',
  isReverting: false,
  wave: 0,
  waves: 3,
  waveBegunAtMs: 0,
  soakMs: 1000,
  answerWithinMs: 5000,
  awayAfterMs: 3000,
  haltAtFailures: 2,
};
const site = (siteId: string, change: Partial<SiteFacts> = {}): SiteFacts => ({
  siteId,
  wave: 0,
  state: 'queued',
  sinceMs: 0,
  sentAtMs: null,
  isLinked: true,
  knowsDocuments: true,
  answer: 'none',
  revertAnswer: 'none',
  isTakenOver: false,
  criticalAlarms: 0,
  ...change,
});
const sent = (siteId: string, state: RolloutSiteState, change: Partial<SiteFacts> = {}) =>
  site(siteId, { state, sentAtMs: 0, ...change });

describe('SY-07 what becomes of one site', () => {
  test.each<[string, SiteFacts, number, RolloutSiteState | null]>([
    ['in force', sent('a', 'sent', { answer: 'active' }), 10, 'soaking'],
    ['refused', sent('a', 'sent', { answer: 'refused' }), 10, 'failed'],
    ['waits for a charge', sent('a', 'sent', { answer: 'waiting' }), 4999, null],
    ['waits for too long', sent('a', 'sent', { answer: 'waiting' }), 5000, 'failed'],
    ['no answer', sent('a', 'sent'), 5000, 'failed'],
    ['well for long enough', sent('a', 'soaking', { answer: 'active' }), 1000, 'good'],
    ['not for long enough', sent('a', 'soaking', { answer: 'active' }), 999, null],
    ['a critical alarm', sent('a', 'soaking', { answer: 'active', criticalAlarms: 1 }), 1000, 'failed'],
    ['the link goes', sent('a', 'soaking', { answer: 'active', isLinked: false }), 1000, 'silent'],
    ['the link comes back', sent('a', 'silent', { answer: 'active' }), 1000, 'soaking'],
    ['the link stays away', sent('a', 'silent', { answer: 'active', isLinked: false }), 5000, 'failed'],
    ['left by a technician after all', sent('a', 'good', { answer: 'rolled-back' }), 9000, 'failed'],
    ['staff put another one', sent('a', 'good', { answer: 'active', isTakenOver: true }), 9000, 'left'],
    ['too old', site('a', { knowsDocuments: false }), 0, 'unable'],
  ])('%s', (_, one, nowMs, to) => {
    const moved = decide({ ...rollout, haltAtFailures: 9 }, [one], nowMs).find(({ kind }) => kind === 'site');
    expect(moved === undefined ? null : moved).toEqual(
      to === null ? null : { kind: 'site', siteId: 'a', to, detail: moved?.kind === 'site' ? moved.detail : '' },
    );
  });
});

describe('SY-07 the gate between waves', () => {
  const next = (sites: readonly SiteFacts[], nowMs = 100, change: Partial<RolloutFacts> = {}) =>
    decide({ ...rollout, ...change }, sites, nowMs).map((one) => (one.kind === 'site' ? one.to : one.kind));
  const later = site('z', { wave: 1 });

  test('opens when everybody of the wave is well, and then the next one is sent to', () => {
    expect(next([site('a'), later])).toEqual(['send']);
    expect(next([sent('a', 'soaking', { answer: 'active' }), later])).toEqual([]);
    expect(next([sent('a', 'good', { answer: 'active' }), later])).toEqual(['wave']);
    expect(next([sent('a', 'good', { answer: 'active' }), later], 100, { wave: 1 })).toEqual(['send']);
  });

  test('waits for who is away, and not for ever; who was away in an earlier wave holds no later one up', () => {
    const [good, away] = [sent('a', 'good', { answer: 'active' }), site('b', { isLinked: false })];
    expect(next([good, away, later], 2999)).toEqual([]);
    expect(next([good, away, later], 3000)).toEqual(['wave']);
    expect(next([good, away, sent('z', 'good', { wave: 1, answer: 'active' })], 0, { wave: 1, waves: 2 })).toEqual([
      'missed',
      'complete',
    ]);
  });

  test('stays closed while nobody has proven it, however long everybody is away', () => {
    expect(next([site('b', { isLinked: false }), later], 1e9)).toEqual([]);
    expect(next([site('b', { knowsDocuments: false }), later], 1e9)).toEqual(['unable']);
  });

  test('one failure below the threshold lets it open, and the threshold halts it for good', () => {
    const failed = sent('b', 'failed', { answer: 'refused' });
    expect(next([sent('a', 'good', { answer: 'active' }), failed, later])).toEqual(['wave']);
    expect(next([sent('a', 'sent', { answer: 'refused' }), failed, later])).toEqual(['failed', 'halt']);
    expect(next([site('a'), later], 100, { state: 'halted', isReverting: true })).toEqual(['finish']);
  });

  test('a pause sends nothing, and still sees what fails', () => {
    expect(next([site('a'), later], 100, { state: 'paused' })).toEqual([]);
    const failing = [sent('a', 'sent', { answer: 'refused' }), sent('b', 'sent', { answer: 'refused' })];
    expect(next(failing, 100, { state: 'paused' })).toEqual(['failed', 'failed', 'halt']);
  });
});

test('SY-07 after a halt everybody who may have it is sent back, and nobody who said that he has not', () => {
  const sites = [
    sent('good', 'good', { answer: 'active' }),
    sent('unanswered', 'failed'),
    sent('refused', 'failed', { answer: 'refused' }),
    sent('left', 'left', { answer: 'active' }),
    site('queued'),
    site('had', { state: 'had' }),
  ];
  expect(decide({ ...rollout, state: 'halted', isReverting: true }, sites, 100)).toEqual([
    { kind: 'revert', siteId: 'good' },
    { kind: 'revert', siteId: 'unanswered' },
  ]);
  expect(decide({ ...rollout, state: 'aborted' }, sites, 100)).toEqual([{ kind: 'finish' }]);
});

test('SY-07 staff pause, resume and abort what is not over', () => {
  const states = ['running', 'paused', 'halted', 'aborted', 'completed'] as const;
  const actions = ['pause', 'resume', 'abort'] as const;
  expect(actions.map((action) => states.map((state) => afterStaff(state, action)))).toEqual([
    ['paused', null, null, null, null],
    [null, 'running', null, null, null],
    ['aborted', 'aborted', null, null, null],
  ]);
});

/** A fleet that does with every site whatever the run says, and keeps what was decided. */
class Fleet {
  rollout: RolloutFacts;
  sites: SiteFacts[];
  nowMs = 0;
  isOver = false;
  readonly everSent = new Set<string>();
  readonly everReverted = new Set<string>();
  hasHalted = false;

  constructor(waves: readonly number[], haltAtFailures: number) {
    this.rollout = { ...rollout, waves: waves.length, haltAtFailures };
    this.sites = waves.flatMap((count, wave) =>
      Array.from({ length: count }, (_, i) => site(`${wave}-${i}`, { wave, isLinked: i % 3 !== 2 })),
    );
  }

  change(siteId: string, change: Partial<SiteFacts>): void {
    this.sites = this.sites.map((one) => (one.siteId === siteId ? { ...one, ...change } : one));
  }

  round(): readonly Decision[] {
    if (this.isOver) return [];
    const decisions = decide(this.rollout, this.sites, this.nowMs);
    for (const decision of decisions) this.apply(decision);
    return decisions;
  }

  apply(decision: Decision): void {
    const sinceMs = this.nowMs;
    switch (decision.kind) {
      case 'site':
        return this.change(decision.siteId, { state: decision.to, sinceMs });
      case 'send':
        this.everSent.add(decision.siteId);
        return this.change(decision.siteId, { state: 'sent', sentAtMs: this.nowMs, sinceMs });
      case 'revert':
        this.everReverted.add(decision.siteId);
        return this.change(decision.siteId, { state: 'reverting', sinceMs });
      case 'wave':
        this.rollout = { ...this.rollout, wave: decision.wave, waveBegunAtMs: this.nowMs };
        return;
      case 'halt':
        this.hasHalted = true;
        this.rollout = { ...this.rollout, state: 'halted', isReverting: true };
        return;
      case 'complete':
      case 'finish':
        this.isOver = true;
    }
  }
}

const answers: readonly Answer[] = ['none', 'waiting', 'active', 'refused', 'rolled-back'];
const eventArbitrary = fc.record({
  site: fc.nat(30),
  what: fc.constantFrom(
    'answer',
    'link',
    'alarm',
    'old',
    'taken',
    'revert-answer',
    'pause',
    'time',
    'time',
    'well',
    'well',
  ),
  answer: fc.constantFrom(...answers),
  ms: fc.integer({ min: 1, max: 4000 }),
});
type Event = typeof eventArbitrary extends fc.Arbitrary<infer Value> ? Value : never;

function happen(fleet: Fleet, { site: at, what, answer, ms }: Event): void {
  const one = fleet.sites[at % fleet.sites.length];
  if (one === undefined) return;
  const { siteId, sentAtMs } = one;
  // A site that has said no may take it later by a technician's hand alone, and that is his word.
  const wasSent = sentAtMs !== null && one.answer !== 'refused' && one.answer !== 'rolled-back';
  if (what === 'answer' && wasSent) fleet.change(siteId, { answer });
  if (what === 'well' && wasSent) fleet.change(siteId, { answer: 'active' });
  if (what === 'link') fleet.change(siteId, { isLinked: !one.isLinked });
  if (what === 'alarm' && wasSent) fleet.change(siteId, { criticalAlarms: 1 });
  if (what === 'old' && !wasSent) fleet.change(siteId, { knowsDocuments: false });
  if (what === 'taken' && wasSent) fleet.change(siteId, { isTakenOver: true });
  if (what === 'revert-answer' && one.state === 'reverting') fleet.change(siteId, { revertAnswer: answer });
  const { state } = fleet.rollout;
  const paused = afterStaff(state, state === 'paused' ? 'resume' : 'pause');
  if (what === 'pause' && paused !== null) fleet.rollout = { ...fleet.rollout, state: paused };
  fleet.nowMs += what === 'time' ? ms : 1;
}

const settled: readonly RolloutSiteState[] = ['good', 'had', 'failed', 'left', 'unable'];

/** What holds in every round, whatever happens. */
function checkRound(
  fleet: Fleet,
  before: Fleet['rollout'],
  decisions: readonly Decision[],
  atStart: readonly SiteFacts[],
) {
  const kinds = decisions.map(({ kind }) => kind);
  const sends = decisions.filter(({ kind }) => kind === 'send');
  if (before.state !== 'running' || kinds.includes('halt')) expect(sends, 'nothing new unless it runs').toEqual([]);
  for (const decision of sends) {
    const one = atStart.find(({ siteId }) => decision.kind === 'send' && siteId === decision.siteId);
    expect(one?.wave, 'never beyond the wave').toBeLessThanOrEqual(before.wave);
    expect(one?.state, 'never twice').toBe('queued');
  }
  if (kinds.includes('wave') || kinds.includes('complete')) {
    for (const one of fleet.sites.filter(({ wave }) => wave <= before.wave)) {
      const isAway = (one.state === 'queued' || one.state === 'missed') && !one.isLinked;
      expect(settled.includes(one.state) || isAway, `the gate opens before ${one.siteId} is ${one.state}`).toBe(true);
      if (isAway && one.wave === before.wave)
        expect(fleet.nowMs - before.waveBegunAtMs).toBeGreaterThanOrEqual(before.awayAfterMs);
    }
    expect(
      fleet.sites.some(({ state }) => state === 'good' || state === 'had'),
      'nothing is proven',
    ).toBe(true);
  }
  const failed = fleet.sites.filter(({ state }) => state === 'failed').length;
  if (!fleet.hasHalted) expect(failed, 'too many have failed').toBeLessThan(before.haltAtFailures);
}

test('SY-07 whatever sites and staff do: no site beyond its wave, none after a halt, and all that have it go back', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 4 }),
      fc.integer({ min: 1, max: 3 }),
      fc.array(eventArbitrary, { maxLength: 150 }),
      (waves, haltAtFailures, events) => {
        const fleet = new Fleet(waves, haltAtFailures);
        const turn = () => {
          const [before, atStart] = [fleet.rollout, fleet.sites];
          const wasOver = fleet.isOver;
          const decisions = fleet.round();
          if (!wasOver) checkRound(fleet, before, decisions, atStart);
        };
        for (const event of events) {
          happen(fleet, event);
          turn();
        }
        // The world is well from here on: whatever was begun comes to its end.
        if (fleet.rollout.state === 'paused') fleet.rollout = { ...fleet.rollout, state: 'running' };
        for (let i = 0; i < 40 && !fleet.isOver; i++) {
          for (const one of fleet.sites) {
            const answer = one.sentAtMs !== null && one.answer === 'none' ? 'active' : one.answer;
            const revertAnswer = one.state === 'reverting' ? 'active' : one.revertAnswer;
            fleet.change(one.siteId, { isLinked: true, answer, revertAnswer });
          }
          fleet.nowMs += 1500;
          turn();
        }
        // Where every site was too old, or left to somebody else, nothing is ever proven: that is for staff to end.
        const isProven = fleet.sites.some(({ state }) => state === 'good');
        expect(fleet.isOver || !isProven).toBe(true);
        if (!fleet.hasHalted || !fleet.isOver) return;
        for (const one of fleet.sites.filter(({ siteId }) => fleet.everSent.has(siteId))) {
          const saidNo = one.state === 'failed' && (one.answer === 'refused' || one.answer === 'rolled-back');
          expect(saidNo || ['reverted', 'stuck', 'left'].includes(one.state), `${one.siteId} keeps it`).toBe(true);
        }
      },
    ),
    { numRuns: 2000 },
  );
});
