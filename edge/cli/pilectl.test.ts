import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { alarms, openStorage, storageIsWell } from '../ledger/testing.ts';
import type { DeviceView } from '../runtime/device-views.ts';
import { lockFolder } from '../runtime/folder-lock.ts';
import type { AccessView } from '../runtime/site-access.ts';
import type { LineView } from '../runtime/site-lines.ts';
import { controlSocketPath, openControlSocket } from './control-socket.ts';
import { runPilectl } from './run-pilectl.ts';

const PILECTL = join(import.meta.dirname, 'pilectl.ts');

const counters = { requests: 120, answers: 117, timeouts: 2, crcErrors: 1, mismatches: 0, exceptions: 0 };
const lineView: LineView = {
  lineId: 'rtu1',
  transport: 'serial',
  isOpen: true,
  utilisation: 0.4256,
  counters: { ...counters, opened: 1, busyMs: 1000, sinceMonoMs: 0, strayBytes: 3 },
  devices: [{ device: 'unit 2', counters: { ...counters, replyMs: 41.26, longestReplyMs: 88, spared: 4 } }],
};

const deviceView: DeviceView = {
  connectorId: 'DEMO-A1',
  model: 'keba-p40',
  serialNumber: '20417733',
  firmware: '10201',
  meterId: null,
  objection: 'refused: starts by itself',
};

const cardsView: AccessView = {
  version: 4,
  validUntil: '2026-12-31T00:00:00Z',
  cards: [
    { card: 'a'.repeat(32), shown: '…7650', kind: 'technician', note: 'ring 2' },
    { card: 'b'.repeat(32), shown: '…E5F6', kind: 'card', blocked: true, connectorIds: ['DEMO-A1'] },
  ],
  readers: [{ readerId: 'R1', lineId: 'C1', isOpen: true, frames: 12, broken: 1 }],
  denials: [
    {
      atWallMs: 0,
      place: 'R1',
      card: '…0001',
      reference: 'c'.repeat(32),
      code: 'access.unknown_card',
      detail: 'The card is not known here.',
    },
  ],
  denialCounts: { 'access.unknown_card': 3 },
};

/** Types into this process: beginning another takes a second each time. */
async function type(...words: string[]) {
  let [out, err] = ['', ''];
  const code = await runPilectl(words, {
    stdin: Readable.from([]),
    technician: 'wang',
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
  });
  return { out, err, code };
}

