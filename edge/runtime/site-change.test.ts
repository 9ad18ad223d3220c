import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { isPilegateError } from '#shared/errors.ts';
import type { RecordBody } from '#shared/wire/records.ts';
import { ManualTime } from '../bus/testing.ts';
import { brokenSites, richSite } from '../config/testing-broken-sites.ts';
import { uuid } from '../control/testing.ts';
import { loadProfiles, packagedProfiles } from '../devices/load-profiles.ts';
import { changeBetween, type DocumentChange } from '../documents/document-history.ts';
import { textOf as decoded } from '../documents/read-text.ts';
import { reportsOf } from '../documents/report.ts';
import { type SiteCheck, siteAtStart } from '../documents/site-at-start.ts';
import { siteReader } from '../documents/site-reader.ts';
import type { SiteHealth } from '../documents/site-trial.ts';
import { at, standing } from '../documents/testing.ts';
import { openLedger } from '../ledger/testing.ts';
import type { PlannedSite } from '../planner/checked-site.ts';
import { runningSite } from './running-site.ts';

const profiles = loadProfiles(packagedProfiles);
const { passwordFile: _passwordFile, ...cloud } = richSite.cloud;
const good = { ...richSite, cloud };
const textOf = (change: object = {}) => JSON.stringify({ ...good, ...change });
const first = textOf();
const lowered = textOf({ supplyLimitMa: 100_000 });
const moved = textOf({ lines: richSite.lines.map((line) => (line.lineId === 'box2' ? { ...line, port: 503 } : line)) });
const reader = siteReader({ file: 'site.json', profiles, identity: null });

const everything: SiteHealth = {
  openLineIds: new Set(['rtu1', 'rtu2', 'box2', 'gate']),
  answeringIds: new Set(['EAST-A1', 'EAST-B1']),
  isLinkUp: true,
};

/** What outlives a process: the ledger's file, the count of starts, and what the site is like. */
class Site {
  #opened = openLedger();
  starts: { version: number; starts: number } | null = null;
  health: (text: string) => SiteHealth = () => everything;
  charging = new Set<string>();
  file = first;
  /** The store that ends the process, counted from 1, and whether the disk has it then. */
  dieAt: { readonly store: number; readonly isStored: boolean } | null = null;
  #stores = 0;
  readonly begun: string[] = [];

  get ledger() {
    return this.#opened.ledger;
  }

  rows = () => this.ledger.documents();

  reports(): string[] {
    const bodies = (this.ledger.nextBatch({ records: 200, bytes: 1e7 })?.records ?? []).map(
      ({ body }) => body as RecordBody,
    );
    return bodies.flatMap((body) => {
      if (body.kind === 'document.reported') return [`${body.version} ${body.status}`];
      return body.kind === 'alarm.raised' ? [body.code] : [];
    });
  }

