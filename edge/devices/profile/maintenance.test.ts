import { expect, test } from 'vitest';
import { stepsOf } from '../pile-driver.ts';
import { pileProfileSchema } from './pile-profile.ts';
import { packagedProfile, withValue } from './testing.ts';

function complaintsOf(profileId: string, path: string, value: unknown): string[] {
  const checked = pileProfileSchema.safeParse(withValue(packagedProfile(profileId), path, value));
  return checked.success ? [] : checked.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
}

test.each<[string, string, string, unknown, string]>([
  ['a limit', 'keba-p30', 'commands.unlock', [{ write: 'unlockPlug', value: 'limit' }], 'maintenance sets no limit'],
  ['a write that is not there', 'keba-p30', 'commands.reboot', [{ write: 'restart', value: 1 }], 'restart'],
  ['no step', 'keba-p30', 'commands.unlock', [], 'commands.unlock: '],
  [
    'a reboot of a device with several sockets',
    'alfen-ng9xx',
    'commands.reboot',
    [{ write: 'maxCurrent', value: 0 }],
    'it would end the charges of the other sockets',
  ],
])('ED-19 ED-02 %s is refused for maintenance', (_, profileId, path, value, reason) => {
  expect(complaintsOf(profileId, path, value).join('\n')).toContain(reason);
});

test('ED-19 a model without a register for it writes nothing: no other command stands in', () => {
  const heidelberg = pileProfileSchema.parse(packagedProfile('heidelberg-energy-control'));
  expect([stepsOf(heidelberg, 'reboot'), stepsOf(heidelberg, 'unlock')]).toEqual([[], []]);
});