/** The program as it is started on site. */
async function typeInShell(...words: string[]) {
  const env = { ...process.env, SUDO_USER: 'wang' };
  const child = spawn(process.execPath, [PILECTL, ...words], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  return { out, err, code };
}

/** A site with one latched connector that refuses to be reset while current flows. */
async function site(refusal: string | null = null, health = storageIsWell) {
  const dataDir = mkdtempSync(join(tmpdir(), 'pilegate-pilectl-'));
  onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }));
  const resets: string[] = [];
  const moves: string[] = [];
  const changes: string[] = [];
  const maintained: object[] = [];
  const logged: Record<string, unknown>[] = [];
  const backups: string[] = [];
  const charges: string[] = [];
  const confirmed: string[] = [];
  const view = { pileId: 'A1', connectorId: 'DEMO-A1', status: 'faulted', observedAtMs: 0, plugged: true } as const;
  const rest = { sessionId: null, energyWh: 1234, powerW: 0, currentMa: 16_000, temperatureC: null } as const;
  const control = await openControlSocket(dataDir, {
    status: () => ({ siteId: 'demo', connectors: [{ ...view, ...rest, faults: ['stop-not-proven'] }], sync: null }),
    lines: () => [lineView],
    devices: () => [deviceView],
    storage: () => health,
    documents: { doors: [], door: () => null },
    confirmLoss: () => {
      confirmed.push(refusal ?? 'done');
      return refusal === null ? Promise.resolve() : Promise.reject(new Error(refusal));
    },
    backUp: (path) => {
      backups.push(path);
      return path.endsWith('taken') ? Promise.reject(new Error(`${path} exists already`)) : Promise.resolve();
    },
    deadLetters: (change) => {
      changes.push(JSON.stringify(change));
      return Promise.resolve({ letters: [], refused: refusal });
    },
    parking: () => [
      { deviceId: 'lock-1', connectorId: 'DEMO-A1', position: 'up', bay: 'empty', batteryPercent: 80, fault: null },
    ],
    power: () => ({
      nodes: [{ nodeId: 'site', limitMa: [63_000, 63_000, 50_000], countedMa: [16_000, 0, 6000] }],
      connectors: [
        {
          connectorId: 'DEMO-A1',
          wants: 'charge',
          grantMa: 12_000,
          mayTakeMa: 16_000,
          because: 'site L3 carries 50.0 A',
        },
      ],
      grid: { houseMa: [1000, 2500, 0], lost: null },
    }),
    io: {
      inputs: () => [
        {
          inputId: 'E1',
          boardId: 'B1',
          channel: 1,
          kind: 'emergency-stop',
          level: 'released',
          latched: true,
          lost: false,
          covers: 'all',
        },
      ],
      outputs: () => [
        { outputId: 'T1', boardId: 'B1', channel: 2, tripped: true, isOn: true, lost: false, trips: ['DEMO-A1'] },
      ],
      resetInput: (inputId) => {
        resets.push(inputId);
        return refusal === null ? { done: true } : { refused: refusal };
      },
      resetOutput: (outputId) => {
        resets.push(outputId);
        return Promise.resolve(refusal === null ? { done: true } : { refused: refusal });
      },
    },
    move: (deviceId, to) => {
      moves.push(`${to} ${deviceId}`);
      if (deviceId !== 'lock-1') return null;
      return Promise.resolve(to === 'lower' ? { kind: 'done' } : { kind: 'failed', reason: 'bay-occupied' });
    },
    rules: {
      view: () => ({
        version: 2,
        rules: [
          { ruleId: 'R1', effect: 'stop', message: 'R1: Hot. / 过热。', on: ['DEMO-A1'], turning: [] },
          { ruleId: 'R2', effect: 'derate to 8000 mA', message: 'R2: Busy. / 繁忙。', on: [], turning: ['DEMO-B1'] },
        ],
        versions: [3, 2, 1],
        trouble: 'a look took 3000 ms',
        refused: null,
      }),
      apply: (document, name) => {
        changes.push(`${name} ${document}`);
        return Promise.resolve({ kind: 'done', version: 4 });
      },
      rollBack: () => Promise.resolve({ kind: 'refused', reason: 'there is no earlier version to go back to' }),
    },
    access: {
      view: () => cardsView,
      beginByHand: (connectorId, name) => {
        charges.push(`begin ${connectorId} by ${name}`);
        return Promise.resolve(refusal);
      },
      endByHand: (connectorId, name) => {
        charges.push(`end ${connectorId} by ${name}`);
        return refusal;
      },
    },
    maintain: (connectorId, wish) => {
      maintained.push({ connectorId, ...wish });
      return Promise.resolve(wish.action === 'unlock' ? 'this model has no register for "unlock"' : null);
    },
    release: (connectorId, by, why) => {
      charges.push(`release ${connectorId} by ${by}: ${why}`);
      return refusal;
    },
    reset: (connectorId) => {
      resets.push(connectorId);
      return refusal === null ? { cleared: ['stop-not-proven'] } : { refused: refusal };
    },
    log: pino({ level: 'warn' }, { write: (text: string) => logged.push(JSON.parse(text)) }),
  });
  onTestFinished(() => control.close());
  return { dataDir, confirmed, backups, charges, resets, moves, changes, maintained, logged };
}

test('ED-16 status shows every connector with units, and what is wrong', async () => {
  const { dataDir } = await site();
  const { out, code } = await type('--data', dataDir, 'status');
  expect(code).toBe(0);
  expect(out).toMatch(/DEMO-A1\s+faulted\s+16\.0 A\s+1\.234 kWh\s+-\s+stop-not-proven/);
});

test('ED-16 ED-19 from a shell: what is asked for on standard output, what is wrong on standard error, and whose hand it was on the log', async () => {
  const { dataDir, maintained } = await site();
  const status = await typeInShell('--data', dataDir, 'status');
  expect(status).toEqual({ out: expect.stringContaining('DEMO-A1'), err: '', code: 0 });
  expect(await typeInShell('--data', dataDir, 'disable', 'DEMO-A1')).toEqual({ out: 'done\n', err: '', code: 0 });
  expect(maintained).toMatchObject([{ connectorId: 'DEMO-A1', by: 'local:wang' }]);
  const wrong = await typeInShell('--data', dataDir, 'reset');
  expect(wrong).toEqual({ out: '', err: expect.stringMatching(/^pilectl --data/), code: 2 });
}, 60_000);

