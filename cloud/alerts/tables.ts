import type { Generated, Selectable } from 'kysely';
import type { ChannelKind, Language } from './channels/schemas.ts';
import type { AlertLevel } from './levels.ts';

export interface AlertsTable {
  alert_id: string;
  alert_key: string;
  code: string;
  level: AlertLevel;
  level_rank: number;
  subject_kind: string;
  subject_id: string;
  site_id: string | null;
  pile_id: string | null;
  connector_id: string | null;
  partner_id: string | null;
  detail: string;
  alarm_count: number;
  first_raised_at_ms: number;
  last_raised_at_ms: number;
  opened_at_ms: number;
  counted_at_ms: number;
  acknowledged_at_ms: number | null;
  acknowledged_by: string | null;
  closed_at_ms: number | null;
  closed_by: string | null;
  close_reason: string | null;
  escalate_from_ms: number;
  run: Generated<number>;
  ticks: Generated<number>;
  next_tick_at_ms: number | null;
}
export type AlertRow = Selectable<AlertsTable>;

export interface AlertSettingsTable {
  kind: 'chain' | 'rota' | 'level';
  name: string;
  document: string;
  set_by: string;
  set_at_ms: number;
}
export type AlertSettingRow = Selectable<AlertSettingsTable>;

export interface AlertChannelsTable {
  channel_id: string;
  kind: ChannelKind;
  name: string;
  language: Language;
  settings: string;
  secret_sealed: string;
  created_at_ms: number;
  delivered_at_ms: number | null;
  failing_since_ms: number | null;
  failed_at_ms: number | null;
  failing_told_at_ms: number | null;
  disabled_at_ms: number | null;
  disabled_reason: string | null;
  deleted_at_ms: number | null;
}
export type AlertChannelRow = Selectable<AlertChannelsTable>;

export interface AlertPostsTable {
  post_id: string;
  channel_id: string;
  kind: 'alert' | 'test';
  payload: string;
  status: 'pending' | 'delivered' | 'failed' | 'cancelled';
  attempts: Generated<number>;
  next_attempt_at_ms: number;
  leased_until_ms: number | null;
  last_error: string | null;
  created_at_ms: number;
  finished_at_ms: number | null;
}
export type AlertPostRow = Selectable<AlertPostsTable>;

export interface AlertTellingsTable {
  telling_id: Generated<number>;
  alert_id: string;
  run: number;
  tick: number;
  channel_id: string;
  document: string;
  created_at_ms: number;
  post_id: string | null;
  cancelled_at_ms: number | null;
}
