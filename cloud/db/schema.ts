import type { Generated, Selectable } from 'kysely';
import type { DocumentKind, DocumentSource, DocumentStatus } from '#shared/documents.ts';
import type { ClockQuality } from '#shared/stamp.ts';
import type { Command, ConnectorStatus, MaintenanceAction } from '#shared/wire/messages.ts';
import type {
  AlertChannelsTable,
  AlertPostsTable,
  AlertSettingsTable,
  AlertsTable,
  AlertTellingsTable,
} from '../alerts/tables.ts';
import type { AuditLogTable } from '../audit/tables.ts';
import type { DiagnosticPiecesTable, DiagnosticsTable } from '../diagnostics/tables.ts';
import type { DocumentKeysTable } from '../keys/tables.ts';
import type { RateBucketsTable } from '../limits/tables.ts';
import type { ClockCorrectionsTable, UnconfirmedTimesTable } from '../orders/tables.ts';
import type { CreditAccountsTable, CreditTransfersTable } from '../partners/credit/tables.ts';
import type {
  ApplicationFilesTable,
  ApplicationReviewsTable,
  AuthBansTable,
  FirstAnswersTable,
  KeyUsageTable,
  PartnerApplicationsTable,
  PartnerKeysTable,
  PartnersTable,
} from '../partners/tables.ts';
import type { PartnerAccessTable, PartnerPricesTable, PartnerStationsTable } from '../partners/terms/tables.ts';
import type { LifeStatus } from '../presence/judge-life.ts';
import type { ReservationsTable } from '../reservations/tables.ts';
import type { RolloutSitesTable, RolloutStepsTable, RolloutsTable } from '../rollouts/tables.ts';
import type { LossReason } from '../samples/plan-samples.ts';
import type { SandboxFaultsTable } from '../sandbox/tables.ts';
import type {
  StaffAccountsTable,
  StaffAttemptsTable,
  StaffConfirmationsTable,
  StaffRecoveryCodesTable,
  StaffSessionsTable,
} from '../staff/tables.ts';
import type { MaintenanceWindowsTable, StationHoursTable } from '../stations/hours/tables.ts';
import type { ConnectorStatesTable, ConnectorsTable, PileCodesTable, SitesTable } from '../stations/tables.ts';
import type {
  StatusChangesTable,
  StatusPositionsTable,
  StatusStreamsTable,
  UnnumberedStatusChangesTable,
} from '../streaming/tables.ts';
import type { TicketEventsTable, TicketLinksTable, TicketsTable } from '../tickets/tables.ts';
import type {
  WebhookDeliveriesTable,
  WebhookEndpointsTable,
  WebhookEventsTable,
  WebhookReplaysTable,
} from '../webhooks/tables.ts';
import type { SiteClaimsTable, SiteCredentialsTable } from './identity-tables.ts';

