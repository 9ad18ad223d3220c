import { Stand } from '../stand/stand.ts';
import { counts } from './counts.ts';
import { judge, judgeAccounts, type PileAccount } from './judge-round.ts';
import { planRound, type RoundPlan } from './kill-plan.ts';
import { actOut } from './kill-round.ts';

export interface KillOptions {
  readonly kills: number;
  readonly seed: number;
  /** How many stands work side by side. */
  readonly stands: number;
  /** Hears of each round as it ends. */
  readonly onRound?: (line: string) => void;
}

export interface FailedRound {
  /** The same plan again: a run of one kill with this seed begins with it. */
  readonly seed: number;
  readonly complaints: readonly string[];
  readonly plan: RoundPlan;
  /** Where the logs of the stand are. */
  readonly folder: string;
}

export interface KillReport {
  readonly kills: number;
  readonly rounds: number;
  readonly starts: number;
  readonly cdrs: number;
  readonly adopted: number;
  readonly voided: number;
  readonly flowedWh: number;
  readonly billedWh: number;
  readonly voidedWh: number;
  readonly longestUncoveredMs: number;
  /** How charges ended, and with which code starts failed. */
  readonly stopReasons: Readonly<Record<string, number>>;
  readonly failedStarts: Readonly<Record<string, number>>;
  readonly failures: readonly FailedRound[];
}

/**
 * Kills the edge over and over in the midst of charges, on several stands side by side, and judges every round. Plans are
 * drawn from the seed; what the machine makes of them is not.
 */
export async function killEdges({ kills, seed, stands, onRound }: KillOptions): Promise<KillReport> {
  const tally = new Tally(kills, seed);
  await Promise.all(Array.from({ length: stands }, () => killOnOneStand(tally, onRound ?? (() => {}))));
  return tally.report();
}

async function killOnOneStand(tally: Tally, tell: (line: string) => void): Promise<void> {
  let stand = await Stand.open();
  let accounts: (readonly PileAccount[])[] = [];
  try {
    for (let plan = tally.next(stand.pileIds); plan !== null; plan = tally.next(stand.pileIds)) {
      const round = await oneRound(stand, plan, tally);
      accounts.push(round.accounts);
      const complaints = [...round.complaints, ...judgeAccounts(accounts)];
      tell(`round ${plan.seed}: ${plan.kills.length} kills${complaints.map((text) => `\n  ${text}`).join('')}`);
      if (complaints.length === 0) continue;
      // What went wrong must not be found again in the rounds after it.
      tally.failed({ seed: plan.seed, complaints, plan, folder: stand.folder });
      await stand.close({ keep: true });
      accounts = [];
      stand = await Stand.open();
    }
  } finally {
    await stand.close();
  }
}

type RoundResult = Pick<ReturnType<typeof judge>, 'complaints' | 'accounts'>;

async function oneRound(stand: Stand, plan: RoundPlan, tally: Tally): Promise<RoundResult> {
  try {
    const story = await actOut(stand, plan);
    const judgement = judge(stand, story);
    const outcomes = [...story.starts.keys()].flatMap((commandId) => stand.cloud.outcomesOf(commandId));
    tally.add(
      judgement,
      outcomes.map(({ code }) => code).filter((code) => code !== null),
    );
    return judgement;
  } catch (error) {
    return { complaints: [error instanceof Error ? error.message : String(error)], accounts: [] };
  }
}

class Tally {
  readonly #kills: number;
  readonly #seed: number;
  #planned = 0;
  #rounds = 0;
  #judged: ReturnType<typeof judge>[] = [];
  readonly #failedStarts: string[] = [];
  readonly #failures: FailedRound[] = [];

  constructor(kills: number, seed: number) {
    this.#kills = kills;
    this.#seed = seed;
  }

  /** The next round's plan; null when all kills are planned. */
  next(pileIds: readonly string[]): RoundPlan | null {
    const left = this.#kills - this.#planned;
    if (left <= 0) return null;
    const plan = planRound(this.#seed + this.#rounds, pileIds);
    this.#rounds += 1;
    this.#planned += plan.kills.length;
    return plan;
  }

  add(judgement: ReturnType<typeof judge>, failedStarts: readonly string[]): void {
    this.#judged.push(judgement);
    this.#failedStarts.push(...failedStarts);
  }

  failed(round: FailedRound): void {
    this.#failures.push(round);
  }

  report(): KillReport {
    const cdrs = this.#judged.flatMap((judgement) => judgement.cdrs);
    const sum = (of: (judgement: ReturnType<typeof judge>) => number) =>
      Math.round(this.#judged.reduce((total, judgement) => total + of(judgement), 0));
    return {
      kills: this.#planned,
      rounds: this.#rounds,
      starts: sum((judgement) => judgement.starts),
      cdrs: cdrs.length,
      adopted: sum((judgement) => judgement.adopted),
      voided: cdrs.filter(({ voidReason }) => voidReason !== null).length,
      flowedWh: sum((judgement) => judgement.flowedWh),
      billedWh: sum((judgement) => judgement.billedWh),
      voidedWh: sum((judgement) => judgement.voidedWh),
      longestUncoveredMs: Math.max(0, ...this.#judged.map(({ uncoveredMs }) => Math.round(uncoveredMs))),
      stopReasons: counts(cdrs.map(({ stopReason }) => stopReason)),
      failedStarts: counts(this.#failedStarts),
      failures: this.#failures,
    };
  }
}
