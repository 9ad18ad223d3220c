import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { describe, expect, onTestFinished, test } from 'vitest';
import { ManualTime } from '../bus/testing.ts';
import { newConnector, nothingRemembered } from '../control/connector.ts';
import { type Influence, noInfluence } from '../control/influence.ts';
import type { Reading } from '../control/reading.ts';
import { charging, facts, uuid } from '../control/testing.ts';
import { type Evaluate, engineFor, type Holding } from '../rules/engine.ts';
import type { RuleHistory } from '../rules/rule-history.ts';
import type { Rule } from '../rules/rule-set.ts';
import { above, derate, documentOf, is, refuse, rule, ruleSetOf, site, sound } from '../rules/testing.ts';
import { type RulesAlarm, SiteRules } from './site-rules.ts';

interface Options {
  readonly rules?: readonly Rule[];
  readonly history?: RuleHistory;
  readonly file?: string;
  readonly engine?: typeof engineFor;
  readonly store?: () => Promise<void>;
  readonly readings?: Record<string, Reading | null>;
}

/** Site rules over two connectors, in simulated time; `readings` is what the piles tell. */
async function rig(options: Options = {}) {
  const time = new ManualTime();
  const readings: Record<string, Reading | null> = { 'A-1': charging, 'B-1': charging, ...options.readings };
  const influences: Record<string, Influence> = {};
  const said: string[] = [];
  const alarms: RulesAlarm[] = [];
  const stored: number[] = [];
  const stamp = () => ({ wallMs: time.wallMs(), monoMs: time.monoMs(), bootId: uuid(900), clock: 'trusted' as const });
  const document = options.rules === undefined ? null : ruleSetOf(...options.rules);
  const siteRules = new SiteRules({
    site,
    file: options.file ?? null,
    history: options.history ?? (document === null ? [] : [{ version: 1, document, isActive: true }]),
    store: async (version) => {
      await options.store?.();
      stored.push(version);
    },
    clock: time,
    timers: time,
    log: pino({ level: 'silent' }),
    look: () => ({
      connectors: site.connectors.map(({ connectorId, pileId }) => ({
        state: { ...newConnector(nothingRemembered, stamp()), reading: readings[connectorId] ?? null },
        facts: { ...facts, connectorId, pileId },
      })),
      now: stamp(),
      storageLevel: null,
      link: null,
      inputs: new Map([['smoke', false]]),
    }),
    engineFor: options.engine ?? engineFor,
    onInfluence: (connectorId, influence) => {
      influences[connectorId] = influence;
      said.push(connectorId);
    },
    onAlarm: (alarm) => void alarms.push(alarm),
    end: () => Promise.resolve(),
  });
  siteRules.start();
  onTestFinished(async () => {
    const closed = siteRules.close();
    await time.pass(20_000);
    await closed;
  });
  await time.pass(0);
  return { time, readings, influences, said, alarms, stored, siteRules };
}

/** An engine whose answers the test gives, in any order. */
function byHand() {
  const asked: PromiseWithResolvers<Holding>[] = [];
  const engine = (): Evaluate => () => {
    const answer = Promise.withResolvers<Holding>();
    asked.push(answer);
    return answer.promise;
  };
  const holdingAtA = (...ruleIds: string[]): Holding =>
    new Map([
      ['A-1', new Set(ruleIds)],
      ['B-1', new Set<string>()],
    ]);
  return { asked, engine, holdingAtA };
}

const stopOf = (influence: Influence | undefined) => influence?.stop?.detail.split(':')[0] ?? null;
const hot = rule({ conditions: { all: [above('temperatureDc', 700)] } });
const refusals = (influence: Influence | undefined) => influence?.refuse.map(({ fault }) => fault);

test('ED-06 a rule has its effect within a second or so, where it holds, and as long as it holds', async () => {
  const { time, readings, influences, said } = await rig({ rules: [hot] });
  expect(influences).toEqual({ 'A-1': noInfluence, 'B-1': noInfluence });
  readings['A-1'] = { ...charging, temperatureDc: 701 };
  await time.pass(1100);
  expect(influences['A-1']).toEqual({
    ...noInfluence,
    stop: { fault: 'site-rule', detail: 'R1: Too much. / 过大。' },
  });
  expect(influences['B-1']).toEqual(noInfluence);
  readings['A-1'] = charging;
  await time.pass(1100);
  expect(influences['A-1']).toEqual(noInfluence);
  said.length = 0;
  await time.pass(30_000);
  expect(said, 'what has not changed is not said again').toEqual([]);
});

