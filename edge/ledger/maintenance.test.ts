import { expect, test } from 'vitest';
import type { MaintainCommand, MaintenanceAction } from '#shared/wire/messages.ts';
import { START_WALL_MS, uuid } from '../control/testing.ts';
import { at, openLedger } from './testing.ts';

const wanted = (n: number, action: MaintenanceAction): MaintainCommand => ({
  v: 1,
  kind: 'maintain',
  commandId: uuid(n),
  requestId: `ticket-${n}`,
  connectorId: 'P1-1',
  issuedAtMs: START_WALL_MS,
  action,
  stopRunning: false,
  by: 'Li Na',
  expiresAtMs: START_WALL_MS + 300_000,
  ttlMs: 300_000,
});

test('ED-19 SY-04 a setting is made after a restart in what is left of its time; a reboot or unlock is never written twice', () => {
  const { ledger, reopen } = openLedger();
  for (const [n, action] of (['disable', 'enable', 'reboot', 'unlock'] as const).entries())
    expect(ledger.admit(wanted(n + 1, action), at)).toBe('new');
  const { commands } = reopen().ledger.openWork({ ...at, monoMs: at.monoMs + 60_000 });
  expect(commands.map((command) => command.kind === 'maintain' && [command.action, command.ttlMs])).toEqual([
    ['disable', 240_000],
    ['enable', 240_000],
    ['reboot', 0],
    ['unlock', 0],
  ]);
});

test('ED-19 who has taken a connector out of service is remembered', () => {
  const { ledger, reopen } = openLedger();
  const service = { disabledBy: 'Li Na', failedStarts: 0 };
  ledger.commit({ session: null, records: [], service: { connectorId: 'P1-1', service } }, at);
  expect(reopen().ledger.openWork(at).service.get('P1-1')).toEqual(service);
});