/** Columns as the migrations define them. `…_ms` are wall-clock milliseconds; documents are JSON text. */
export interface Database {
  schema_migrations: { name: string; sha256: string; applied_at_ms: number };
  audit_log: AuditLogTable;
  staff_accounts: StaffAccountsTable;
  staff_recovery_codes: StaffRecoveryCodesTable;
  staff_attempts: StaffAttemptsTable;
  staff_sessions: StaffSessionsTable;
  staff_confirmations: StaffConfirmationsTable;
  sites: SitesTable;
  ingest_processes: { process_id: string; alive_until: Date };
  ingest_shards: { shard: number; owner: string | null; leased_until: Date };
  site_credentials: SiteCredentialsTable;
  site_claims: SiteClaimsTable;
  connectors: ConnectorsTable;
  connector_states: ConnectorStatesTable;
  pile_codes: PileCodesTable;
  status_changes_unnumbered: UnnumberedStatusChangesTable;
  status_changes: StatusChangesTable;
  status_positions: StatusPositionsTable;
  status_streams: StatusStreamsTable;
  tariffs: TariffsTable;
  site_tariffs: SiteTariffsTable;
  site_links: SiteLinksTable;
  site_lives: SiteLivesTable;
  diagnostics: DiagnosticsTable;
  diagnostic_pieces: DiagnosticPiecesTable;
  cursors: { site_id: string; store_epoch: string; stream: string; acked_seq: number };
  told_sessions: ToldSessionsTable;
  record_gaps: RecordGapsTable;
  site_records: SiteRecordsTable;
  dead_letters: DeadLettersTable;
  sample_series: SampleSeriesTable;
  sample_losses: SampleLossesTable;
  alarms: AlarmsTable;
  alerts: AlertsTable;
  alert_settings: AlertSettingsTable;
  alert_channels: AlertChannelsTable;
  alert_posts: AlertPostsTable;
  alert_tellings: AlertTellingsTable;
  tickets: TicketsTable;
  ticket_links: TicketLinksTable;
  ticket_events: TicketEventsTable;
  site_documents: SiteDocumentsTable;
  site_documents_in_force: SiteDocumentsInForceTable;
  document_keys: DocumentKeysTable;
  rollouts: RolloutsTable;
  rollout_sites: RolloutSitesTable;
  rollout_steps: RolloutStepsTable;
  partners: PartnersTable;
  credit_accounts: CreditAccountsTable;
  credit_transfers: CreditTransfersTable;
  station_hours: StationHoursTable;
  maintenance_windows: MaintenanceWindowsTable;
  partner_access: PartnerAccessTable;
  partner_stations: PartnerStationsTable;
  partner_prices: PartnerPricesTable;
  partner_applications: PartnerApplicationsTable;
  application_files: ApplicationFilesTable;
  application_reviews: ApplicationReviewsTable;
  rate_buckets: RateBucketsTable;
  auth_bans: AuthBansTable;
  key_usage: KeyUsageTable;
  first_answers: FirstAnswersTable;
  partner_keys: PartnerKeysTable;
  nonces: { key_id: string; nonce: string; expires_at_ms: number };
  orders: OrdersTable;
  operations: OperationsTable;
  reservations: ReservationsTable;
  commands: CommandsTable;
  maintenance: MaintenanceTable;
  cdrs: CdrsTable;
  occupancies: OccupanciesTable;
  exceptions: ExceptionsTable;
  unconfirmed_times: UnconfirmedTimesTable;
  clock_corrections: ClockCorrectionsTable;
  webhook_endpoints: WebhookEndpointsTable;
  webhook_events: WebhookEventsTable;
  webhook_deliveries: WebhookDeliveriesTable;
  webhook_replays: WebhookReplaysTable;
  sandbox_faults: SandboxFaultsTable;
}

export type Environment = 'sandbox' | 'live';
export type OrderState = 'starting' | 'charging' | 'start_failed' | 'completed' | 'void' | 'abnormal';
export type OperationKind = 'start' | 'stop' | 'raise-hold' | 'reserve' | 'cancel-reservation';
export type OperationStatus = 'accepted' | 'succeeded' | 'failed';

interface SiteDocumentsTable {
  site_id: string;
  kind: DocumentKind;
  version: number;
  digest: string;
  text: string | null;
  requested_by: string | null;
  created_at_ms: number;
  next_send_at_ms: number | null;
  sent_count: number;
  status: 'open' | 'replaced' | DocumentStatus;
  source: DocumentSource;
  detail: string | null;
  complaints: string | null;
  /** Of a refusal, where it has one of its own. */
  code: string | null;
  reported_at_ms: number | null;
}
export type SiteDocumentRow = Selectable<SiteDocumentsTable>;

interface SiteDocumentsInForceTable {
  site_id: string;
  kind: DocumentKind;
  version: number;
  digest: string;
  told_at_ms: number;
}

interface TariffsTable {
  tariff_id: string;
  version: number;
  document: string;
  document_sha256: string;
  created_at_ms: number;
}