  /** Begins a process as `main` does. */
  async begin() {
    this.#opened = this.#opened.reopen();
    const { ledger } = this.#opened;
    let isDead = false;
    const store = (change: DocumentChange, records: readonly RecordBody[]): Promise<void> => {
      if (isDead) return new Promise(() => {});
      this.#stores += 1;
      const dies = this.dieAt?.store === this.#stores;
      if (!dies || this.dieAt?.isStored === true) ledger.putDocuments(change, records, at);
      if (!dies) return Promise.resolve();
      isDead = true;
      return new Promise(() => {});
    };
    const history = ledger.documents();
    const check: SiteCheck<PlannedSite> = (text, name) => {
      try {
        return { kind: 'good', checked: reader.read(text, name) };
      } catch (error) {
        if (!isPilegateError(error)) throw error;
        return { kind: 'refused', reason: error.detail, complaints: error.complaints };
      }
    };
    const begins = siteAtStart({
      history,
      file: { path: 'site.json', text: this.file },
      startsOf: (version) => (this.starts?.version === version ? this.starts.starts : 0),
      charging: this.charging,
      check,
      checkAgain: check,
      at,
    });
    if (begins === null) throw new Error('nothing to begin with');
    if (begins.isFirstTry) this.starts = null;
    if (begins.isTrial) this.starts = { version: begins.version, starts: (this.starts?.starts ?? 0) + 1 };
    this.begun.push(`${begins.version}${begins.isTrial ? ' on trial' : ''}`);
    const change = changeBetween('site', history, begins.history);
    const time = new ManualTime();
    const restarts: string[] = [];
    const running = runningSite({
      begun: { ...begins, reader },
      history: begins.history,
      store,
      stamp: () => at,
      log: pino({ level: 'silent' }),
      health: () => this.health(begins.text),
      charging: () => this.charging,
      restart: (reason) => void restarts.push(reason),
      onTry: () => {
        this.starts = null;
      },
      onJudged: () => {
        this.starts = null;
      },
      newId: () => uuid(1),
      clock: time,
      timers: time,
    });
    // It dies here as well: then nothing of it runs.
    const isBegun = await Promise.race([store(change, reportsOf(change)).then(() => true), pause().then(() => false)]);
    if (isBegun) running.change.start();
    const offer = (text: string, source: 'cloud' | 'pilectl' = 'pilectl') =>
      running.door.offer({ text, source, name: 'new.json', version: source === 'cloud' ? 2 : null });
    return { ...running, time, restarts, offer, isAlive: () => !isDead };
  }

  /** Begins processes until one has run for so long without an end. */
  async live(seconds = 200) {
    for (let lives = 0; lives < 12; lives += 1) {
      const life = await this.begin();
      for (let second = 0; second < seconds && life.restarts.length === 0 && life.isAlive(); second += 1)
        await life.time.pass(1000);
      if (life.restarts.length === 0 && life.isAlive()) return life;
      if (!life.isAlive()) this.dieAt = null;
      life.change.close();
    }
    throw new Error(`it does not come to rest: ${this.begun.join(', ')}`);
  }
}

const pause = () => new Promise((resolve) => setTimeout(resolve, 20));

describe('ED-15 a configuration is applied by beginning again with it', () => {
  test('one that concerns no charge is tried after some seconds, proven, and stays', async () => {
    const site = new Site();
    const life = await site.begin();
    site.charging.add('EAST-A1').add('EAST-B1');
    expect(await life.offer(lowered)).toMatchObject({ kind: 'done', version: 2, status: 'waiting' });
    await life.time.pass(9000);
    expect([life.restarts, standing(site.rows())]).toEqual([[], '2 waiting, 1 active']);
    await life.time.pass(2000);
    expect([life.restarts, standing(site.rows())]).toEqual([
      ['version 2 of the configuration is tried'],
      '2 trying, 1 active',
    ]);
    await site.live();
    expect([standing(site.rows()), site.begun, site.reports()]).toEqual([
      '2 active, 1 former',
      ['1', '2 on trial'],
      ['1 active', '2 waiting', '2 active'],
    ]);
  });

  test('one that changes a line waits until nothing on it charges, and says for whom', async () => {
    const site = new Site();
    const life = await site.begin();
    site.charging.add('EAST-A1').add('EAST-B1');
    expect(await life.offer(moved)).toMatchObject({
      status: 'waiting',
      detail: 'waits for the end of the charge at EAST-B1: lines[box2].port change',
    });
    await life.time.pass(600_000);
    expect(life.restarts).toEqual([]);
    site.charging.delete('EAST-B1');
    await life.time.pass(2000);
    expect(life.restarts).toEqual(['version 2 of the configuration is tried']);
  });

  test('one that does not bring back what worked is left by itself, with an alarm, and not taken again', async () => {
    const site = new Site();
    const life = await site.begin();
    await life.offer(moved, 'cloud');
    site.health = (text) => (text === moved ? { ...everything, openLineIds: new Set(['rtu1']) } : everything);
    await life.time.pass(20_000);
    const rest = await site.live();
    expect([standing(site.rows()), site.begun]).toEqual(['2 rolled-back, 1 active', ['1', '2 on trial', '1']]);
    expect(site.rows()[0]?.reason).toBe(
      'after 60 s: line rtu2 does not open; line box2 does not open; line gate does not open',
    );
    expect(site.reports()).toEqual(['1 active', '2 waiting', '2 rolled-back', 'config-rolled-back']);
    expect(await rest.offer(moved, 'cloud')).toMatchObject({ kind: 'refused' });
    await rest.time.pass(60_000);
    expect(rest.restarts).toEqual([]);
  });

  test('while one is on trial no other is taken, and a technician is told to wait', async () => {
    const site = new Site();
    const life = await site.begin();
    await life.offer(lowered);
    await life.time.pass(20_000);
    const trial = await site.begin();
    expect(trial.door.closedBecause()).toContain('version 2 is being proven');
    expect(await trial.offer(moved)).toMatchObject({ kind: 'refused' });
    expect(await trial.door.rollBack()).toMatchObject({ kind: 'refused' });
    await trial.time.pass(15_000);
    expect(trial.door.closedBecause()).toBeNull();
  });

  test('a technician goes back: to the version before, by the same way; or takes back what waits', async () => {
    const site = new Site();
    const life = await site.begin();
    await life.offer(lowered);
    await life.time.pass(20_000);
    const second = await site.live();
    expect(await second.door.rollBack()).toMatchObject({ kind: 'done', version: 1, status: 'waiting' });
    await second.time.pass(20_000);
    const third = await site.live();
    expect(standing(site.rows())).toBe('2 rolled-back, 1 active');
    await third.offer(moved);
    expect(await third.door.rollBack()).toMatchObject({ status: 'active', detail: 'version 3 is withdrawn' });
    expect(standing(site.rows())).toBe('3 withdrawn, 2 rolled-back, 1 active');
  });
});

