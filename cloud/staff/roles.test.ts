import { expect, test } from 'vitest';
import { ruleOf, type StaffAction, staffActions } from './actions.ts';
import { accountRoles, permissions, roleMay } from './roles.ts';

const isHarmless = (permission: string) => /\.read$|^own\./.test(permission);
const changing = permissions.filter((permission) => !isHarmless(permission));
const may = (role: Parameters<typeof roleMay>[0]) => permissions.filter((permission) => roleMay(role, permission));

test('XC-01 accounts are the business of the owner alone', () => {
  for (const role of [...accountRoles, 'service'] as const)
    expect([role, roleMay(role, 'staff.manage')]).toEqual([role, role === 'owner']);
  for (const role of [...accountRoles, 'service'] as const)
    expect([role, roleMay(role, 'staff.begin')]).toEqual([role, role === 'service']);
});

test('XC-01 the auditor reads everything and changes nothing', () => {
  expect(may('auditor')).toEqual(permissions.filter(isHarmless));
});

test('XC-01 nobody corrects money and runs the field at once, but the owner', () => {
  for (const role of accountRoles.filter((one) => one !== 'owner'))
    expect([role, roleMay(role, 'orders.correct') && roleMay(role, 'sites.maintain')]).toEqual([role, false]);
});

test('XC-01 whoever changes something is not the one who reads the log of it, but the owner', () => {
  for (const role of accountRoles.filter((one) => one !== 'owner'))
    if (changing.some((permission) => roleMay(role, permission)))
      expect([role, roleMay(role, 'audit.read')]).toEqual([role, false]);
});

test('XC-01 dangerous actions are confirmed, and what makes things safer is not', () => {
  const dangerous = (Object.keys(staffActions) as StaffAction[]).filter((one) => ruleOf(one).isDangerous?.({}));
  for (const action of ['site.revoke', 'rollout.create', 'order.stop'] as const) expect(dangerous).toContain(action);
  for (const action of ['rollout.abort', 'rollout.pause'] as const) expect(dangerous).not.toContain(action);
  const { isDangerous } = ruleOf('connector.maintain');
  expect([isDangerous?.({ stop_running: true }), isDangerous?.({ stop_running: false })]).toEqual([true, false]);
});