interface SiteTariffsTable {
  site_tariff_id: Generated<number>;
  site_id: string;
  tariff_id: string;
  version: number;
  in_force_from_ms: number;
  until_ms: number | null;
  connector_ids: string | null;
  replaced_at_ms: number | null;
  updated_at_ms: Generated<number>;
}

interface SiteLinksTable {
  site_id: string;
  connection_epoch: string | null;
  store_epoch: string | null;
  software: string | null;
  online: boolean;
  hello_at_ms: number | null;
  heard_at_ms: number | null;
  knows_documents: boolean | null;
  knows_reservations: boolean | null;
  /** JSON. */
  document_key_ids: string | null;
  life_id: string | null;
  is_life_confirmed: Generated<boolean>;
}

interface SiteLivesTable {
  site_id: string;
  life_id: string;
  former_life_id: string | null;
  store_epoch: string;
  controller_id: string | null;
  software: string;
  status: LifeStatus;
  is_confirmed: boolean;
  first_heard_at_ms: number;
  last_heard_at_ms: number;
  welcomed_at_ms: number | null;
  chosen_by: string | null;
}
export type SiteLifeRow = Selectable<SiteLivesTable>;

interface ToldSessionsTable {
  site_id: string;
  store_epoch: string;
  head_seq: number;
  /** JSON, as the next one. */
  session_ids: string;
  progress: string;
}

interface RecordGapsTable {
  gap_id: string;
  site_id: string;
  store_epoch: string;
  stream: string;
  first_seq: number;
  last_seq: number;
  found_at_ms: number;
}

interface SiteRecordsTable {
  site_id: string;
  store_epoch: string;
  stream: string;
  seq: number;
  kind: string;
  body: string;
  body_sha256: string;
  refused_code: string | null;
  refused_detail: string | null;
  received_at_ms: number;
}

interface DeadLettersTable {
  dead_letter_id: Generated<number>;
  source: 'record' | 'message' | 'edge-nack';
  site_id: string | null;
  store_epoch: string | null;
  stream: string | null;
  seq: number | null;
  topic: string | null;
  code: string;
  reason: string;
  payload: string;
  payload_sha256: string;
  received_at_ms: number;
  settled_at_ms: Generated<number | null>;
  settled_by: Generated<string | null>;
  ticket_id: Generated<string | null>;
}

interface SampleSeriesTable {
  site_id: string;
  connector_id: string;
  store_epoch: string;
  first_seq: number;
  last_seq: number;
  status: ConnectorStatus;
  session_id: string | null;
  from_ms: number;
  until_ms: number;
  until_mono_ms: number;
  boot_id: string;
  clock: ClockQuality;
  body: string;
  received_at_ms: number;
}
export type SampleSeriesRow = Selectable<SampleSeriesTable>;

interface SampleLossesTable {
  site_id: string;
  store_epoch: string;
  first_seq: number;
  last_seq: number;
  reason: LossReason;
  samples: number | null;
  from_ms: number | null;
  until_ms: number | null;
  received_at_ms: number;
}
export type SampleLossRow = Selectable<SampleLossesTable>;

interface AlarmsTable {
  alarm_id: string;
  source: 'site' | 'platform';
  code: string;
  severity: string;
  site_id: string | null;
  pile_id: string | null;
  connector_id: string | null;
  session_id: string | null;
  partner_id: string | null;
  detail: string;
  raised_at_ms: number;
  received_at_ms: number;
  acknowledged_at_ms: number | null;
  acknowledged_by: string | null;
  closed_at_ms: number | null;
  closed_by: string | null;
  close_reason: string | null;
  about: string | null;
  taken_at_ms: number | null;
  alert_id: string | null;
}

