import type { CloudContext } from '../context.ts';
import type { Db } from '../db/connect.ts';
import { channelsOf } from './chain.ts';
import { enabledChannels } from './escalate.ts';
import { type AlertLevel, alertLevels } from './levels.ts';
import { readAlertSettings } from './settings.ts';

/** Whether people would be told. */
export interface AlertStanding {
  /** Levels whose alerts would reach nobody now: no channel of their chain works. A level without a chain tells nobody on purpose. */
  readonly deafLevels: readonly AlertLevel[];
  readonly failingChannels: number;
  readonly disabledChannels: number;
  /** Open alerts that nobody has acknowledged. */
  readonly unacknowledged: number;
}

export async function alertStanding(db: Db, nowMs: number): Promise<AlertStanding> {
  const settings = await readAlertSettings(db);
  const channels = await enabledChannels(db);
  const { disabled } = await db
    .selectFrom('alert_channels')
    .select((select) => select.fn.countAll<number>().as('disabled'))
    .where('disabled_at_ms', 'is not', null)
    .where('deleted_at_ms', 'is', null)
    .executeTakeFirstOrThrow();
  const { open } = await db
    .selectFrom('alerts')
    .select((select) => select.fn.countAll<number>().as('open'))
    .where('closed_at_ms', 'is', null)
    .where('acknowledged_at_ms', 'is', null)
    .executeTakeFirstOrThrow();
  return {
    deafLevels: alertLevels.filter((level) => {
      const targets = settings.chains[level].steps.flatMap(({ tell }) => tell);
      if (targets.length === 0) return false;
      const told = channelsOf(targets, { rotas: settings.rotas, all: channels.all }, nowMs);
      return !told.some((id) => channels.working.includes(id));
    }),
    failingChannels: channels.all.length - channels.working.length,
    disabledChannels: Number(disabled),
    unacknowledged: Number(open),
  };
}

const SAY_AGAIN_MS = 3_600_000;

/** Says in the log which levels reach nobody: when that changes, and every hour that it lasts. */
export function createDeafnessNotes(context: Pick<CloudContext, 'db' | 'clock' | 'logger'>): () => Promise<void> {
  let said = { levels: '', atMs: 0 };
  return async () => {
    const nowMs = context.clock.wallMs();
    const { deafLevels } = await alertStanding(context.db, nowMs);
    const levels = deafLevels.join(' ');
    if (levels === said.levels && (levels === '' || nowMs - said.atMs < SAY_AGAIN_MS)) return;
    said = { levels, atMs: nowMs };
    if (levels === '') context.logger.info('alerts of every level reach somebody');
    else context.logger.error({ deafLevels }, 'alerts of these levels reach nobody: see to the channels');
  };
}
