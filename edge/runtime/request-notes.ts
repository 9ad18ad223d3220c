import { join } from 'node:path';
import type { Logger } from 'pino';
import type { ClockQuality } from '#shared/stamp.ts';
import { LinesFile } from './lines-file.ts';

/** One step by which the site has carried out what somebody asked for. */
export interface RequestNote {
  readonly wallMs: number;
  readonly monoMs: number;
  readonly clock: ClockQuality;
  readonly connectorId: string;
  /** Whose request it was for: that of the start, and of whoever asked for more since. */
  readonly requestIds: readonly string[];
  readonly sessionId: string | null;
  readonly what:
    | 'command'
    | 'decided'
    | 'written'
    | 'not-written'
    | 'read-back'
    | 'stop-proven'
    | 'stored'
    | 'not-stored';
  /** Of a write, `registers` as the vendor's table has them: `"261 ← 160"`. */
  readonly detail: Readonly<Record<string, unknown>>;
}

/** Of about thirty charges. */
const KEPT = 500;
/** On disk, of about five thousand. */
const MOST_BYTES = 4_000_000;

/** Where the notes of the site in `dataDir` are on disk, newest file first. */
export const requestNoteFiles = (dataDir: string): string[] =>
  ['requests.jsonl', 'requests.before.jsonl'].map((name) => join(dataDir, 'requests', name));

/**
 * What was done for which request: the last in memory, for a diagnostics bundle, and more of it in files that nobody waits
 * for. It is told beside the records and never in their place: what a power cut takes of it is missed by no bill.
 */
export class RequestNotes {
  readonly #last: RequestNote[] = [];
  readonly #file: LinesFile;

  constructor({ dataDir, log }: { readonly dataDir: string; readonly log: Logger }) {
    const place = { folder: join(dataDir, 'requests'), name: 'requests', what: 'requests', maxBytes: MOST_BYTES };
    this.#file = new LinesFile({ ...place, log });
  }

  add(note: RequestNote): void {
    this.#last.push(note);
    if (this.#last.length > KEPT) this.#last.shift();
    this.#file.write(`${JSON.stringify(note)}\n`);
  }

  /** Oldest first. */
  last(): readonly RequestNote[] {
    return [...this.#last];
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}
