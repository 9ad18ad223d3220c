import { expect, test } from 'vitest';
import { MAX_VERSIONS, type RuleHistory, withActive } from '../rules/rule-history.ts';
import { openLedger } from './testing.ts';

test('ED-06 the store keeps the versions that the rules believe it keeps, whatever is put into force', () => {
  const { ledger } = openLedger();
  let believed: RuleHistory = [];
  // Loads, a roll-back over two, a new version over those, an older one, and more than are kept.
  for (const version of [1, 2, 3, 2, 1, 4, 5, 6, 5, 7, 4, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20]) {
    const document = { rulesVersion: version, rules: [] };
    ledger.putRules(version, document);
    believed = withActive(believed, version, document);
    expect(ledger.rules(), `after ${version}`).toEqual(believed);
  }
  expect(believed).toHaveLength(MAX_VERSIONS);
});