test('ED-14 ED-16 power shows the limits, what every connector has, and why not more', async () => {
  const { dataDir } = await site();
  const { out, code } = await type('--data', dataDir, 'power');
  expect(code).toBe(0);
  expect(out).toMatch(/site\s+63\.0\s+63\.0\s+50\.0\s+16\.0\s+0\.0\s+6\.0/);
  expect(out).toMatch(/DEMO-A1\s+charge\s+12\.0\s+16\.0\s+site L3 carries 50\.0 A/);
  expect(out).toMatch(/grid meter: what else is taken\s+1\.0\s+2\.5\s+0\.0 A/);
});

test('ED-16 ED-07 only "reset" and a connector resets; anything else is answered by how to use it', async () => {
  const { dataDir, resets } = await site();
  for (const words of [
    ['status', 'DEMO-A1'],
    ['reset'],
    ['disable'],
    ['enable', 'DEMO-A1', '--stop-running'],
    ['reboot', 'DEMO-A1', 'now'],
    ['reset', 'DEMO-A1', 'now'],
    ['stop'],
    ['lines', 'rtu1'],
    ['inputs', 'E1'],
    ['confirm-store', 'now'],
    ['rules', 'load'],
    ['rules', 'load', 'a.json', 'b.json'],
    ['rules', 'rollback', '1'],
    ['rules', 'check', 'a.json'],
    ['rules', 'drop'],
    ['dead-letters', 'retry'],
    ['dead-letters', 'forget', '3'],
    ['reset-input'],
    ['reset-trip'],
    ['reset-trip', 'T1', 'T2'],
    ['lower'],
    ['--help'],
    [],
  ]) {
    const { err, code } = await type('--data', dataDir, ...words);
    expect({ words, code, isUsage: err.startsWith('pilectl --data') }).toEqual({ words, code: 2, isUsage: true });
  }
  expect(resets).toEqual([]);
  expect(await type('--data', dataDir, 'reset', 'DEMO-A1')).toMatchObject({ out: 'done\n', code: 0 });
  expect(resets).toEqual(['DEMO-A1']);
}, 120_000);

test('ED-19 a technician takes a connector out of service and back, and it is on the log whose hand it was', async () => {
  const { dataDir, maintained, logged } = await site();
  for (const words of [
    ['disable', 'DEMO-A1'],
    ['disable', 'DEMO-A1', '--stop-running'],
    ['enable', 'DEMO-A1'],
    ['reboot', 'DEMO-A1'],
  ])
    expect(await type('--data', dataDir, ...words)).toMatchObject({ out: 'done\n', code: 0 });
  const wish = { connectorId: 'DEMO-A1', stopRunning: false, by: 'local:wang' };
  expect(maintained).toEqual([
    { ...wish, action: 'disable' },
    { ...wish, action: 'disable', stopRunning: true },
    { ...wish, action: 'enable' },
    { ...wish, action: 'reboot' },
  ]);
  expect(logged).toMatchObject(
    maintained.map((one) => ({ ...one, refused: null, msg: 'technician does maintenance' })),
  );
});

test('ED-10 XC-10 cards shows who may charge, the readers, and what was refused, with numbers masked', async () => {
  const { dataDir } = await site();
  const { out } = await type('--data', dataDir, 'cards');
  expect(out.split('\n')).toEqual([
    'list of cards: version 4, 2 cards, valid until 2026-12-31T00:00:00Z',
    `  …7650 ${'a'.repeat(32)} technician, ring 2`,
    `  …E5F6 ${'b'.repeat(32)} blocked, only DEMO-A1`,
    'reader R1 on C1: listened to, 12 frames, 1 broken',
    'refused since the start: 3 × access.unknown_card',
    `  1970-01-01T00:00:00.000Z R1 card …0001 (${'c'.repeat(32)}): access.unknown_card: The card is not known here.`,
    '',
  ]);
});

