/** What somebody may do. A route asks for one of these. */
export const permissions = [
  'own.read',
  'own.write',
  'sites.read',
  'sites.write',
  'sites.maintain',
  'sites.identity',
  'documents.read',
  'documents.write',
  'documents.keys',
  'rollouts.read',
  'rollouts.write',
  'tariffs.write',
  'orders.read',
  'orders.control',
  'orders.correct',
  'attention.read',
  'attention.retry',
  'alarms.handle',
  'alerts.manage',
  'tickets.handle',
  'partners.read',
  'partners.write',
  'partners.review',
  'partners.credentials',
  'credit.read',
  'credit.write',
  'staff.read',
  'staff.manage',
  'staff.begin',
  'audit.read',
] as const;
export type Permission = (typeof permissions)[number];

/** Of everybody: their own session. */
const own: readonly Permission[] = ['own.read', 'own.write'];

const reading = permissions.filter((permission) => permission.endsWith('.read'));

/**
 * What each role may do. The owner makes the accounts; the auditor reads everything, and changes nothing; the service is a machine that
 * holds the staff token, and has no business with people's accounts.
 */
const permissionsOf = {
  owner: permissions.filter((permission) => permission !== 'staff.begin'),
  operations: [
    'sites.read',
    'sites.write',
    'sites.maintain',
    'sites.identity',
    'documents.read',
    'documents.write',
    'documents.keys',
    'rollouts.read',
    'rollouts.write',
    'tariffs.write',
    'orders.read',
    'orders.control',
    'attention.read',
    'attention.retry',
    'alarms.handle',
    'alerts.manage',
    'tickets.handle',
    'partners.read',
    'partners.write',
    'partners.review',
    'partners.credentials',
    'credit.read',
  ],
  legal: ['partners.read', 'partners.review'],
  finance: [
    'orders.read',
    'orders.correct',
    'tariffs.write',
    'attention.read',
    'tickets.handle',
    'partners.read',
    'credit.read',
    'credit.write',
  ],
  support: [
    'sites.read',
    'orders.read',
    'attention.read',
    'alarms.handle',
    'tickets.handle',
    'partners.read',
    'credit.read',
  ],
  technician: [
    'sites.read',
    'sites.maintain',
    'orders.control',
    'documents.read',
    'attention.read',
    'alarms.handle',
    'tickets.handle',
  ],
  auditor: reading,
  service: permissions.filter((permission) => permission !== 'staff.manage'),
} as const satisfies Record<string, readonly Permission[]>;

export type StaffRole = keyof typeof permissionsOf;

/** The roles that an account can have. */
export const accountRoles = ['owner', 'operations', 'legal', 'finance', 'support', 'technician', 'auditor'] as const;
export type AccountRole = (typeof accountRoles)[number];

export function roleMay(role: StaffRole, permission: Permission): boolean {
  const granted: readonly Permission[] = permissionsOf[role];
  return own.includes(permission) || granted.includes(permission);
}
