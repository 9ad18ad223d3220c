import { join } from 'node:path';
import Database from 'better-sqlite3';
import { onTestFinished } from 'vitest';
import { uuid } from '../control/testing.ts';
import { at, tempFolder } from '../ledger/testing.ts';
import { SamplesRecorder } from './recorder.ts';
import type { Sample } from './sampler.ts';
import { tombstonesIn } from './tombstones.ts';

const MIB = 1_048_576;

/** A recorder with the time in the hand, and another handle on its file to look with. */
export function recorderRig(options: { folder?: string; maxBytes?: number; bootId?: string } = {}) {
  const folder = options.folder ?? tempFolder();
  const path = join(folder, 'samples.db');
  const time = { wallMs: at.wallMs, monoMs: at.monoMs, bootId: options.bootId ?? at.bootId };
  const troubles: unknown[] = [];
  const recorder = new SamplesRecorder({
    path,
    maxBytes: options.maxBytes ?? 8 * MIB,
    monoMs: () => time.monoMs,
    stamp: () => ({ ...at, ...time }),
    newId: () => crypto.randomUUID(),
    onTrouble: (error) => troubles.push(error),
  });
  onTestFinished(() => recorder.close());
  const look = <Value>(see: (database: Database.Database) => Value): Value => {
    const database = new Database(path);
    try {
      return see(database);
    } finally {
      database.close();
    }
  };
  const sample = (change: Partial<Sample> = {}): Sample => ({
    connectorId: 'P1-1',
    at: { ...at, ...time },
    status: 'charging',
    registerWh: 50_000,
    currentMa: 16_000,
    powerW: 11_000,
    temperatureDc: 312,
    sessionId: uuid(1),
    ...change,
  });
  const pass = (ms: number) => {
    time.wallMs += ms;
    time.monoMs += ms;
  };
  const count = () => look((database) => Number(database.prepare(`SELECT count(*) FROM samples`).pluck().get()));
  const stones = () => look(tombstonesIn);
  /** A site of so many connectors for a while, a sample of each every ten seconds. */
  const run = (seconds: number, connectors = 20, level: Parameters<SamplesRecorder['take']>[1] = 'ample') => {
    for (let s = 0; s < seconds; s += 10) {
      recorder.take(
        Array.from({ length: connectors }, (_, i) => sample({ connectorId: `C${i}`, sessionId: uuid(100 + i) })),
        level,
      );
      pass(10_000);
      recorder.tick(level);
    }
  };
  return { folder, path, recorder, troubles, time, look, sample, pass, count, stones, run };
}