test('ED-06 after a look the thread belongs to the piles for four times what it took', async () => {
  const hand = byHand();
  const { time } = await rig({ rules: [hot], engine: hand.engine });
  await time.pass(600);
  hand.asked[0]?.resolve(hand.holdingAtA());
  await time.pass(2300);
  expect(hand.asked).toHaveLength(1);
  await time.pass(200);
  expect(hand.asked).toHaveLength(2);
});

describe('ED-06 after a restart nothing is judged before every pile has been read', () => {
  const trips = { ...hot, whenMissing: 'trip' } as const;

  test('no charge begins, and none is stopped for what has not been told yet', async () => {
    const { time, readings, influences } = await rig({ rules: [trips], readings: { 'B-1': null } });
    await time.pass(5000);
    expect([refusals(influences['A-1']), stopOf(influences['B-1'])]).toEqual([['site-rules-failed'], null]);
    readings['B-1'] = charging;
    await time.pass(1100);
    expect(influences).toEqual({ 'A-1': noInfluence, 'B-1': noInfluence });
    readings['B-1'] = null;
    await time.pass(1100);
    expect([stopOf(influences['A-1']), stopOf(influences['B-1'])]).toEqual([null, 'R1']);
  });

  test('but a pile that does not answer is not waited for longer than ten seconds', async () => {
    const { time, influences } = await rig({ rules: [trips], readings: { 'B-1': null } });
    await time.pass(11_000);
    expect([influences['A-1'], stopOf(influences['B-1'])]).toEqual([noInfluence, 'R1']);
  });
});

describe('ED-06 results that are late or stale do not count', () => {
  test('while one look is under way no other begins; given up, its result is not heard any more', async () => {
    const hand = byHand();
    const { time, influences, alarms } = await rig({ rules: [hot], engine: hand.engine });
    await time.pass(1900);
    expect([hand.asked.length, alarms.length]).toEqual([1, 0]);
    await time.pass(200);
    expect(alarms.map(({ code, connectorId }) => [code, connectorId])).toEqual([['site-rules-failed', null]]);
    await time.pass(17_000);
    expect(hand.asked).toHaveLength(1);
    await time.pass(2000);
    expect(hand.asked).toHaveLength(2);
    hand.asked[1]?.resolve(hand.holdingAtA());
    await time.pass(0);
    expect(influences['A-1']).toEqual(noInfluence);
    hand.asked[0]?.resolve(hand.holdingAtA('R1'));
    await time.pass(0);
    expect(influences['A-1']).toEqual(noInfluence);
  });

  test('a look that ends late but in time counts, and ends the alarm with the next that is quick', async () => {
    const hand = byHand();
    const { time, influences, siteRules, alarms } = await rig({ rules: [hot], engine: hand.engine });
    await time.pass(3000);
    hand.asked[0]?.resolve(hand.holdingAtA('R1'));
    await time.pass(10_100);
    expect([stopOf(influences['A-1']), siteRules.view().trouble]).toEqual(['R1', 'a look took 3000 ms']);
    hand.asked[1]?.resolve(hand.holdingAtA('R1'));
    await time.pass(0);
    expect([siteRules.view().trouble, alarms.length]).toEqual([null, 1]);
  });

  test('rules that were replaced meanwhile have no say, and what the former ones said stays until the new are looked at', async () => {
    const hand = byHand();
    const { time, influences, siteRules } = await rig({ rules: [hot], engine: hand.engine });
    hand.asked[0]?.resolve(hand.holdingAtA('R1'));
    await time.pass(1000);
    expect([hand.asked.length, stopOf(influences['A-1'])]).toEqual([2, 'R1']);
    const next = documentOf([rule({ ruleId: 'R2', effect: derate(8000) })], { rulesVersion: 2 });
    expect(await siteRules.apply(next, 'next.json')).toEqual({ kind: 'done', version: 2 });
    hand.asked[1]?.resolve(hand.holdingAtA());
    await time.pass(0);
    expect(stopOf(influences['A-1']), 'the old look ends after the rules were replaced').toBe('R1');
    expect(hand.asked).toHaveLength(3);
    hand.asked[2]?.resolve(hand.holdingAtA('R2'));
    await time.pass(0);
    expect(influences['A-1']).toEqual({ ...noInfluence, ceilingMa: 8000 });
  });
});

