import { z } from 'zod';
import { PilegateError } from '#shared/errors.ts';
import type { CloudContext } from '../context.ts';
import type { Db } from '../db/connect.ts';
import { type Trx, transaction } from '../db/transaction.ts';
import { type Chain, chainSchema, complaintAbout, defaultChains, type Rota, rotaSchema } from './chain.ts';
import { type AlertLevel, alertLevels } from './levels.ts';

/** As staff have set it, over what the program has. */
export interface AlertSettings {
  readonly chains: Readonly<Record<AlertLevel, Chain>>;
  readonly rotas: ReadonlyMap<string, Rota>;
  readonly levels: ReadonlyMap<string, AlertLevel>;
}

const levelSchema = z.enum(alertLevels);

export async function readAlertSettings(db: Pick<Db, 'selectFrom'>): Promise<AlertSettings> {
  const rows = await db.selectFrom('alert_settings').select(['kind', 'name', 'document']).execute();
  const documentsOf = (kind: string): [string, unknown][] =>
    rows.filter((row) => row.kind === kind).map((row) => [row.name, JSON.parse(row.document)]);
  const chains = documentsOf('chain').map(([level, document]) => [level, chainSchema.parse(document)]);
  return {
    chains: { ...defaultChains, ...Object.fromEntries(chains) },
    rotas: new Map(documentsOf('rota').map(([name, document]) => [name, rotaSchema.parse(document)])),
    levels: new Map(documentsOf('level').map(([code, document]) => [code, levelSchema.parse(document)])),
  };
}

type SettingContext = Pick<CloudContext, 'db' | 'clock'>;

interface Setting {
  readonly kind: 'chain' | 'rota' | 'level';
  readonly name: string;
  /** As it was written; null: it is as the program has it. */
  readonly document: unknown;
  readonly by: string;
}

const put = ({ clock }: SettingContext, trx: Trx, { kind, name, document, by }: Setting): Promise<unknown> => {
  const what = { document: JSON.stringify(document), set_by: by, set_at_ms: clock.wallMs() };
  if (document === null)
    return trx.deleteFrom('alert_settings').where('kind', '=', kind).where('name', '=', name).execute();
  return trx
    .insertInto('alert_settings')
    .values({ kind, name, ...what })
    .onConflict((conflict) => conflict.columns(['kind', 'name']).doUpdateSet(what))
    .execute();
};

/**
 * Puts the chain of a level in force, or with null the one that the program has.
 *
 * @throws PilegateError `request.invalid` for a chain that is not for this level, or that names a channel or a rota that is not there
 */
export const putChain = (
  context: SettingContext,
  level: AlertLevel,
  { chain, by }: { readonly chain: Chain | null; readonly by: string },
): Promise<void> =>
  transaction(context.db, async (trx) => {
    if (chain !== null) {
      const complaint = complaintAbout(level, chain);
      if (complaint !== null) throw new PilegateError('request.invalid', complaint);
      const targets = chain.steps.flatMap(({ tell }) => tell);
      await needChannels(
        trx,
        targets.flatMap((target) => ('channel' in target ? [target.channel] : [])),
      );
      const { rotas } = await readAlertSettings(trx);
      const missing = targets.flatMap((target) => ('rota' in target && !rotas.has(target.rota) ? [target.rota] : []));
      if (missing.length > 0) throw new PilegateError('request.invalid', `no rota ${missing.join(', ')}`);
    }
    await put(context, trx, { kind: 'chain', name: level, document: chain, by });
  });

/** @throws PilegateError `request.invalid` when a channel is not there */
export const putRota = (
  context: SettingContext,
  name: string,
  { rota, by }: { readonly rota: Rota; readonly by: string },
): Promise<void> =>
  transaction(context.db, async (trx) => {
    await needChannels(trx, [...rota.shifts.map(({ channel }) => channel), ...rota.otherwise]);
    await put(context, trx, { kind: 'rota', name, document: rota, by });
  });

/** The level of a code from now on; alerts that are open keep theirs. Null: as the program has it. */
export const putLevel = (
  context: SettingContext,
  code: string,
  { level, by }: { readonly level: AlertLevel | null; readonly by: string },
): Promise<void> =>
  transaction(context.db, async (trx) => {
    await put(context, trx, { kind: 'level', name: code, document: level, by });
  });

async function needChannels(trx: Trx, channelIds: readonly string[]): Promise<void> {
  if (channelIds.length === 0) return;
  const rows = await trx
    .selectFrom('alert_channels')
    .select('channel_id')
    .where('channel_id', 'in', [...channelIds])
    .where('deleted_at_ms', 'is', null)
    .execute();
  const missing = channelIds.filter((id) => !rows.some((row) => row.channel_id === id));
  if (missing.length > 0) throw new PilegateError('request.invalid', `no channel ${[...new Set(missing)].join(', ')}`);
}