interface OrdersTable {
  order_id: string;
  partner_id: string | null;
  origin: 'remote' | 'local';
  environment: Environment;
  state: OrderState;
  request_id: string | null;
  site_id: string;
  pile_id: string;
  connector_id: string;
  tariff_id: string | null;
  tariff_version: number | null;
  /** Where it is to end by itself, as JSON; null: nowhere. */
  limits: string | null;
  /** The most that may be charged for it; null: nothing is held. */
  hold_minor: number | null;
  /** What its start presented; null: nothing. */
  reservation_id: string | null;
  session_id: string | null;
  /** Who began it on site; null for an order of a partner. */
  started_by_kind: 'card' | 'technician' | null;
  started_by_reference: string | null;
  meter_start_wh: number | null;
  meter_end_wh: number | null;
  energy_wh: number | null;
  stop_reason: string | null;
  failure_code: string | null;
  failure_detail: string | null;
  created_at_ms: number;
  started_at_ms: number | null;
  ended_at_ms: number | null;
  updated_at_ms: number;
}
export type OrderRow = Selectable<OrdersTable>;

interface OperationsTable {
  operation_id: string;
  partner_id: string;
  environment: Environment;
  kind: OperationKind;
  request_id: string;
  body_sha256: string;
  status: OperationStatus;
  code: string | null;
  detail: string | null;
  /** Null: it is about a reservation. */
  order_id: string | null;
  reservation_id: string | null;
  connector_id: string;
  /** Of a raise of the hold: to what. */
  hold_minor: number | null;
  /** By what the partner's call is found again; null where it was not kept. */
  key_id: Generated<string | null>;
  caller_address: Generated<string | null>;
  correlation_id: Generated<string | null>;
  trace_id: Generated<string | null>;
  created_at_ms: number;
  deadline_at_ms: number | null;
  finished_at_ms: number | null;
}
export type OperationRow = Selectable<OperationsTable>;

interface CommandsTable {
  command_id: string;
  /** Null with what our own staff or the cloud itself wants. */
  operation_id: string | null;
  order_id: string | null;
  reservation_id: string | null;
  site_id: string;
  shard: number;
  kind: Command['kind'];
  document: string;
  status: 'open' | 'received' | 'done' | 'failed';
  created_at_ms: number;
  expires_at_ms: number | null;
  next_send_at_ms: number | null;
  sent_count: Generated<number>;
  first_sent_at_ms: Generated<number | null>;
  last_sent_at_ms: Generated<number | null>;
  /** When its site said that it has it, and that it is done or has failed. */
  received_at_ms: Generated<number | null>;
  ended_at_ms: Generated<number | null>;
  cancelled_at_ms: number | null;
  cancel_closed_at_ms: number | null;
}
export type CommandRow = Selectable<CommandsTable>;

interface MaintenanceTable {
  command_id: string;
  request_id: string;
  body_sha256: string;
  site_id: string;
  connector_id: string;
  action: MaintenanceAction;
  stop_running: boolean;
  requested_by: string;
  created_at_ms: number;
  expires_at_ms: number;
  code: string | null;
  detail: string | null;
  finished_at_ms: number | null;
}
export type MaintenanceRow = Selectable<MaintenanceTable>;

interface CdrsTable {
  cdr_id: string;
  site_id: string;
  session_id: string;
  order_id: string | null;
  document: string;
  document_sha256: string;
  rerated: string | null;
  received_at_ms: number;
}
export type CdrRow = Selectable<CdrsTable>;

interface OccupanciesTable {
  occupancy_id: string;
  site_id: string;
  session_id: string;
  order_id: string;
  document: string;
  document_sha256: string;
  rerated: string | null;
  is_agreed: boolean;
  received_at_ms: number;
}
export type OccupancyRow = Selectable<OccupanciesTable>;

interface ExceptionsTable {
  exception_id: Generated<number>;
  order_id: string;
  cdr_id: string | null;
  code: string;
  detail: string;
  created_at_ms: number;
  resolved_at_ms: number | null;
  ticket_id: string | null;
}