test('ED-16 ED-10 a technician begins and ends a charge, and it is on the log whose hand it was', async () => {
  const { dataDir, charges, logged } = await site();
  expect(await type('--data', dataDir, 'start', 'DEMO-A1')).toMatchObject({ out: 'done\n', code: 0 });
  expect(await type('--data', dataDir, 'stop', 'DEMO-A1')).toMatchObject({ out: 'done\n', code: 0 });
  expect(charges).toEqual(['begin DEMO-A1 by wang', 'end DEMO-A1 by wang']);
  expect(logged).toMatchObject([
    { what: 'start', connectorId: 'DEMO-A1', by: 'local:wang', refused: null },
    { what: 'stop', connectorId: 'DEMO-A1', by: 'local:wang', refused: null },
  ]);
  expect((await type('--data', dataDir, 'start')).code).toBe(2);
});

test('OP-24 a technician releases a reserved connector with a reason, and it is on the log whose hand it was', async () => {
  const { dataDir, charges, logged } = await site();
  const words = ['--data', dataDir, 'release', 'DEMO-A1'];
  expect(await type(...words, 'the driver called')).toMatchObject({ out: 'done\n', code: 0 });
  expect(charges).toEqual(['release DEMO-A1 by local:wang: the driver called']);
  expect(logged).toMatchObject([{ connectorId: 'DEMO-A1', why: 'the driver called', by: 'local:wang' }]);
  expect((await type(...words)).code).toBe(2);
  expect((await type(...words, 'two', 'words')).code).toBe(2);
  const free = await site('it is not reserved');
  expect(await type('--data', free.dataDir, 'release', 'DEMO-A1', 'why')).toMatchObject({
    err: 'not done: it is not reserved\n',
    code: 1,
  });
});

test('ED-10 a charge that does not begin says why', async () => {
  const { dataDir, logged } = await site('connector.not_plugged: No vehicle is plugged in.');
  const { err, code } = await type('--data', dataDir, 'start', 'DEMO-A1');
  expect([err, code]).toEqual(['not done: connector.not_plugged: No vehicle is plugged in.\n', 1]);
  expect(logged).toMatchObject([{ what: 'start', refused: 'connector.not_plugged: No vehicle is plugged in.' }]);
});

test('ED-19 maintenance that is refused says why, and is on the log as refused', async () => {
  const { dataDir, logged } = await site();
  const refused = 'this model has no register for "unlock"';
  expect(await type('--data', dataDir, 'unlock', 'DEMO-A1')).toMatchObject({ err: `not done: ${refused}\n`, code: 1 });
  expect(logged).toMatchObject([{ action: 'unlock', by: 'local:wang', refused }]);
});

test('ED-07 a reset that is refused says why', async () => {
  const { dataDir } = await site('16.0 A still flow: cut the pile off first');
  expect(await type('--data', dataDir, 'reset', 'DEMO-A1')).toMatchObject({
    err: 'not done: 16.0 A still flow: cut the pile off first\n',
    code: 1,
  });
});

test('ED-16 ED-04 lines shows what every line and device has been asked and how it answered', async () => {
  const { dataDir } = await site();
  const { out, code } = await type('--data', dataDir, 'lines');
  expect(code).toBe(0);
  expect(out).toMatch(/^rtu1\s+120\s+117\s+2\s+1\s+0\s+0$/m);
  expect(out).toContain('serial, 42.6 % of the time used, opened 1 times, 3 stray bytes');
  expect(out).toMatch(/^ {2}unit 2\s+120\s+117\s+2\s+1\s+0\s+0\s+41\.3 ms\s+88\.0 ms\s+silent: 4 requests spared$/m);
});

test('ED-24 devices shows who answers at every connector, and what is known against its firmware', async () => {
  const { dataDir } = await site();
  const { out, code } = await type('--data', dataDir, 'devices');
  expect(code).toBe(0);
  expect(out).toMatch(/^connector\s+model\s+serial number\s+firmware\s+meter\s+known against it$/m);
  expect(out).toMatch(/^DEMO-A1\s+keba-p40\s+20417733\s+10201\s+-\s+refused: starts by itself$/m);
});

test('ED-17 a ground lock is shown, lowered by hand, and a move that is refused says why', async () => {
  const { dataDir, moves } = await site();
  expect((await type('--data', dataDir, 'parking')).out).toMatch(/lock-1\s+DEMO-A1\s+up\s+empty\s+80 %/);
  expect(await type('--data', dataDir, 'lower', 'lock-1')).toMatchObject({ out: 'done\n', code: 0 });
  expect(await type('--data', dataDir, 'raise', 'lock-1')).toMatchObject({ err: 'not done: bay-occupied\n', code: 1 });
  expect(await type('--data', dataDir, 'lower', 'lock-9')).toMatchObject({
    err: 'not done: no parking device lock-9\n',
    code: 1,
  });
  expect(moves).toEqual(['lower lock-1', 'raise lock-1', 'lower lock-9']);
});