describe('ED-06 rules that cannot be looked at', () => {
  /** Works until it is told not to. */
  function fragile() {
    const state = { isBroken: false };
    const engine: typeof engineFor = (ruleSet, breathe) => {
      const evaluate = engineFor(ruleSet, breathe);
      return (snapshot) => (state.isBroken ? Promise.reject(new Error('broken')) : evaluate(snapshot));
    };
    return { state, engine };
  }

  test('what they said last counts for ten seconds; then new charges are refused and missing facts are what each rule says', async () => {
    const { state, engine } = fragile();
    const rules = [
      rule({ ruleId: 'R1', effect: derate(8000) }),
      rule({ ruleId: 'R2', conditions: hot.conditions, whenMissing: 'trip' }),
      rule({ ruleId: 'R3', conditions: hot.conditions, effect: refuse }),
    ];
    const { time, readings, influences, alarms, siteRules } = await rig({ rules, engine });
    readings['A-1'] = { ...charging, currentMa: 20_001 };
    await time.pass(1100);
    const derated = { ...noInfluence, ceilingMa: 8000 };
    expect(influences).toEqual({ 'A-1': derated, 'B-1': noInfluence });
    state.isBroken = true;
    readings['A-1'] = charging;
    await time.pass(9000);
    expect(influences).toEqual({ 'A-1': derated, 'B-1': noInfluence });
    expect(alarms).toEqual([{ code: 'site-rules-failed', connectorId: null, detail: 'broken' }]);
    await time.pass(2000);
    expect([stopOf(influences['A-1']), influences['A-1']?.ceilingMa]).toEqual(['R2', 8000]);
    expect([stopOf(influences['B-1']), influences['B-1']?.ceilingMa]).toEqual(['R2', null]);
    expect(refusals(influences['B-1'])).toEqual(['site-rules-failed']);
    expect(siteRules.view().trouble).toBe('the rules of the site cannot be looked at');
    state.isBroken = false;
    await time.pass(1100);
    expect(influences).toEqual({ 'A-1': noInfluence, 'B-1': noInfluence });
    expect([siteRules.view().trouble, alarms.length]).toEqual([null, 1]);
  });
});

