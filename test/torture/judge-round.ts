import type { FaultCode } from '#shared/faults.ts';
import type { Cdr, CdrMark } from '#shared/wire/cdr.ts';
import type { Truth } from '../stand/simulated-station.ts';
import type { Stand } from '../stand/stand.ts';
import type { RoundStory } from './kill-round.ts';
import { look, type Stored } from './stored.ts';

/** A stop is proven within 10 s or goes on; a pile that delivers without a session is stopped as soon as it is seen. */
const LONGEST_UNCOVERED_MS = 10_000;
/** Stamps are whole milliseconds, and two processes were asked for their clocks one after the other. */
const CLOCK_TOLERANCE_MS = 250;

export interface Judgement {
  /** In words; empty when all is well. */
  readonly complaints: readonly string[];
  readonly starts: number;
  readonly cdrs: readonly Cdr[];
  readonly adopted: number;
  readonly flowedWh: number;
  readonly billedWh: number;
  readonly voidedWh: number;
  readonly uncoveredMs: number;
  readonly accounts: readonly PileAccount[];
}

/** What flowed at a pile in one round, and what of it is in its CDRs. */
export interface PileAccount {
  readonly pileId: string;
  readonly flowedWh: number;
  readonly recordedWh: number;
  readonly resolutionWh: number;
}

/** Compares what the edge has told and stored about a round with what truly happened. */
export function judge(stand: Stand, story: RoundStory): Judgement {
  const stored = look(stand.ledgerFile);
  const cdrs = stand.cdrs().filter(({ commandId }) => commandId !== null && story.starts.has(commandId));
  const piles = stand.pileIds.map((pileId) => judgePile(pileId, cdrs, story));
  const complaints = [
    ...stand.cloud.complaints.splice(0),
    ...(story.isSettled ? [] : ['not everything has come to its end']),
    ...story.damaged.map((damage) => `a kill left the store damaged: ${damage}`),
    ...judgeSessions(stand, stored, story),
    ...judgeCommands(stand, story),
    ...judgeAlarms(stand),
    ...cdrs.flatMap((cdr) => judgeMarks(cdr, story)),
    ...piles.flatMap((pile) => pile.complaints),
  ];
  const sum = (of: (cdr: Cdr) => number) => cdrs.reduce((total, cdr) => total + of(cdr), 0);
  return {
    complaints,
    starts: story.starts.size,
    cdrs,
    adopted: cdrs.filter(({ marks }) => marks.includes('adopted')).length,
    flowedWh: piles.reduce((total, pile) => total + pile.flowedWh, 0),
    billedWh: sum((cdr) => (cdr.voidReason === null ? cdr.energyWh : 0)),
    voidedWh: sum((cdr) => (cdr.voidReason === null ? 0 : cdr.energyWh)),
    uncoveredMs: Math.max(...piles.map((pile) => pile.uncoveredMs)),
    accounts: piles,
  };
}

/** Every session that was ever on disk has exactly one CDR, the same in ledger and cloud, and none is open. */
function judgeSessions(stand: Stand, stored: Stored, { seenAtKills }: RoundStory): string[] {
  const complaints: string[] = [];
  if (stored.quickCheck !== 'ok') complaints.push(`the store is damaged: ${stored.quickCheck}`);
  const told = Map.groupBy(stand.cdrs(), ({ sessionId }) => sessionId);
  const kept = Map.groupBy(stored.cdrs, ({ sessionId }) => sessionId);
  for (const sessionId of seenAtKills.keys())
    if (!stored.sessions.has(sessionId)) complaints.push(`session ${sessionId} was on disk and is lost`);
  for (const [sessionId, { isOpen }] of stored.sessions) {
    const [inCloud = [], inLedger = []] = [told.get(sessionId), kept.get(sessionId)];
    if (isOpen) complaints.push(`session ${sessionId} is still open`);
    if (inCloud.length !== 1 || inLedger.length !== 1)
      complaints.push(`session ${sessionId} has ${inCloud.length} CDRs in the cloud, ${inLedger.length} in the ledger`);
    else if (JSON.stringify(inCloud[0]) !== JSON.stringify(inLedger[0]))
      complaints.push(`the CDR of session ${sessionId} is not the same in ledger and cloud`);
  }
  for (const sessionId of told.keys())
    if (!stored.sessions.has(sessionId)) complaints.push(`the cloud has a CDR of session ${sessionId}, the ledger not`);
  return complaints;
}