describe('ED-15 a process that is killed at any step leaves one whole configuration in force', () => {
  const steps = [1, 2, 3, 4, 5, 6].flatMap((store) => [true, false].map((isStored) => ({ store, isStored })));

  test.each(steps)('a good version, killed at store $store, stored: $isStored', async (dieAt) => {
    const site = new Site();
    const life = await site.begin();
    site.dieAt = dieAt;
    const offered = Promise.race([life.offer(lowered), pause()]);
    await offered;
    await life.time.pass(20_000);
    if (!life.isAlive()) site.dieAt = null;
    await site.live();
    const isOffered = site.rows().length === 2;
    expect(standing(site.rows())).toBe(isOffered ? '2 active, 1 former' : '1 active');
    expect(site.rows().map(({ text }) => text)).toEqual(isOffered ? [lowered, first] : [first]);
  });

  test.each(steps)('a bad version, killed at store $store, stored: $isStored', async (dieAt) => {
    const site = new Site();
    site.health = (text) => (text === moved ? { ...everything, openLineIds: new Set(['rtu1', 'rtu2']) } : everything);
    const life = await site.begin();
    site.dieAt = dieAt;
    await Promise.race([life.offer(moved), pause()]);
    await life.time.pass(20_000);
    if (!life.isAlive()) site.dieAt = null;
    const last = await site.live();
    expect(standing(site.rows())).toBe(site.rows().length === 2 ? '2 rolled-back, 1 active' : '1 active');
    expect(site.rows().at(-1)?.text).toBe(first);
    expect(last.restarts).toEqual([]);
  });
});

test('ED-15 XC-08 hundreds of broken configurations: ledger and running edge stay as they were', async () => {
  const site = new Site();
  const life = await site.begin();
  await life.time.pass(12_000);
  const before = site.rows();
  for (const { what, bytes } of brokenSites()) {
    let text: string;
    try {
      text = decoded(bytes, 'new.json');
    } catch {
      // Refused before it comes to the door.
      continue;
    }
    expect(await life.offer(text), what).toMatchObject({
      kind: 'refused',
      reason: expect.stringContaining('new.json'),
    });
  }
  await life.time.pass(60_000);
  expect([site.rows(), life.restarts, life.door.closedBecause()]).toEqual([before, [], null]);
});