describe('ED-06 versions', () => {
  const second = documentOf([rule({ ruleId: 'R2', conditions: { all: [is('plugged', true)] }, effect: refuse })], {
    rulesVersion: 2,
  });

  test('loaded rules are stored, then in force; rolled back, the former are', async () => {
    const { time, influences, stored, siteRules } = await rig({ rules: [hot] });
    expect(await siteRules.apply(second, 'second.json')).toEqual({ kind: 'done', version: 2 });
    await time.pass(100);
    expect([stored, refusals(influences['A-1'])]).toEqual([[2], ['site-rule']]);
    expect(siteRules.view()).toMatchObject({ version: 2, versions: [2, 1], refused: null });
    expect(await siteRules.rollBack()).toEqual({ kind: 'done', version: 1 });
    await time.pass(100);
    expect([stored, influences['A-1']]).toEqual([[2, 1], noInfluence]);
    expect(siteRules.view()).toMatchObject({ version: 1, versions: [2, 1] });
  });

  test('broken rules are refused with an alarm, and the last good ones stay', async () => {
    const { influences, alarms, stored, siteRules, time } = await rig({ rules: [hot] });
    const reason = 'x.json: rules: Invalid input: expected array, received undefined';
    expect(await siteRules.apply('{"rulesVersion":2}', 'x.json')).toEqual({ kind: 'refused', reason });
    await time.pass(1100);
    expect([alarms, stored]).toEqual([[{ code: 'site-rules-refused', connectorId: null, detail: reason }], []]);
    expect(siteRules.view()).toMatchObject({ version: 1, refused: reason, trouble: null });
    expect(influences['A-1']).toEqual(noInfluence);
  });

  test('ED-11 a store that takes the place of a damaged one gets the rules in force, behind what is being loaded', async () => {
    const { stored, siteRules, time } = await rig({ rules: [hot] });
    siteRules.storeAgain();
    const loaded = siteRules.apply(second, 'second.json');
    siteRules.storeAgain();
    expect(await loaded).toMatchObject({ kind: 'done' });
    await time.pass(0);
    expect(stored).toEqual([1, 2, 2]);
  });

  test('rules that cannot be stored do not come into force', async () => {
    const { siteRules } = await rig({ rules: [hot], store: () => Promise.reject(new Error('disk full')) });
    expect(await siteRules.apply(second, 'x.json')).toEqual({
      kind: 'refused',
      reason: 'version 2 could not be stored: disk full',
    });
    expect(siteRules.view()).toMatchObject({ version: 1, versions: [1] });
  });

  test('two at once are taken one after the other', async () => {
    const { stored, siteRules } = await rig({ rules: [hot] });
    const third = documentOf([], { rulesVersion: 3 });
    const results = await Promise.all([siteRules.apply(third, 'third.json'), siteRules.apply(second, 'second.json')]);
    expect(results.map(({ kind }) => kind)).toEqual(['done', 'refused']);
    expect([stored, siteRules.view().version]).toEqual([[3], 3]);
  });

  test('a file that is broken at the start: the last good version is in force; without one no charge begins', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'pilegate-site-rules-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const file = join(folder, 'rules.json');
    writeFileSync(file, '{');
    const kept = await rig({ rules: [hot], file });
    expect(kept.alarms.map(({ code }) => code)).toEqual(['site-rules-refused']);
    expect([kept.siteRules.view().version, kept.influences['A-1']]).toEqual([1, noInfluence]);

    const none = await rig({ file });
    await none.time.pass(5000);
    expect(refusals(none.influences['A-1'])).toEqual(['site-rules-failed']);
    expect(await none.siteRules.apply(second, 'second.json')).toEqual({ kind: 'done', version: 2 });
    await none.time.pass(100);
    expect(refusals(none.influences['A-1'])).toEqual(['site-rule']);

    writeFileSync(file, second);
    const fresh = await rig({ rules: [hot], file });
    expect([fresh.stored, fresh.siteRules.view().version]).toEqual([[2], 2]);
  });
});

test('ED-06 an alarm is raised once per connector, and once for what is about the whole site', async () => {
  const about = (fact: string): Rule['conditions'] => ({ all: [above(fact, 5)] });
  const rules = [
    rule({ ruleId: 'R1', effect: sound, clearAfterMs: 60_000, conditions: about('temperatureDc') }),
    rule({ ruleId: 'R2', effect: sound, clearAfterMs: 60_000, conditions: about('sitePowerW') }),
  ];
  const { time, alarms } = await rig({ rules });
  await time.pass(5000);
  const detail = (ruleId: string) => `${ruleId}: Too much. / 过大。`;
  expect(alarms).toEqual([
    { code: 'site-rule', connectorId: 'A-1', detail: detail('R1') },
    { code: 'site-rule', connectorId: null, detail: detail('R2') },
    { code: 'site-rule', connectorId: 'B-1', detail: detail('R1') },
  ]);
});

test('ED-06 the technician sees where a rule is on, and where it is about to be', async () => {
  const { time, readings, siteRules } = await rig({ rules: [rule({ ...hot, forMs: 5000, effect: derate(8000) })] });
  readings['B-1'] = { ...charging, temperatureDc: 701 };
  await time.pass(3000);
  const shown = { ruleId: 'R1', effect: 'derate to 8000 mA', message: 'R1: Too much. / 过大。' };
  expect(siteRules.view().rules).toEqual([{ ...shown, on: [], turning: ['B-1'] }]);
  await time.pass(4000);
  expect(siteRules.view().rules).toEqual([{ ...shown, on: ['B-1'], turning: [] }]);
});
