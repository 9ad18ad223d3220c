import { Gauge, type Registry } from 'prom-client';
import { alertLevels } from '../alerts/levels.ts';
import { type CloudFigures, operationAges } from './read-figures.ts';

/** Makes the gauges of what the database knows. @returns what shows a reading; null: the database did not answer, and nothing is shown */
export function figureGauges(registry: Registry): (figures: CloudFigures | null) => void {
  const registers = [registry];
  const gauge = <Label extends string>(name: string, help: string, labelNames: Label[] = []) =>
    new Gauge({ name, help, labelNames, registers });
  const up = gauge('pilegate_database_up', '1 when the database answered this scrape in time.');
  const operations = gauge('pilegate_operations_open', 'Operations without an outcome, by age.', ['kind', 'age']);
  const deliveries = gauge('pilegate_webhook_deliveries_pending', 'Deliveries that are not over, by state.', ['state']);
  const oldest = gauge(
    'pilegate_webhook_oldest_pending_seconds',
    'Age of the oldest delivery that is not over, to an endpoint that takes them.',
  );
  const endpoints = gauge('pilegate_webhook_endpoints', 'Endpoints of partners, by state.', ['state']);
  const deadLetters = gauge('pilegate_dead_letters_open', 'Dead letters that nobody has settled.', ['source']);
  const alarms = gauge('pilegate_alarms_open', 'Alarms that nobody has closed, by severity.', ['severity']);
  const deaf = gauge('pilegate_alerts_deaf', '1 when alerts of this level would reach nobody.', ['level']);
  const unseen = gauge('pilegate_alerts_unacknowledged', 'Open alerts that nobody is at.');
  const sites = gauge('pilegate_sites', 'Sites that have ever said hello, by their link.', ['link']);
  const commands = gauge('pilegate_commands_to_send', 'Commands that are sent until their site has them.');
  const shards = gauge('pilegate_shards_leased', 'Topic shards that some ingest process has; 64 are all.');

  const all = [operations, deliveries, oldest, endpoints, deadLetters, alarms, deaf, unseen, sites, commands, shards];
  return (figures) => {
    up.set(figures === null ? 0 : 1);
    for (const one of all) one.reset();
    // A gauge without labels starts again at zero, which is something else than not known.
    if (figures === null) for (const one of [oldest, unseen, commands, shards]) one.remove();
    if (figures === null) return;
    for (const kind of new Set(['start', 'stop', ...figures.operations.map((one) => one.kind)]))
      for (const age of operationAges) operations.set({ kind, age }, 0);
    for (const { kind, age, count } of figures.operations) operations.set({ kind, age }, count);
    deliveries.set({ state: 'waiting' }, figures.deliveries.waiting);
    deliveries.set({ state: 'retrying' }, figures.deliveries.retrying);
    deliveries.set({ state: 'under_way' }, figures.deliveries.underWay);
    oldest.set((figures.deliveries.oldestAgeMs ?? 0) / 1000);
    for (const state of ['active', 'failing', 'disabled'] as const) endpoints.set({ state }, figures.endpoints[state]);
    for (const source of ['record', 'message', 'edge-nack']) deadLetters.set({ source }, 0);
    for (const { source, count } of figures.deadLetters) deadLetters.set({ source }, count);
    for (const severity of ['warning', 'critical']) alarms.set({ severity }, 0);
    for (const { severity, count } of figures.alarms) alarms.set({ severity }, count);
    for (const level of alertLevels) deaf.set({ level }, figures.alerts.deafLevels.includes(level) ? 1 : 0);
    unseen.set(figures.alerts.unacknowledged);
    for (const link of ['online', 'offline'] as const) sites.set({ link }, figures.sites[link]);
    commands.set(figures.commandsToSend);
    shards.set(figures.shardsLeased);
  };
}