/** One final outcome for each command; a start is told of as started when it is done, and never billed when it failed. */
function judgeCommands(stand: Stand, { starts, stops }: RoundStory): string[] {
  const complaints: string[] = [];
  for (const commandId of [...starts.keys(), ...stops]) {
    const outcomes = stand.cloud.outcomesOf(commandId).map(({ status, code }) => code ?? status);
    if (outcomes.length !== 1) complaints.push(`command ${commandId} has the outcomes [${outcomes.join(', ')}]`);
  }
  for (const [commandId, pileId] of starts) {
    const started = stand.cloud.recordsOf('session.started').filter((record) => record.commandId === commandId);
    const cdrs = stand.cdrs().filter((cdr) => cdr.commandId === commandId);
    const isDone = stand.cloud.outcomesOf(commandId)[0]?.status === 'done';
    if (started.length !== (isDone ? 1 : 0) || cdrs.length > 1 || (isDone && cdrs.length === 0))
      complaints.push(
        `the start at ${pileId} is ${isDone ? 'done' : 'failed'}, with ${started.length} session.started and ${cdrs.length} CDRs`,
      );
    if (!isDone && cdrs.some(({ voidReason, energyWh }) => voidReason === null && energyWh > 0))
      complaints.push(`the start at ${pileId} failed, and ${cdrs[0]?.energyWh} Wh are billed`);
  }
  return complaints;
}

/** What no kill and none of the endings can be the cause of. */
const UNCAUSED: readonly FaultCode[] = ['energy-without-session', 'stop-not-proven', 'store-damaged'];

const judgeAlarms = (stand: Stand): string[] =>
  stand.cloud
    .recordsOf('alarm.raised')
    .flatMap(({ code, pileId, detail }) => (UNCAUSED.includes(code) ? [`alarm ${code} at ${pileId}: ${detail}`] : []));

/** `adopted` is on the record of exactly those charges that were open when the edge died; no mark is there without its cause. */
function judgeMarks(cdr: Cdr, story: RoundStory): string[] {
  const wasOpen = story.seenAtKills.get(cdr.sessionId)?.wasOpen ?? false;
  const isAdopted = cdr.marks.includes('adopted');
  const wrong = cdr.marks.filter((mark) => mark !== 'adopted' && !hasCause(mark, cdr, story));
  return [
    ...(isAdopted === wasOpen ? [] : [`is ${isAdopted ? '' : 'not '}marked adopted`]),
    ...(wrong.length === 0 ? [] : [`is marked ${wrong.join(', ')}`]),
  ].map((what) => `the CDR of ${cdr.sessionId} at ${cdr.pileId} ${what}`);
}

function hasCause(mark: CdrMark, { pileId, energyWh }: Cdr, { plan }: RoundStory): boolean {
  switch (mark) {
    case 'zero-energy':
    case 'phantom':
      return energyWh === 0;
    case 'pile-restarted':
      return plan.piles[pileId]?.ending.kind === 'power-cycle';
    default:
      return false;
  }
}

interface PileJudgement extends PileAccount {
  readonly complaints: readonly string[];
  readonly uncoveredMs: number;
}

