import Database from 'better-sqlite3';
import type { PileTruth } from '../../../hardware-sim/piles/truth.ts';
import { look, type Stored } from '../stored.ts';
import type { Block } from './block.ts';

/** What many ask for at a time is looked up once. */
const FRESH_MS = 150;

/**
 * What stands in the ledger of the site and what its piles truly do, as it was a moment ago. A ledger is looked at while an edge is at work
 * on it: nobody else may open what a killed one has left.
 */
export class Sight {
  readonly #block: Pick<Block, 'programs' | 'ledgerFile' | 'station'>;
  #known: Stored['sessions'] = new Map();
  #knownAtMs = 0;
  #piles: Promise<readonly PileTruth[]> = Promise.resolve([]);
  #pilesAtMs = 0;

  constructor(block: Pick<Block, 'programs' | 'ledgerFile' | 'station'>) {
    this.#block = block;
  }

  /** Sessions at a connector, in the order of the ledger. */
  sessionsAt(connectorId: string): [string, { readonly isOpen: boolean }][] {
    if (performance.now() - this.#knownAtMs > FRESH_MS) this.lookAgain();
    return [...this.#known].filter(([, session]) => session.connectorId === connectorId);
  }

  /** @returns whether there was an edge at work on it; else what was seen last stays */
  lookAgain(): boolean {
    if (!this.#block.programs.edge.isReady) return false;
    try {
      this.#known = look(this.#block.ledgerFile).sessions;
      this.#knownAtMs = performance.now();
      return true;
    } catch (error) {
      // Killed between the question and the look.
      if (error instanceof Database.SqliteError) return false;
      throw error;
    }
  }

  async isClosed(pileId: string): Promise<boolean> {
    const nowMs = performance.now();
    if (nowMs - this.#pilesAtMs > FRESH_MS) {
      this.#pilesAtMs = nowMs;
      this.#piles = this.#block.station.truth().then(({ piles }) => piles);
    }
    const pile = (await this.#piles).find((one) => one.pileId === pileId);
    return pile?.contactorClosed ?? false;
  }
}
