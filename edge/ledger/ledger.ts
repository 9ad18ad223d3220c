import type { Database as Sqlite } from 'better-sqlite3';
import type { FaultCode } from '#shared/faults.ts';
import type { Stamp } from '#shared/stamp.ts';
import type { Ack, Command, RecordEnvelope } from '#shared/wire/messages.ts';
import type { RecordBody } from '#shared/wire/records.ts';
import type { LedgerTransaction } from '../control/connector.ts';
import { restoreSession, type Session } from '../control/session.ts';

/** What was still open when the process last ended. */
export interface OpenWork {
  readonly sessions: readonly Session[];
  /** Received and not finished, in order of arrival. */
  readonly commands: readonly Command[];
  /** Commands that were cancelled and are not undone yet: they follow the commands. */
  readonly cancelled: readonly string[];
  readonly latches: ReadonlyMap<string, readonly FaultCode[]>;
}

/** `new`: to be executed. `known`: executed, or being executed, already. `cancelled`: never to be executed. */
export type Admission = 'new' | 'known' | 'cancelled';

export interface Batch {
  readonly records: readonly RecordEnvelope[];
  readonly throughSeq: number;
}

/**
 * The site's memory: sessions, charge detail records, and what must still reach the cloud. A state change and the
 * records that tell of it are one SQLite transaction, so a power cut leaves both or neither.
 */
export class Ledger {
  readonly storeEpoch: string;
  readonly #database: Sqlite;

  /** @param newId makes the epoch of a store that is new: its sequence numbers can then collide with nobody's */
  constructor(database: Sqlite, newId: () => string) {
    this.#database = database;
    this.#run(`INSERT INTO meta (key, value) VALUES ('store_epoch', ?) ON CONFLICT DO NOTHING`, newId());
    this.#run(`INSERT INTO meta (key, value) VALUES ('acked_seq', '0') ON CONFLICT DO NOTHING`);
    this.storeEpoch = this.#meta('store_epoch');
  }

