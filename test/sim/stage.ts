import type { PGlite } from '@electric-sql/pglite';
import type { Logger } from 'pino';
import { buildApp } from '../../cloud/app.ts';
import { createContext } from '../../cloud/create-context.ts';
import { ensureDocumentKey } from '../../cloud/keys/document-keys.ts';
import type { KeyFiles } from '../../cloud/keys/key-files.ts';
import { readinessOf } from '../../cloud/readiness.ts';
import { kyselyOf } from '../../cloud/testing/database-template.ts';
import { type Stage, setTheStage } from '../../cloud/testing/fixtures.ts';
import { testConfig } from '../../cloud/testing/test-config.ts';
import { Dice } from './dice.ts';

/** Sites, connectors, tariffs and partners, made by the cloud's own API before the run begins. */
export async function setAllStages(
  pglite: PGlite,
  options: { seed: number; sites: number; connectors: number; startMs: number; log: Logger },
): Promise<{ stages: readonly Stage[]; keys: KeyFiles }> {
  const { seed, sites, connectors, startMs, log } = options;
  const dice = new Dice(seed, 'stage');
  const clock = { wallMs: () => startMs, monoMs: () => 0 };
  const keys = { masterKey: dice.bytes(32), staffToken: 'staff-token-of-this-run' };
  const context = createContext(
    testConfig,
    {
      db: kyselyOf(pglite),
      clock,
      timers: { after: () => () => {} },
      random: { bytes: (count) => dice.bytes(count), uuid: () => dice.uuid(), fraction: () => dice.fraction() },
      logger: log,
      lookUp: () => Promise.resolve([]),
      keys,
    },
    { commands: () => {}, deliveries: () => {}, alerts: () => {} },
    { cut: () => Promise.resolve(false) },
  );
  await ensureDocumentKey(context);
  const { staffToken } = keys;
  const app = await buildApp({
    context,
    staffToken,
    publicUrl: null,
    readiness: () => readinessOf(context, null),
  });
  const stages: Stage[] = [];
  for (let i = 1; i <= sites; i += 1)
    stages.push(await setTheStage({ app, staffToken, clock }, { name: `s${i}`, connectors }));
  await app.close();
  return { stages, keys };
}
