import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { type TestContext, test, vi } from 'vitest';
import { documentsIn } from '../../edge/ledger/documents.ts';
import { Store } from '../../edge/ledger/store.ts';
import type { SiteDocument } from './small-site.ts';
import { pass, Stand, until } from './stand.ts';

/** Goal: a configuration is in force as a whole or not at all, and one that does not work is left by itself. */

// What is on trial is watched for up to a minute; each stand has processes of its own, and little to do meanwhile.
vi.setConfig({ maxConcurrency: 3 });

const PROVEN_WITHIN_MS = 45_000;
const LEFT_WITHIN_MS = 110_000;

async function newStand({ onTestFinished }: Pick<TestContext, 'onTestFinished'>) {
  const stand = await Stand.open();
  let isOver = false;
  // As systemd does it: whatever ends is begun again.
  const begun: number[] = [];
  const keep = () =>
    void stand.edge.ended.then(() => {
      if (isOver) return;
      begun.push(Date.now());
      stand.begin();
      keep();
    });
  keep();
  onTestFinished(async () => {
    isOver = true;
    await stand.close();
  });
  return { stand, begun, file: new SiteText(join(stand.folder, 'site.json')) };
}

class SiteText {
  readonly #path: string;
  constructor(path: string) {
    this.#path = path;
  }