test.each([
  ['nothing', ''],
  ['half an answer', '{"ok":true,"sho'],
  ['what is no answer', 'null'],
])('ED-16 an edge that ends while it is asked, and has said %s, does not answer', async (_, said) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'pilegate-pilectl-'));
  onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }));
  mkdirSync(join(dataDir, 'run'));
  const edge = createServer((socket) => void socket.once('data', () => socket.end(said)));
  edge.listen(controlSocketPath(dataDir));
  await once(edge, 'listening');
  onTestFinished(() => void edge.close());
  const { out, err, code } = await type('--data', dataDir, 'status');
  expect({ out, code }).toEqual({ out: '', code: 1 });
  expect(err).toMatch(/^The edge does not answer: .+\nIs it running with this data folder\?\n$/);
});

test('ED-21 ED-07 inputs and trip outputs are shown, and a technician resets them, which is on the log', async () => {
  const { dataDir, resets, logged } = await site();
  const { out } = await type('--data', dataDir, 'inputs');
  expect(out).toMatch(/E1\s+B1 in 1\s+emergency-stop\s+released\s+latched\s+all/);
  expect(out).toMatch(/T1\s+B1 out 2\s+trip output\s+relay on\s+tripped\s+DEMO-A1/);
  expect(await type('--data', dataDir, 'reset-input', 'E1')).toMatchObject({ out: 'done\n', code: 0 });
  expect(await type('--data', dataDir, 'reset-trip', 'T1')).toMatchObject({ out: 'done\n', code: 0 });
  expect(resets).toEqual(['E1', 'T1']);
  expect(logged).toMatchObject([{ inputId: 'E1' }, { outputId: 'T1' }]);
});

test('ED-21 ED-07 a reset of an input or output that is refused says why', async () => {
  const { dataDir } = await site('fire F1 has gone off still: release it first');
  const told = { err: 'not done: fire F1 has gone off still: release it first\n', code: 1 };
  expect(await type('--data', dataDir, 'reset-input', 'F1')).toMatchObject(told);
  expect(await type('--data', dataDir, 'reset-trip', 'T1')).toMatchObject(told);
});

test('ED-06 rules shows what is in force, what each rule does and where, and what is wrong', async () => {
  const { dataDir } = await site();
  const { out, code } = await type('--data', dataDir, 'rules');
  expect([code, out]).toEqual([
    0,
    `version 2 is in force; kept are 3, 1
trouble: a look took 3000 ms
R1: Hot. / 过热。
  stop: in effect at DEMO-A1
R2: Busy. / 繁忙。
  derate to 8000 mA: not in effect, about to change at DEMO-B1
`,
  ]);
});

test('ED-06 rules are loaded as they are written, whatever their size; what is refused is said', async () => {
  const { dataDir, changes, logged } = await site();
  const path = join(dataDir, 'rules.json');
  const text = '"'.repeat(65_536);
  writeFileSync(path, text);
  expect(await type('--data', dataDir, 'rules', 'load', path)).toMatchObject({ code: 0, out: 'done\n' });
  expect(changes).toEqual([`rules.json ${text}`]);
  expect(logged.at(-1)).toMatchObject({ what: 'load-rules', version: 4 });
  writeFileSync(path, `${text} `);
  const tooLarge = await type('--data', dataDir, 'rules', 'load', path);
  expect([tooLarge.code, tooLarge.err]).toEqual([
    1,
    expect.stringContaining('65537 bytes; a rule set has at most 65536'),
  ]);
  const back = await type('--data', dataDir, 'rules', 'rollback');
  expect([back.code, back.err]).toEqual([1, 'not done: there is no earlier version to go back to\n']);
});