/** All that flowed at a pile is in its CDRs, void ones included, and nothing flowed outside of a session. */
function judgePile(pileId: string, all: readonly Cdr[], { before, after, clockAheadMs }: RoundStory): PileJudgement {
  const cdrs = all.filter((cdr) => cdr.pileId === pileId);
  const complaints: string[] = [];
  const { flowedWh, resolutionWh } = flow(pileId, before, after);
  const recordedWh = cdrs.reduce((sum, { energyWh }) => sum + energyWh, 0);
  if (Math.abs(recordedWh - flowedWh) >= resolutionWh * Math.max(1, cdrs.length))
    complaints.push(`${flowedWh.toFixed(2)} Wh flowed at ${pileId}, ${recordedWh} Wh are in ${cdrs.length} CDRs`);
  const pile = after.piles.find((candidate) => candidate.pileId === pileId);
  if (pile?.contactorClosed !== false) complaints.push(`the contactor of ${pileId} is closed at the end`);
  const covered = cdrs.map(({ startedAt, endedAt }) => ({ from: startedAt.monoMs, to: endedAt.monoMs }));
  const conducting = closedTimes(pile?.contactorEvents ?? [], before.nowMonoMs, after.nowMonoMs);
  const uncoveredMs = conducting
    .map(({ from, to }) => ({ from: from + clockAheadMs, to: to + clockAheadMs }))
    .reduce((total, span) => total + uncovered(span, covered), 0);
  if (uncoveredMs > LONGEST_UNCOVERED_MS)
    complaints.push(`${pileId} delivered for ${Math.round(uncoveredMs)} ms without a session`);
  return { pileId, complaints, flowedWh, recordedWh, resolutionWh, uncoveredMs };
}

/**
 * A charge begins at the count at which the one before has ended, so steps of the meter do not add up: over any number of
 * rounds on one stand, all that flowed is recorded to within one of them.
 */
export function judgeAccounts(rounds: readonly (readonly PileAccount[])[]): string[] {
  return [...Map.groupBy(rounds.flat(), ({ pileId }) => pileId)].flatMap(([pileId, accounts]) => {
    const driftWh = accounts.reduce((sum, { flowedWh, recordedWh }) => sum + flowedWh - recordedWh, 0);
    const isWithin = Math.abs(driftWh) <= (accounts[0]?.resolutionWh ?? 0);
    return isWithin ? [] : [`${driftWh.toFixed(2)} Wh of ${pileId} are on no record, over ${accounts.length} rounds`];
  });
}

/** By the meter that bills: a separate one counts in steps of 10 Wh, those of the piles in whole watt-hours at least. */
function flow(pileId: string, before: Truth, after: Truth): { flowedWh: number; resolutionWh: number } {
  const meter = (truth: Truth) => truth.meters.find(({ measures }) => measures === pileId);
  const pile = (truth: Truth) => truth.piles.find((candidate) => candidate.pileId === pileId);
  const energyWh = (truth: Truth) => (meter(truth) ?? pile(truth))?.energyTruthWh ?? Number.NaN;
  return { flowedWh: energyWh(after) - energyWh(before), resolutionWh: meter(after) === undefined ? 1 : 10 };
}

interface Span {
  readonly from: number;
  readonly to: number;
}

function closedTimes(
  events: readonly { readonly monoMs: number; readonly closed: boolean }[],
  fromMs: number,
  toMs: number,
): Span[] {
  return events.flatMap(({ monoMs, closed }, i) => {
    if (!closed || monoMs < fromMs) return [];
    return [{ from: monoMs, to: events[i + 1]?.monoMs ?? toMs }];
  });
}

/** How much of a span no session covers. */
function uncovered({ from, to }: Span, covered: readonly Span[]): number {
  const rest = covered.reduce<Span[]>(
    (spans, session) =>
      spans.flatMap((span) => [
        { from: span.from, to: Math.min(span.to, session.from - CLOCK_TOLERANCE_MS) },
        { from: Math.max(span.from, session.to + CLOCK_TOLERANCE_MS), to: span.to },
      ]),
    [{ from, to }],
  );
  return rest.reduce((total, span) => total + Math.max(0, span.to - span.from), 0);
}