  /** Stores a connector's decision. @throws SqliteError when nothing of it was stored */
  commit(transaction: LedgerTransaction, at: Stamp): void {
    this.#together(() => {
      if (transaction.session !== null) this.#putSession(transaction.session.session, transaction.session.open);
      if (transaction.latched !== undefined)
        this.#putLatches(transaction.latched.connectorId, transaction.latched.faults);
      for (const body of transaction.records) this.#append(body, at);
    });
  }

  /** Takes a command in, once, and reports that it was received in the same transaction. */
  admit(command: Command, at: Stamp): Admission {
    return this.#together(() => {
      const known = this.#row(`SELECT status, is_cancelled FROM inbox WHERE command_id = ?`, command.commandId);
      if (known !== undefined) return known.is_cancelled === 1 && known.status !== 'received' ? 'cancelled' : 'known';
      this.#run(
        `INSERT INTO inbox (command_id, status, at, body) VALUES (?, 'received', ?, ?)`,
        command.commandId,
        JSON.stringify(at),
        JSON.stringify(command),
      );
      this.#append(report(command.commandId, 'received', null), at);
      return 'new';
    });
  }

  /**
   * Takes a cancel in. A command that has not come yet is failed here and now, so that it is refused if it comes late.
   *
   * @returns whether the command may be running and has to be undone
   */
  cancel(commandId: string, at: Stamp): boolean {
    return this.#together(() => {
      const known = this.#row(`SELECT status FROM inbox WHERE command_id = ?`, commandId);
      if (known !== undefined) {
        this.#run(`UPDATE inbox SET is_cancelled = 1 WHERE command_id = ?`, commandId);
        return true;
      }
      this.#run(
        `INSERT INTO inbox (command_id, status, is_cancelled, at) VALUES (?, 'received', 1, ?)`,
        commandId,
        JSON.stringify(at),
      );
      this.#append(report(commandId, 'failed', 'command.cancelled'), at);
      return false;
    });
  }

  /** Tells a command's final outcome again: the cloud asked again, so it may not have it. */
  reportAgain(commandId: string, at: Stamp): void {
    const row = this.#row(`SELECT outcome FROM inbox WHERE command_id = ? AND outcome IS NOT NULL`, commandId);
    if (row !== undefined) this.#together(() => this.#append(JSON.parse(String(row.outcome)), at));
  }

  /** @param now what is left of a start's time to live is told by how long ago it came in */
  openWork(now: Stamp): OpenWork {
    // A start that the cloud has refused is not known to it either.
    const unacknowledged = new Set(
      this.#rows(
        `SELECT session_id FROM outbox WHERE kind = 'session.started' UNION
         SELECT body ->> 'sessionId' FROM dead_letters WHERE body ->> 'kind' = 'session.started'`,
      ).map((row) => String(row.session_id)),
    );
    const sessions = this.#rows(`SELECT body FROM sessions WHERE is_open = 1`).map((row): Session => {
      const session = restoreSession(JSON.parse(String(row.body)));
      return { ...session, acknowledged: session.confirmed && !unacknowledged.has(session.sessionId) };
    });
    const commands = this.#rows(`SELECT body, at FROM inbox WHERE status = 'received' ORDER BY rowid`).map((row) =>
      aged(JSON.parse(String(row.body)), JSON.parse(String(row.at)), now),
    );
    const cancelled = this.#rows(`SELECT command_id, status FROM inbox WHERE is_cancelled = 1 ORDER BY rowid`)
      .filter(
        (row) => row.status === 'received' || sessions.some((session) => session.commandId === String(row.command_id)),
      )
      .map((row) => String(row.command_id));
    const latches = new Map(
      this.#rows(`SELECT connector_id, faults FROM latches`).map((row): [string, FaultCode[]] => [
        String(row.connector_id),
        JSON.parse(String(row.faults)),
      ]),
    );
    return { sessions, commands, cancelled, latches };
  }

  /** The oldest records that the cloud does not have, as many as fit. A record that alone is too big goes alone. */
  nextBatch(limits: { records: number; bytes: number }): Batch | null {
    const records: RecordEnvelope[] = [];
    let bytes = 0;
    for (const row of this.#rows(`SELECT seq, at, body FROM outbox ORDER BY seq LIMIT ?`, limits.records)) {
      bytes += String(row.body).length;
      if (records.length > 0 && bytes > limits.bytes) break;
      records.push({ seq: Number(row.seq), at: JSON.parse(String(row.at)), body: JSON.parse(String(row.body)) });
    }
    const last = records.at(-1);
    return last === undefined ? null : { records, throughSeq: last.seq };
  }

  headSeq(): number {
    const row = this.#row(`SELECT seq FROM sqlite_sequence WHERE name = 'outbox'`);
    return row === undefined ? 0 : Number(row.seq);
  }

  ackedSeq(): number {
    return Number(this.#meta('acked_seq'));
  }

  backlog(): number {
    return Number(this.#row(`SELECT count(*) AS n FROM outbox`)?.n ?? 0);
  }

  /**
   * The cloud has committed everything up to `ackedSeq`. Refused records are kept aside for a person.
   *
   * @returns sessions whose start the cloud now knows of
   */
  acknowledge(ack: Pick<Ack, 'ackedSeq' | 'refused'>): string[] {
    return this.#together(() => {
      for (const { seq, code, detail } of ack.refused) {
        this.#run(
          `INSERT INTO dead_letters (seq, code, detail, body) SELECT seq, ?, ?, body FROM outbox WHERE seq = ? ON CONFLICT DO NOTHING`,
          code,
          detail,
          seq,
        );
      }
      const refused = new Set(ack.refused.map((entry) => entry.seq));
      const started = this.#rows(
        `SELECT seq, session_id FROM outbox WHERE kind = 'session.started' AND seq <= ?`,
        ack.ackedSeq,
      )
        .filter((row) => !refused.has(Number(row.seq)))
        .map((row) => String(row.session_id));
      this.#run(`DELETE FROM outbox WHERE seq <= ?`, ack.ackedSeq);
      this.#run(
        `UPDATE meta SET value = max(CAST(value AS INTEGER), ?) WHERE key = 'acked_seq'`,
        Math.min(ack.ackedSeq, this.headSeq()),
      );
      return started;
    });
  }

  close(): void {
    this.#database.close();
  }

  #putSession(session: Session, isOpen: boolean): void {
    this.#run(
      `INSERT INTO sessions (session_id, connector_id, is_open, body) VALUES (?, ?, ?, ?)
       ON CONFLICT (session_id) DO UPDATE SET is_open = excluded.is_open, body = excluded.body`,
      session.sessionId,
      session.connectorId,
      isOpen ? 1 : 0,
      JSON.stringify(session),
    );
  }

  #putLatches(connectorId: string, faults: readonly FaultCode[]): void {
    this.#run(
      `INSERT INTO latches (connector_id, faults) VALUES (?, ?) ON CONFLICT (connector_id) DO UPDATE SET faults = excluded.faults`,
      connectorId,
      JSON.stringify(faults),
    );
  }

  #append(body: RecordBody, at: Stamp): void {
    const sessionId = body.kind === 'session.ended' ? body.cdr.sessionId : body.sessionId;
    this.#run(
      `INSERT INTO outbox (kind, session_id, at, body) VALUES (?, ?, ?, ?)`,
      body.kind,
      sessionId,
      JSON.stringify(at),
      JSON.stringify(body),
    );
    if (body.kind === 'session.ended') {
      this.#run(
        `INSERT INTO cdrs (cdr_id, session_id, body) VALUES (?, ?, ?) ON CONFLICT (cdr_id) DO NOTHING`,
        body.cdr.cdrId,
        sessionId,
        JSON.stringify(body.cdr),
      );
    }
    if (body.kind === 'command.reported' && body.status !== 'received') {
      this.#run(
        `UPDATE inbox SET status = ?, outcome = ? WHERE command_id = ?`,
        body.status,
        JSON.stringify(body),
        body.commandId,
      );
    }
  }

  #meta(key: string): string {
    return String(this.#row(`SELECT value FROM meta WHERE key = ?`, key)?.value);
  }

  #together<Value>(work: () => Value): Value {
    return this.#database.transaction(work).immediate();
  }

  #run(sql: string, ...values: unknown[]): void {
    this.#database.prepare(sql).run(...values);
  }

  #row(sql: string, ...values: unknown[]): Record<string, unknown> | undefined {
    return this.#database.prepare<unknown[], Record<string, unknown>>(sql).get(...values);
  }

  #rows(sql: string, ...values: unknown[]): Record<string, unknown>[] {
    return this.#database.prepare<unknown[], Record<string, unknown>>(sql).all(...values);
  }
}

/** A command taken up again later. A start that came in during another boot has no time left that anybody could know. */
function aged(command: Command, at: Stamp, now: Stamp): Command {
  if (command.kind !== 'start') return command;
  const ageMs = at.bootId === now.bootId ? Math.max(0, now.monoMs - at.monoMs) : command.ttlMs;
  return { ...command, ttlMs: command.ttlMs - ageMs };
}

function report(commandId: string, status: 'received' | 'failed', code: 'command.cancelled' | null): RecordBody {
  return { kind: 'command.reported', commandId, status, sessionId: null, code, detail: null };
}
