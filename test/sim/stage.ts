import type { PGlite } from '@electric-sql/pglite';
import type { Logger } from 'pino';
import { buildApp } from '../../cloud/app.ts';
import { createContext } from '../../cloud/create-context.ts';
import { ensureDocumentKey } from '../../cloud/keys/document-keys.ts';
import type { KeyFiles } from '../../cloud/keys/key-files.ts';
import { readinessOf } from '../../cloud/readiness.ts';
import { kyselyOf } from '../../cloud/testing/database-template.ts';
import { exampleTariff, type Stage, setTheStage, staffPost } from '../../cloud/testing/fixtures.ts';
import { testConfig } from '../../cloud/testing/test-config.ts';
import { Dice } from './dice.ts';

/** The least that it takes for each part of a price of a reservation to count. */
export const simTariff = {
  ...exampleTariff,
  reservation: { flatMinor: 20, minutePriceE4: 200, noShowMinor: 100 },
};

export interface SimStage extends Stage {
  readonly rivalId: string;
  readonly rivalKeyId: string;
}

/** Sites, connectors, tariffs and partners, made by the cloud's own API before the run begins. */
export async function setAllStages(
  pglite: PGlite,
  options: { seed: number; sites: number; connectors: number; startMs: number; log: Logger },
): Promise<{ stages: readonly SimStage[]; keys: KeyFiles }> {
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
  const stages: SimStage[] = [];
  for (let i = 1; i <= sites; i += 1) {
    const stage = await setTheStage({ app, staffToken, clock }, { name: `s${i}`, connectors, tariff: simTariff });
    const rivalId = `rival-s${i}`;
    await staffPost(app, staffToken, '/staff/v1/partners', { partner_id: rivalId, name: `Rival ${i}` });
    const key = { environment: 'sandbox', scopes: ['control'] };
    const { key_id: rivalKeyId } = await staffPost(app, staffToken, `/staff/v1/partners/${rivalId}/keys`, key);
    stages.push({ ...stage, rivalId, rivalKeyId });
  }
  await app.close();
  return { stages, keys };
}