  get document(): SiteDocument {
    return JSON.parse(readFileSync(this.#path, 'utf8'));
  }

  /** A changed copy beside the site's own file. @returns its path and text */
  changed(change: (site: Site) => object): { path: string; text: string } {
    const text = `// Changed.\n${JSON.stringify(change(JSON.parse(readFileSync(this.#path, 'utf8'))), null, 2)}\n`;
    const path = join(this.#path, '..', 'changed.json');
    writeFileSync(path, text);
    return { path, text };
  }

  edit(text: string): void {
    writeFileSync(this.#path, text);
  }
}

interface Site {
  readonly lines: readonly { readonly lineId: string }[];
  readonly piles: readonly { readonly pileId: string }[];
  readonly [key: string]: unknown;
}

const pile = (pileId: string, change: object) => (site: Site) => ({
  ...site,
  piles: site.piles.map((one) => (one.pileId === pileId ? { ...one, ...change } : one)),
});
const line = (lineId: string, change: object) => (site: Site) => ({
  ...site,
  lines: site.lines.map((one) => (one.lineId === lineId ? { ...one, ...change } : one)),
});

/** What the ledger has of the configuration, while the edge works. */
function stored(stand: Stand) {
  const database = new Database(stand.ledgerFile, { readonly: true });
  try {
    return documentsIn(new Store(database)).filter(({ kind }) => kind === 'site');
  } finally {
    database.close();
  }
}
const standing = (stand: Stand) =>
  stored(stand)
    .map(({ version, state }) => `${version} ${state}`)
    .join(', ');
const isStanding = (stand: Stand, expected: string, withinMs: number) =>
  until(`the ledger has ${expected}`, withinMs, () => standing(stand) === expected).catch(() => {
    throw new Error(`the ledger has ${standing(stand)}, not ${expected}`);
  });
const statusesOf = (stand: Stand, version: number) =>
  stand.cloud.reportsOf('site', version).map(({ status }) => status);

test.concurrent('ED-15 killed at any moment of applying: one whole version is in force, and the next start goes on with it', {
  timeout: 400_000,
}, async (context) => {
  const { expect } = context;
  const { stand, file } = await newStand(context);
  await stand.plug('A1');
  stand.start('A1');
  await stand.status('A1', 'charging');
  let version = 1;
  // Taken, about to be tried, ending, beginning again, on trial, about to be proven.
  for (const killAfterMs of [20, 700, 1100, 1500, 2500, 6000, 12_500]) {
    version += 1;
    const limitMa = 80_000 - version * 100;
    const { path, text } = file.changed((site) => ({ ...site, supplyLimitMa: limitMa }));
    await until('nothing is on trial', 60_000, () => stand.isHeard && !standing(stand).includes('trying'));
    const loading = stand.pilectl('documents', 'load', 'site', path);
    await until('it is taken', 20_000, () => stored(stand)[0]?.version === version);
    await pass(killAfterMs);
    await stand.edge.kill('SIGKILL');
    await loading;
    await pass(100);
    await stand.edge.ready;
    await until(`version ${version} is proven`, 90_000, () => stored(stand)[0]?.state === 'active');
    const rows = stored(stand);
    expect(rows.filter(({ state }) => state === 'active')).toHaveLength(1);
    expect([rows[0]?.version, rows[0]?.text]).toEqual([version, text]);
    await stand.status('A1', 'charging', 60_000);
  }
  stand.stop('A1');
  const cdr = await stand.cdr('A1');
  const { energyTruthWh } = await stand.station.pile('A1');
  expect(Math.abs(cdr.meterEndWh - cdr.meterStartWh - cdr.energyWh)).toBeLessThan(1);
  expect(energyTruthWh).toBeGreaterThan(0);
  expect(stand.cloud.complaints).toEqual([]);
});

test.concurrent('ED-15 a limit is changed while its pile charges; the charge goes on, and the version is proven', {
  timeout: 180_000,
}, async (context) => {
  const { expect } = context;
  const { stand, begun, file } = await newStand(context);
  await stand.plug('A1');
  stand.start('A1');
  await stand.status('A1', 'charging');
  const { path } = file.changed(pile('A1', { limitMa: 10_000 }));
  const loaded = await stand.pilectl('documents', 'load', 'site', path);
  expect(loaded.stdout).toContain('site version 2 is waiting: it is applied in some seconds');
  await isStanding(stand, '2 active, 1 former', PROVEN_WITHIN_MS);
  expect(begun).toHaveLength(1);
  await stand.status('A1', 'charging');
  await until('the pile follows', 20_000, async () => Math.max(...(await stand.station.pile('A1')).currentA) < 10.5);
  stand.stop('A1');
  const cdr = await stand.cdr('A1');
  expect(cdr.marks).toEqual(['adopted']);
  expect(statusesOf(stand, 2)).toEqual(['waiting', 'active']);
  await until('hello tells what is in force', 20_000, () => stand.cloud.hello?.documents?.length === 1);
  expect(stand.cloud.complaints).toEqual([]);
});

test.concurrent('ED-15 a change of a line waits for the charge on it, visibly, and for no other', {
  timeout: 180_000,
}, async (context) => {
  const { expect } = context;
  const { stand, begun, file } = await newStand(context);
  await Promise.all([stand.plug('A1'), stand.plug('B1')]);
  stand.start('A1');
  stand.start('B1');
  await Promise.all([stand.status('A1', 'charging'), stand.status('B1', 'charging')]);
  const { text } = file.changed(pile('B1', { unit: 100 }));
  stand.cloud.sendDocument('site', 2, text);
  await until('it is reported', 20_000, () => statusesOf(stand, 2).length > 0);
  expect(stand.cloud.reportsOf('site', 2)).toMatchObject([
    { status: 'waiting', detail: 'waits for the end of the charge at B1-1: piles[B1].unit change' },
  ]);
  await pass(15_000);
  expect([begun.length, standing(stand)]).toEqual([0, '2 waiting, 1 active']);
  expect((await stand.pilectl('documents')).stdout).toContain('waits for the end of the charge at B1-1');
  stand.stop('B1');
  await stand.cdr('B1');
  await until('it is begun with', 30_000, () => begun.length === 1);
  await stand.status('A1', 'charging');
  // Nobody answers as unit 100: what answered before does not, and the site goes back.
  await isStanding(stand, '2 rolled-back, 1 active', LEFT_WITHIN_MS);
  await stand.status('B1', 'plugged', 60_000);
  await stand.status('A1', 'charging');
  expect(stored(stand)[0]?.reason).toContain('B1-1 answered before, and does not');
});

test.concurrent('ED-15 a line that does not open: the version is left by itself, told, and not taken again', {
  timeout: 240_000,
}, async (context) => {
  const { expect } = context;
  const { stand, begun, file } = await newStand(context);
  await pass(3000);
  const { text } = file.changed(line('rtu1', { path: '/dev/pilegate-nowhere' }));
  stand.cloud.sendDocument('site', 2, text);
  await isStanding(stand, '2 trying, 1 active', 40_000);
  await isStanding(stand, '2 rolled-back, 1 active', LEFT_WITHIN_MS);
  await until('both restarts', 20_000, () => begun.length === 2);
  await stand.status('A1', 'available', 60_000);
  await until('it is told', 20_000, () => statusesOf(stand, 2).includes('rolled-back'));
  const [alarm] = stand.cloud.recordsOf('alarm.raised').filter(({ code }) => code === 'config-rolled-back');
  expect(alarm?.detail).toContain('line rtu1 does not open');
  stand.cloud.sendDocument('site', 2, text);
  await until('it is answered again', 20_000, () => statusesOf(stand, 2).length >= 3);
  await pass(15_000);
  expect([standing(stand), begun.length, statusesOf(stand, 2)]).toEqual([
    '2 rolled-back, 1 active',
    2,
    ['waiting', 'rolled-back', 'rolled-back'],
  ]);
});

test.concurrent('ED-15 a version under which the process does not stay up is left after three starts', {
  timeout: 240_000,
}, async (context) => {
  const { expect } = context;
  const { stand, begun, file } = await newStand(context);
  const { path } = file.changed((site) => ({ ...site, supplyLimitMa: 79_000 }));
  await stand.pilectl('documents', 'load', 'site', path);
  await isStanding(stand, '2 trying, 1 active', 40_000);
  for (let start = 1; start <= 3; start += 1) {
    await until(`start ${start}`, 30_000, () => begun.length === start);
    await stand.edge.ready;
    await stand.edge.kill('SIGKILL');
  }
  await isStanding(stand, '2 rolled-back, 1 active', 30_000);
  expect(stored(stand)[0]?.reason).toBe('3 processes began with it, and none has proven it');
  await stand.status('A1', 'available', 60_000);
});

test.concurrent('ED-15 an edited file is a new version at the next start; a broken one changes nothing', {
  timeout: 240_000,
}, async (context) => {
  const { expect } = context;
  const { stand, begun, file } = await newStand(context);
  const { text } = file.changed((site) => ({ ...site, supplyLimitMa: 79_000 }));
  await stand.status('A1', 'available');
  file.edit(text);
  await stand.edge.stop();
  await isStanding(stand, '2 active, 1 former', PROVEN_WITHIN_MS);
  file.edit(text.replace('"supplyLimitMa"', '"suplyLimitMa"'));
  await stand.edge.stop();
  await until('it runs again', 30_000, () => begun.length === 2 && stand.isHeard);
  expect(standing(stand)).toBe('2 active, 1 former');
  const alarm = await until('the alarm', 20_000, () =>
    stand.cloud.recordsOf('alarm.raised').find(({ code }) => code === 'config-refused'),
  );
  expect(alarm.detail).toMatch(/site\.json: \d+:\d+ .*suplyLimitMa: unknown key; did you mean "supplyLimitMa"/);
});

test.concurrent('ED-15 a push and a file on site give the same, byte for byte', {
  timeout: 240_000,
}, async (context) => {
  const { expect } = context;
  const [pushed, edited] = [await newStand(context), await newStand(context)];
  const change = (site: Site) => ({ ...site, storage: { keepDays: 90 } });
  for (const { stand } of [pushed, edited]) await stand.status('A1', 'available');
  const { text } = pushed.file.changed(change);
  pushed.stand.cloud.sendDocument('site', 2, text);
  // The lines and the broker of the other stand have addresses of their own: its text is taken as it is.
  const own = edited.file.changed(change).text;
  edited.file.edit(own);
  await edited.stand.edge.stop();
  await isStanding(pushed.stand, '2 active, 1 former', 60_000);
  await isStanding(edited.stand, '2 active, 1 former', 60_000);
  const [byPush, byFile] = [stored(pushed.stand)[0], stored(edited.stand)[0]];
  expect([byPush?.text, byFile?.text]).toEqual([text, own]);
  expect([byPush?.source, byFile?.source]).toEqual(['cloud', 'file']);
  const shown = await pushed.stand.pilectl('config', 'show');
  expect(shown.stdout).toBe(`${text}\n`);
});
