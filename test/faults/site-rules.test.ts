import { expect, vi } from 'vitest';
import { expectUntouched, until } from './fault-site.ts';
import { onSite, twoOnOneLine } from './shared-line.ts';

/**
 * Goal: a site rule reaches the pile that it is for, and no other.
 * Method: rules are put into force while both piles charge; what truly flows is the judge.
 */
vi.setConfig({ maxConcurrency: 30, testTimeout: 120_000 });

const message = { en: 'The cable is warm.', zh: '电缆发热。' };
const rules = (rulesVersion: number, effect: object, maximumMa: number) => ({
  rulesVersion,
  rules: [
    {
      ruleId: 'warm',
      scope: { piles: ['A'] },
      conditions: { all: [{ fact: 'currentMa', operator: 'greaterThan', value: maximumMa }] },
      whenMissing: 'ignore',
      clearAfterMs: 3_600_000,
      effect: { ...effect, message },
    },
  ],
});

onSite('ED-06 a rule stops the charge that it is for, and refuses the next', twoOnOneLine(), async (site) => {
  await site.charge('A', 'B');
  expect(await site.edge.applyRules(rules(1, { kind: 'stop' }, 1000))).toEqual({ kind: 'done', version: 1 });
  const { cdr, alarms } = await site.bill('A');
  expect(cdr).toMatchObject({ stopReason: 'site', faultCode: 'site-rule' });
  expect(alarms).toEqual(['site-rule']);
  expect(site.truth('A').contactorClosed).toBe(false);
  const before = site.edge.refusals().length;
  site.edge.start('A');
  await until('a refusal', 5000, () => site.edge.refusals().length > before);
  expectUntouched(await site.stop('B'));
});

onSite('ED-06 a rule offers less, and without it the offer is what it was', twoOnOneLine(), async (site) => {
  await site.charge('A', 'B');
  const drawsA = (pileId: string) => Math.max(...site.truth(pileId).currentA);
  expect(await site.edge.applyRules(rules(1, { kind: 'derate', toMa: 8000 }, 12_000))).toMatchObject({ kind: 'done' });
  await until('A draws 8 A', 15_000, () => Math.abs(drawsA('A') - 8) < 0.1);
  expect(drawsA('B')).toBeGreaterThan(15);
  expect(await site.edge.applyRules({ rulesVersion: 2, rules: [] })).toMatchObject({ kind: 'done' });
  await until('A draws 16 A', 15_000, () => drawsA('A') > 15);
  for (const pileId of ['A', 'B']) expectUntouched(await site.stop(pileId));
});