test('ED-06 rules are checked without an edge', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'pilegate-pilectl-'));
  onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }));
  const path = join(dataDir, 'rules.json');
  writeFileSync(path, '{"rulesVersion":3,"rules":[]}');
  const good = await type('rules', 'check', path);
  expect([good.code, good.out]).toEqual([0, `${path}: good, version 3, 0 rules; names of the site are not checked\n`]);
  writeFileSync(path, '{"rulesVersion":3,"rules":[{}]}');
  const bad = await type('rules', 'check', path);
  expect([bad.code, bad.out]).toEqual([1, expect.stringContaining(`${path}: rules.0.ruleId: `)]);
});

test('ED-11 storage shows the room there is, and what is written against its budget', async () => {
  const { dataDir } = await site();
  const { out, code } = await type('--data', dataDir, 'storage');
  expect(code).toBe(0);
  expect(out).toMatch(/^level\s+ample$/m);
  expect(out).toMatch(/^charges\s+may begin$/m);
  expect(out).toMatch(/^free\s+12345\.7 MB$/m);
  expect(out).toMatch(/^ballast\s+held$/m);
  expect(out).toContain('98.8 MB since the start; 34.6 MB per pile and day, of a budget of 100.0 MB');
});

test('ED-11 ED-07 a loss is shown until it is confirmed, and it is on the log whose hand it was', async () => {
  const health = { ...storageIsWell, mayCharge: false, reason: 'lost', unconfirmedLoss: ['latches', 'service'] };
  const { dataDir, confirmed, logged } = await site(null, health);
  const { out } = await type('--data', dataDir, 'storage');
  expect(out).toMatch(/^charges\s+no new one may begin$/m);
  expect(out).toMatch(/^lost\s+latches, service; not confirmed$/m);
  expect(await type('--data', dataDir, 'confirm-store')).toMatchObject({ out: 'done\n', code: 0 });
  expect(confirmed).toEqual(['done']);
  expect(logged).toMatchObject([
    { lost: ['latches', 'service'], by: 'local:wang', msg: 'technician confirms what the ledger has lost' },
  ]);
});

test('ED-11 a confirmation that is not needed, or cannot be stored, says so', async () => {
  const well = await site();
  expect(await type('--data', well.dataDir, 'confirm-store')).toMatchObject({
    err: 'not done: there is nothing to confirm\n',
    code: 1,
  });
  const full = await site('disk full', { ...storageIsWell, unconfirmedLoss: ['rules'] });
  expect(await type('--data', full.dataDir, 'confirm-store')).toMatchObject({ err: 'not done: disk full\n', code: 1 });
  expect([well.confirmed, well.logged, full.logged]).toEqual([[], [], []]);
});

test('XC-05 refused records are shown, sent again and dropped by their numbers', async () => {
  const { dataDir, changes } = await site();
  const none = { out: 'the cloud has refused nothing that is still here\n', code: 0 };
  for (const words of [[], ['retry', 'former-3'], ['drop', '12']])
    expect(await type('--data', dataDir, 'dead-letters', ...words)).toMatchObject(none);
  expect(changes).toEqual(['null', '{"act":"send-again","seq":-3}', '{"act":"drop","seq":12}']);
  const refusing = await site('there is no such record');
  expect(await type('--data', refusing.dataDir, 'dead-letters', 'retry', '9')).toMatchObject({
    err: 'not done: there is no such record\n',
    code: 1,
  });
});

test('XC-06 backup asks the running edge, with the path as seen from here', async () => {
  const { dataDir, backups } = await site();
  expect(await type('--data', dataDir, 'backup', 'monday.db')).toMatchObject({ out: 'done\n', code: 0 });
  expect(backups).toEqual([join(process.cwd(), 'monday.db')]);
  expect(await type('--data', dataDir, 'backup', '/tmp/taken')).toMatchObject({
    err: 'not done: /tmp/taken exists already\n',
    code: 1,
  });
});

test('XC-06 restore works without an edge, and refuses while one works in the folder', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pilegate-restore-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const { storage, commit } = openStorage(folder);
  commit(alarms(1, 2));
  const file = join(folder, 'backup.db');
  await storage.backUp(file);
  const target = join(folder, 'target');
  const { out, code } = await typeInShell('--data', target, 'restore', file);
  expect({ code, out }).toMatchObject({ code: 0, out: expect.stringMatching(/^restored: 2 outbox/) });
  await lockFolder('edge', target);
  const refused = await typeInShell('--data', target, 'restore', file);
  expect(refused).toMatchObject({ code: 1, err: expect.stringContaining('another process works with') });
}, 60_000);
