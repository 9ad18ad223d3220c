import type { Database as Sqlite, Statement } from 'better-sqlite3';
import type { NumberedSample } from './pack-samples.ts';
import type { Sample } from './sampler.ts';
import { CLOCKS, STATUSES } from './samples-schema.ts';
import { droppedThroughOf, untakenOf } from './tombstones.ts';

type NameKind = 'boot' | 'connector' | 'session';

/** Writes groups of samples as rows of numbers, and reads them back. */
export class SamplesStore {
  readonly #database: Sqlite;
  readonly #insert: Statement;
  readonly #after: Statement<[number, number], Record<string, number | string | null>>;
  readonly untaken: ReturnType<typeof untakenOf>;
  readonly droppedThrough: () => number;
  #names = new Map<string, number>();

  constructor(database: Sqlite) {
    this.#database = database;
    this.#insert = database.prepare(
      `INSERT INTO samples (sample_id, connector, wall_ms, mono_ms, boot, clock, status, register_wh, current_ma, power_w, temperature_dc, session)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#after = database.prepare(
      `SELECT s.*, c.name AS connector_id, b.name AS boot_id, n.name AS session_id FROM samples s
       JOIN names c ON c.name_id = s.connector JOIN names b ON b.name_id = s.boot
       LEFT JOIN names n ON n.name_id = s.session WHERE s.sample_id > ? ORDER BY s.sample_id LIMIT ?`,
    );
    this.untaken = untakenOf(database);
    this.droppedThrough = droppedThroughOf(database);
  }

  /** Within a transaction: one group, under the numbers from `firstSeq` on. */
  append(samples: readonly Sample[], firstSeq: number): void {
    for (const [i, sample] of samples.entries()) {
      const { connectorId, at, status, registerWh, currentMa, powerW, temperatureDc, sessionId } = sample;
      this.#insert.run(
        firstSeq + i,
        this.#numberOf(connectorId, 'connector'),
        at.wallMs,
        at.monoMs,
        this.#numberOf(at.bootId, 'boot'),
        CLOCKS.indexOf(at.clock),
        STATUSES.indexOf(status),
        registerWh,
        currentMa,
        powerW,
        temperatureDc,
        sessionId === null ? null : this.#numberOf(sessionId, 'session'),
      );
    }
  }

  /** Rows were removed or a transaction undone: what is known of the names may be wrong. */
  forgetNames(): void {
    this.#names = new Map();
  }

  /** The samples after a number, in the order in which they were taken. */
  readAfter(afterSeq: number, limit: number): NumberedSample[] {
    const rows = this.#after.all(afterSeq, limit);
    return rows.map((row) => ({
      seq: Number(row.sample_id),
      sample: {
        connectorId: String(row.connector_id),
        at: {
          wallMs: Number(row.wall_ms),
          monoMs: Number(row.mono_ms),
          bootId: String(row.boot_id),
          clock: CLOCKS[Number(row.clock)] ?? 'none',
        },
        status: STATUSES[Number(row.status)] ?? 'offline',
        registerWh: row.register_wh as number | null,
        currentMa: row.current_ma as number | null,
        powerW: row.power_w as number | null,
        temperatureDc: row.temperature_dc as number | null,
        sessionId: row.session_id as string | null,
      },
    }));
  }

  #numberOf(name: string, kind: NameKind): number {
    const known = this.#names.get(name) ?? this.#storedNumberOf(name) ?? this.#store(name, kind);
    this.#names.set(name, known);
    return known;
  }

  #storedNumberOf(name: string): number | undefined {
    return this.#database.prepare<[string], number>(`SELECT name_id FROM names WHERE name = ?`).pluck().get(name);
  }

  #store(name: string, kind: NameKind): number {
    const { lastInsertRowid } = this.#database
      .prepare(
        `INSERT INTO names (name, kind, first_id) VALUES (?, ?, (SELECT coalesce(max(sample_id), 0) FROM samples))`,
      )
      .run(name, kind);
    return Number(lastInsertRowid);
  }
}
