import { asksToLowerLevel } from '../alerts/lowers-level.ts';
import type { Db } from '../db/connect.ts';
import type { Permission } from './roles.ts';

interface ActionRule {
  /** `none`: it is how people come in. */
  readonly permission: Permission | 'none';
  /** Whether it is done only after a second confirmation; absent: never. */
  readonly isDangerous?: (body: object) => boolean;
  /** The same where it depends on what is in force; takes the parameters of the path together with the body. */
  readonly isDangerousNow?: (db: Db, asked: object) => Promise<boolean>;
}

const always = (): boolean => true;
const stopsWhatRuns = (body: object): boolean => 'stop_running' in body && body.stop_running === true;

/**
 * Everything that staff can change, and what nobody reads without leaving a trace, under the name that it has in the audit log: what it needs, and whether it has to be confirmed.
 * What makes things safer, such as ending a roll-out, never waits for a confirmation.
 */
export const staffActions = {
  'session.begin': { permission: 'none' },
  'session.confirm': { permission: 'own.write' },
  'session.end': { permission: 'own.write' },
  'staff.begin': { permission: 'staff.begin' },
  'staff.set_up': { permission: 'none' },
  'staff.enrol': { permission: 'none' },
  'staff.change_password': { permission: 'own.write' },
  'staff.invite': { permission: 'staff.manage', isDangerous: always },
  'staff.invite_again': { permission: 'staff.manage', isDangerous: always },
  'staff.disable': { permission: 'staff.manage', isDangerous: always },
  'staff.change_role': { permission: 'staff.manage', isDangerous: always },
  'staff.end_sessions': { permission: 'staff.manage' },
  'site.create': { permission: 'sites.write' },
  'site.claim': { permission: 'sites.identity' },
  'site.revoke': { permission: 'sites.identity', isDangerous: always },
  'site.end_charges': { permission: 'sites.identity', isDangerous: always },
  'site.withdraw': { permission: 'sites.write', isDangerous: always },
  'site.restore': { permission: 'sites.write' },
  'connector.withdraw': { permission: 'sites.write' },
  'connector.restore': { permission: 'sites.write' },
  'connector.set_code': { permission: 'sites.write' },
  'site.choose_life': { permission: 'sites.identity' },
  'site.diagnose': { permission: 'sites.maintain' },
  'connector.maintain': { permission: 'sites.maintain', isDangerous: stopsWhatRuns },
  'station.set_hours': { permission: 'sites.write' },
  'maintenance_window.plan': { permission: 'sites.maintain' },
  'maintenance_window.change': { permission: 'sites.maintain' },
  'maintenance_window.cancel': { permission: 'sites.maintain' },
  'document.put': { permission: 'documents.write' },
  'document_key.add': { permission: 'documents.keys' },
  'document_key.leave': { permission: 'documents.keys', isDangerous: always },
  'order.stop': { permission: 'orders.control', isDangerous: always },
  'reservation.cancel': { permission: 'orders.control' },
  'tariff.put': { permission: 'tariffs.write' },
  'rollout.create': { permission: 'rollouts.write', isDangerous: always },
  'rollout.pause': { permission: 'rollouts.write' },
  'rollout.resume': { permission: 'rollouts.write' },
  'rollout.abort': { permission: 'rollouts.write' },
  'alarm.acknowledge': { permission: 'alarms.handle' },
  'alarm.close': { permission: 'alarms.handle' },
  'alert.acknowledge': { permission: 'alarms.handle' },
  'alert.close': { permission: 'alarms.handle' },
  'alert.set_level': { permission: 'alerts.manage', isDangerousNow: asksToLowerLevel },
  'alert.set_chain': { permission: 'alerts.manage', isDangerous: always },
  'alert.set_rota': { permission: 'alerts.manage' },
  'alert_channel.create': { permission: 'alerts.manage' },
  'alert_channel.test': { permission: 'alerts.manage' },
  'alert_channel.enable': { permission: 'alerts.manage' },
  'alert_channel.disable': { permission: 'alerts.manage', isDangerous: always },
  'alert_channel.delete': { permission: 'alerts.manage', isDangerous: always },
  'ticket.open': { permission: 'tickets.handle' },
  'ticket.move': { permission: 'tickets.handle' },
  'ticket.change': { permission: 'tickets.handle' },
  'ticket.comment': { permission: 'tickets.handle' },
  'ticket.link': { permission: 'tickets.handle' },
  'dead_letter.retry': { permission: 'attention.retry' },
  'webhook.replay': { permission: 'attention.retry' },
  'partner.create': { permission: 'partners.write' },
  'application.read_file': { permission: 'partners.review' },
  'application.decide': { permission: 'partners.review' },
  'partner.change': { permission: 'partners.write' },
  'partner.suspend': { permission: 'partners.write' },
  'partner.resume': { permission: 'partners.write' },
  'partner.set_access': { permission: 'partners.write' },
  'partner.put_prices': { permission: 'tariffs.write' },
  'credit.set_terms': { permission: 'credit.write', isDangerous: always },
  'credit.transfer': { permission: 'credit.write', isDangerous: always },
  'credit.settle_order': { permission: 'orders.correct', isDangerous: always },
  'partner_key.create': { permission: 'partners.credentials' },
  'partner_key.change': { permission: 'partners.credentials' },
  'partner_key.rotate': { permission: 'partners.credentials' },
  'partner_key.disable': { permission: 'partners.credentials' },
  'partner_key.enable': { permission: 'partners.credentials' },
  'partner_key.revoke': { permission: 'partners.credentials', isDangerous: always },
} as const satisfies Record<string, ActionRule>;

export type StaffAction = keyof typeof staffActions;

export const ruleOf = (action: StaffAction): ActionRule => staffActions[action];
