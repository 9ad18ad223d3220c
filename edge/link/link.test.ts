import { join } from 'node:path';
import Database, { type Database as Sqlite } from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { batchSchema, helloSchema, presenceSchema, stateSchema } from '#shared/wire/messages.ts';
import { plugged, Rig, reserveCommand, startCommand, stopCommand, uuid } from '../control/testing.ts';
import { documentDigest, withActive, withWaiting } from '../documents/document-history.ts';
import { stored } from '../documents/testing.ts';
import { openDatabase } from '../ledger/open-database.ts';
import { alarm, alarms, at, open, openLedger, openRescued, sessionOn, started, tempFolder } from '../ledger/testing.ts';
import { type FakeCloud, KEY_ID, pause, rig } from './testing.ts';

const poll = (read: () => unknown) => expect.poll(read, { interval: 10 });
const sentSeqs = (cloud: FakeCloud) => [
  ...new Set(cloud.heard.batch.flatMap(({ records }) => records.map(({ seq }) => seq))),
];
const lastSent = (cloud: FakeCloud) => sentSeqs(cloud).at(-1) ?? 0;
const lastState = { pileId: 'P1', connectorId: 'P1-1', status: 'available' as const, observedAtMs: 1 };
const view = [
  {
    ...lastState,
    plugged: false,
    sessionId: null,
    energyWh: null,
    powerW: null,
    currentMa: 0,
    temperatureC: null,
    faults: [],
  },
];

/** The next commit is stored, and then fails all the same. */
function failOnceAfterCommit(database: Sqlite, code: string, onFail = () => {}): void {
  const real = database.transaction.bind(database);
  const failing = (work: () => unknown) => ({
    immediate: () => {
      real(work).immediate();
      database.transaction = real;
      onFail();
      throw new Database.SqliteError('the disk fails', code);
    },
  });
  database.transaction = failing as unknown as typeof database.transaction;
}

/** A link on a store whose next commit can be put in doubt: it is stored, fails, and the file does not open again. */
async function doubtfulRig() {
  const disk = { opens: true, failNextCommit: () => {} };
  const opened = openRescued(join(tempFolder(), 'ledger.db'), {
    open: (path, maxBytes) => {
      if (!disk.opens) throw new Database.SqliteError('unable to open database file', 'SQLITE_CANTOPEN');
      return openDatabase(path, maxBytes);
    },
  });
  disk.failNextCommit = () =>
    failOnceAfterCommit(opened.store.database, 'SQLITE_IOERR_FSYNC', () => {
      disk.opens = false;
    });
  return { ...(await rig({ opened })), disk };
}

describe('SY-05 the handshake', () => {
  test('hello is said until it is welcomed, and nothing else before', async () => {
    const { cloud, link, ledger } = await rig();
    cloud.onHeard = () => {};
    const session = sessionOn(1);
    ledger.commit(open(session, started(session)), at);
    link.showView(view);
    await poll(() => cloud.heard.hello.length).toBeGreaterThan(2);
    expect(link.state).toBe('greeting');
    link.showView(view);
    await pause(50);
    expect([cloud.heard.batch, cloud.heard.state]).toEqual([[], []]);
    const hello = helloSchema.parse(cloud.heard.hello[0]);
    expect(hello).toMatchObject({
      storeEpoch: ledger.storeEpoch,
      streams: [{ stream: 'events', headSeq: 1, ackedSeq: 0 }],
      runningSessions: [{ sessionId: session.sessionId, connectorId: 'P1-1' }],
    });

    cloud.welcome({ connectionEpoch: uuid(5) });
    cloud.welcome({ storeEpoch: uuid(5) });
    await pause(100);
    expect(link.state).toBe('greeting');

    cloud.welcome();
    await poll(() => link.state).toBe('open');
    await poll(() => cloud.heard.batch.length).toBeGreaterThan(0);
    expect(stateSchema.parse(cloud.heard.state[0])).toMatchObject({ connectors: view });
    expect(cloud.heard.state[0]?.connectionEpoch).toBe(hello.connectionEpoch);
  });

  test('SY-05 hello names every charge once, also one that the connectors show and the store does not know yet', async () => {
    const { cloud, link, ledger } = await rig();
    cloud.onHeard = () => {};
    const session = sessionOn(1);
    ledger.commit(open(session), at);
    const shown = (sessionId: string | null, connectorId: string) =>
      view.slice(0, 1).map((one) => ({ ...one, connectorId, sessionId }));
    link.showView([...shown(session.sessionId, 'P1-1'), ...shown(uuid(71), 'P2-1'), ...shown(null, 'P3-1')]);
    const before = cloud.heard.hello.length;
    await poll(() => cloud.heard.hello.length).toBeGreaterThan(before + 1);
    expect(cloud.heard.hello.at(-1)?.runningSessions).toEqual([
      { sessionId: session.sessionId, connectorId: 'P1-1' },
      { sessionId: uuid(71), connectorId: 'P2-1' },
    ]);
  });

  test('OP-24 hello names what connectors are held for, also what the store does not know yet', async () => {
    const { cloud, link, ledger } = await rig();
    cloud.onHeard = () => {};
    await poll(() => cloud.heard.hello.length).toBeGreaterThan(0);
    expect(cloud.heard.hello[0]?.reservations).toEqual([]);
    const machine = new Rig();
    machine.see({ ...plugged, status: 'unplugged' });
    machine.command(reserveCommand());
    for (const order of machine.orders) if (order.kind === 'commit') ledger.commit(order.transaction, at);
    const shown = (reservationId: string, connectorId: string) =>
      view.slice(0, 1).map((one) => ({ ...one, connectorId, reservationId }));
    link.showView([...shown(uuid(81), 'P1-1'), ...shown(uuid(72), 'P2-1'), ...view]);
    const before = cloud.heard.hello.length;
    await poll(() => cloud.heard.hello.length).toBeGreaterThan(before + 1);
    expect(cloud.heard.hello.at(-1)?.reservations).toEqual([
      { reservationId: uuid(81), connectorId: 'P1-1' },
      { reservationId: uuid(72), connectorId: 'P2-1' },
    ]);
  });

  test('ED-11 a store that takes the place of a damaged one is introduced to the cloud before anything of it is sent', async () => {
    const { cloud, link, ledger, store, database } = await rig();
    await poll(() => link.state).toBe('open');
    const former = ledger.storeEpoch;
    database.exec(`UPDATE meta SET value = '${uuid(800)}' WHERE key = 'store_epoch'`);
    store.onReplaced();
    await poll(() => cloud.heard.hello.at(-1)?.storeEpoch).toBe(uuid(800));
    await poll(() => link.state).toBe('open');
    ledger.commit(alarms(1), at);
    link.poke();
    await poll(() => cloud.heard.batch.at(-1)?.storeEpoch).toBe(uuid(800));
    expect(cloud.heard.batch.map(({ storeEpoch }) => storeEpoch)).not.toContain(former);
  });

  test('ED-11 a store that cannot be read for a while does not end the link', async () => {
    const { link, ledger, database, logged } = await rig();
    await poll(() => link.state).toBe('open');
    const prepare = database.prepare.bind(database);
    database.prepare = () => {
      throw new Database.SqliteError('disk I/O error', 'SQLITE_IOERR_READ');
    };
    await poll(() => logged.some((line) => line.includes('records cannot be read'))).toBe(true);
    database.prepare = prepare as typeof database.prepare;
    ledger.commit(alarms(1), at);
    await poll(() => ledger.backlog()).toBe(0);
  });

  test('SY-03.b a store that was copied back and worked on tells all that it has written, however far the cloud is', async () => {
    const { cloud, ledger, link } = await rig();
    const numbers = Array.from({ length: 250 }, (_, i) => i + 1);
    ledger.commit(alarms(...numbers), at);
    cloud.onHeard = (kind) => {
      if (kind === 'hello') cloud.welcome({ cursors: [{ stream: 'events', ackedSeq: 240 }] });
      // The cloud tells how far it is, also when it has compared only a part of that.
      if (kind === 'batch') cloud.ack({ ackedSeq: Math.max(240, lastSent(cloud)) });
    };
    link.poke();
    await poll(() => ledger.backlog()).toBe(0);
    expect(sentSeqs(cloud)).toEqual(numbers);
  });

  test('SY-01 after a lost connection nothing but the batch whose acknowledgement was lost comes twice', async () => {
    const { cloud, ledger, link } = await rig();
    const numbers = Array.from({ length: 450 }, (_, i) => i + 1);
    ledger.commit(alarms(...numbers), at);
    let answers = 0;
    cloud.onHeard = (kind) => {
      const ackedSeq = lastSent(cloud);
      if (kind === 'hello') cloud.welcome({ cursors: [{ stream: 'events', ackedSeq }] });
      if (kind !== 'batch') return;
      answers += 1;
      if (answers === 2) cloud.dropConnections();
      else cloud.ack();
    };
    link.poke();
    await poll(() => ledger.backlog()).toBe(0);
    const batches = cloud.heard.batch.map(({ records }) => [records[0]?.seq, records.at(-1)?.seq]);
    expect(batches).toEqual([
      [1, 200],
      [201, 400],
      [201, 400],
      [401, 450],
    ]);
  });

  test('SY-01 an acknowledgement that comes over another connection than the batch removes nothing', async () => {
    const { cloud, ledger, link } = await rig();
    await poll(() => link.state).toBe('open');
    cloud.onHeard = () => {};
    ledger.commit(alarms(1), at);
    link.poke();
    await poll(() => cloud.heard.batch.length).toBeGreaterThan(0);
    cloud.onHeard = (kind) => {
      if (kind === 'hello') cloud.ack();
    };
    const hellos = cloud.heard.hello.length;
    cloud.dropConnections();
    await poll(() => cloud.heard.hello.length).toBeGreaterThan(hellos + 1);
    expect(ledger.backlog()).toBe(1);
  });
});

describe('ED-12 the time of the cloud', () => {
  test('is taken between the hello that the welcome answers and the welcome, and can be asked for again', async () => {
    const { cloud, link, cloudTimes } = await rig();
    cloud.onHeard = (kind) => {
      const hello = cloud.heard.hello.at(-1);
      if (kind === 'hello' && hello !== undefined)
        cloud.welcome({ serverWallMs: 77, helloMonoMs: hello.at.monoMs - 5 });
    };
    expect(link.askTime()).toBe(false);
    await poll(() => link.state).toBe('open');
    const told = { serverWallMs: 77, askedMonoMs: at.monoMs - 5, heardMonoMs: at.monoMs };
    expect(cloudTimes.at(-1)).toEqual(told);
    const hellos = cloud.heard.hello.length;
    const times = cloudTimes.length;
    expect(link.askTime()).toBe(true);
    await poll(() => cloudTimes.length).toBeGreaterThan(times);
    expect(cloud.heard.hello.length).toBeGreaterThan(hellos);
    expect(link.state).toBe('open');
  });

  test('an older cloud does not say which hello it answers: it may be the first', async () => {
    const { cloudTimes } = await rig();
    await poll(() => cloudTimes.length).toBeGreaterThan(0);
    expect(cloudTimes[0]).toEqual({ serverWallMs: 0, askedMonoMs: at.monoMs, heardMonoMs: at.monoMs });
  });
});

describe('SY-01 records', () => {
  test('a batch is sent again until the cloud itself acknowledges it: what the broker says does not count', async () => {
    const { cloud, ledger } = await rig();
    cloud.onHeard = (kind) => {
      if (kind === 'hello') cloud.welcome();
    };
    ledger.commit(alarms(1, 2), at);
    await poll(() => cloud.heard.batch.length).toBeGreaterThan(2);
    for (const batch of cloud.heard.batch) expect(batchSchema.parse(batch)).toEqual(cloud.heard.batch[0]);
    expect(ledger.backlog()).toBe(2);
    cloud.onHeard = () => {};
    cloud.ack();
    await poll(() => ledger.backlog()).toBe(0);
    const sent = cloud.heard.batch.length;
    await pause(300);
    expect(cloud.heard.batch).toHaveLength(sent);
  });

  test('a backlog drains in order, in batches that do not overlap', async () => {
    const { cloud, ledger, link } = await rig();
    for (let n = 0; n < 5; n += 1) ledger.commit(alarms(...Array.from({ length: 100 }, (_, i) => 1 + i)), at);
    link.poke();
    await poll(() => ledger.backlog()).toBe(0);
    const seqs = cloud.heard.batch.flatMap((batch) => batch.records.map((record) => record.seq));
    expect([...new Set(seqs)]).toEqual(Array.from({ length: 500 }, (_, i) => i + 1));
    expect(Math.max(...cloud.heard.batch.map((batch) => batch.records.length))).toBe(200);
  });

  test('OP-16 the site hears when its start is known; a record of another store acknowledges nothing', async () => {
    const { cloud, ledger, link, told } = await rig();
    cloud.onHeard = (kind) => {
      if (kind === 'hello') cloud.welcome();
    };
    const session = sessionOn(1);
    ledger.commit(open(session, started(session)), at);
    link.poke();
    await poll(() => cloud.heard.batch.length).toBeGreaterThan(0);
    cloud.ack({ storeEpoch: uuid(5) });
    await pause(100);
    expect(told).toEqual([]);
    cloud.ack();
    await poll(() => told).toEqual(['acknowledged 01']);
  });

  test('XC-05 a refused record is kept aside and said aloud', async () => {
    const { cloud, ledger, link, database, logged } = await rig();
    cloud.onHeard = (kind) => {
      if (kind === 'hello') cloud.welcome();
      if (kind === 'batch') cloud.ack({ refused: [{ seq: 1, code: 'record.refused', detail: 'why' }] });
    };
    ledger.commit({ session: null, records: [alarm(1)] }, at);
    link.poke();
    await poll(() => ledger.backlog()).toBe(0);
    expect(database.prepare('SELECT seq FROM dead_letters').all()).toEqual([{ seq: 1 }]);
    expect(logged.some((line) => line.includes('"level":50') && line.includes('record.refused'))).toBe(true);
  });
});

describe('SY-04 commands', () => {
  test('a command is executed once, however often it comes, and reported as received', async () => {
    const { cloud, link, told, ledger } = await rig();
    await poll(() => link.state).toBe('open');
    for (let i = 0; i < 3; i += 1) cloud.say('command', startCommand());
    cloud.say('command', stopCommand(uuid(9)));
    await poll(() => told).toEqual(['start 01', 'stop 10']);
    await poll(() => ledger.backlog()).toBe(0);
    const reports = cloud.heard.batch.flatMap((batch) => batch.records.map(({ seq, body }) => `${seq} ${body.status}`));
    expect([...new Set(reports)]).toEqual(['1 received', '2 received']);
  });

  test('a cancel that comes before its start: the start is never executed, and fails by name', async () => {
    const { cloud, link, told, ledger } = await rig();
    await poll(() => link.state).toBe('open');
    cloud.say('cancel', { v: 1, commandId: uuid(1) });
    cloud.say('command', startCommand());
    cloud.say('command', startCommand({ commandId: uuid(2) }));
    await poll(() => told).toEqual(['start 02']);
    await poll(() => ledger.backlog()).toBe(0);
    const bodies = cloud.heard.batch.flatMap((batch) => batch.records.map((record) => record.body));
    expect(bodies.filter((body) => body.commandId === uuid(1)).map((body) => [body.status, body.code])).toContainEqual([
      'failed',
      'command.cancelled',
    ]);
  });

  test('a command that the process before it had taken in is not acted on a second time: it is open work', async () => {
    const opened = openLedger();
    opened.ledger.admit(startCommand(), at);
    const { cloud, link, told } = await rig({ opened });
    await poll(() => link.state).toBe('open');
    cloud.say('command', startCommand());
    cloud.say('command', startCommand({ commandId: uuid(2) }));
    await poll(() => told).toEqual(['start 02']);
  });

  test.each([
    ['start', startCommand()],
    ['stop', stopCommand(uuid(9), { commandId: uuid(1) })],
  ])('ED-08 a %s whose commit meets damage after it was stored is acted on, once', async (kind, command) => {
    const opened = openRescued();
    const { cloud, link, told, ledger } = await rig({ opened });
    await poll(() => link.state).toBe('open');
    failOnceAfterCommit(opened.store.database, 'SQLITE_CORRUPT');
    const { storeEpoch } = ledger;
    cloud.say('command', command);
    await poll(() => told).toEqual([`${kind} 01`]);
    expect(ledger.storeEpoch).not.toBe(storeEpoch);
    cloud.say('command', command);
    cloud.say('command', startCommand({ commandId: uuid(2) }));
    await poll(() => told).toEqual([`${kind} 01`, 'start 02']);
  });

  test.each([
    ['start', startCommand(), ['start 01']],
    ['stop', stopCommand(uuid(9), { commandId: uuid(1) }), ['stop 01']],
  ])('ED-08 a %s that is found stored when the file opens again is acted on, once', async (_, command, expected) => {
    const { cloud, link, told, disk } = await doubtfulRig();
    await poll(() => link.state).toBe('open');
    disk.failNextCommit();
    cloud.say('command', command);
    await poll(() => cloud.heard.nack.map(({ code }) => code)).toContain('store.unavailable');
    disk.opens = true;
    cloud.say('command', command);
    cloud.say('command', command);
    await poll(() => told.length).toBeGreaterThan(0);
    await pause(100);
    expect(told).toEqual(expected);
  });

  test('SY-04 a start that nobody has acted on is failed by its cancel, and never executed', async () => {
    const { cloud, link, told, disk, ledger } = await doubtfulRig();
    await poll(() => link.state).toBe('open');
    disk.failNextCommit();
    cloud.say('command', startCommand());
    await poll(() => cloud.heard.nack.map(({ code }) => code)).toContain('store.unavailable');
    disk.opens = true;
    cloud.say('cancel', { v: 1, commandId: uuid(1) });
    cloud.say('command', startCommand());
    cloud.say('command', startCommand({ commandId: uuid(2) }));
    await poll(() => told).toEqual(['start 02']);
    expect(ledger.statusOf(uuid(1))).toBe('failed');
  });

  test('SY-04 of many commands the finished ones are forgotten, and none is acted on twice', async () => {
    const { cloud, link, told, ledger, database } = await rig();
    database.pragma('synchronous = OFF');
    await poll(() => link.state).toBe('open');
    for (let n = 1; n <= 1100; n += 1) {
      cloud.say('command', startCommand({ commandId: uuid(n) }));
      const report = { commandId: uuid(n), sessionId: null, code: null, detail: null };
      if (n % 100 !== 0) continue;
      await poll(() => told).toHaveLength(n);
      for (let done = n - 99; done < n; done += 1)
        ledger.commit(
          { session: null, records: [{ kind: 'command.reported', status: 'done', ...report, commandId: uuid(done) }] },
          at,
        );
    }
    for (const n of [1, 100, 999, 1000, 1100]) cloud.say('command', startCommand({ commandId: uuid(n) }));
    cloud.say('command', startCommand({ commandId: uuid(5000) }));
    await poll(() => told.at(-1)).toBe('start 00');
    await poll(() => told).toHaveLength(1101);
  }, 60_000);

  test('a cancel that comes after is handed on', async () => {
    const { cloud, link, told } = await rig();
    await poll(() => link.state).toBe('open');
    cloud.say('command', startCommand());
    cloud.say('cancel', { v: 1, commandId: uuid(1) });
    await poll(() => told).toEqual(['start 01', 'cancel 01']);
  });

  test('ED-08 a disk that takes no more: a stop is obeyed all the same, a start is not, and nothing dies', async () => {
    const { cloud, link, told, database, ledger } = await rig();
    await poll(() => link.state).toBe('open');
    database.pragma(`max_page_count = ${database.pragma('page_count', { simple: true })}`);
    const untilFull = (store: (n: number) => void) => {
      for (let n = 100; ; n += 1) store(n);
    };
    expect(() => untilFull((n) => ledger.admit(startCommand({ commandId: uuid(n) }), at))).toThrow(/full/);
    expect(() => untilFull(() => ledger.commit(alarms(1), at))).toThrow(/full/);
    cloud.say('command', startCommand({ commandId: uuid(40) }));
    cloud.say('command', stopCommand(uuid(9), { commandId: uuid(50) }));
    await poll(() => told).toEqual(['stop 50']);
    await poll(() => cloud.heard.nack.map((nack) => nack.code)).toEqual(['store.unavailable', 'store.unavailable']);
    database.pragma('max_page_count = 100000');
    for (let times = 0; times < 3; times += 1) cloud.say('command', stopCommand(uuid(9), { commandId: uuid(50) }));
    cloud.say('command', startCommand({ commandId: uuid(41) }));
    await poll(() => told.at(-1)).toBe('start 41');
    expect(told, 'stored nowhere it acts again, and then it is known').toEqual(['stop 50', 'stop 50', 'start 41']);
  });
});

describe('ED-15 documents', () => {
  const text = '{ "version": 7 }';
  const push = { v: 1, documentKind: 'tariffs', version: 7, digest: documentDigest(text), text } as const;

  test('a pushed document is handed on, each time that it comes; one that cannot be read is told back', async () => {
    const { cloud, link, told } = await rig();
    await poll(() => link.state).toBe('open');
    cloud.say('document', push);
    cloud.say('document', push);
    await poll(() => told).toEqual(['document tariffs 7', 'document tariffs 7']);
    cloud.say('document', JSON.stringify({ ...push, digest: 'x' }));
    await poll(() => cloud.heard.nack.length).toBe(1);
    expect(cloud.heard.nack[0]).toMatchObject({ code: 'wire.schema', detail: expect.stringContaining('digest') });
  });

  test('hello tells what is in force, and nothing that only waits', async () => {
    const opened = openLedger();
    const history = withWaiting(withActive([], stored(3, { kind: 'site' })), stored(4, { kind: 'site' }), null);
    opened.ledger.putDocuments({ kind: 'site', put: history, drop: [] }, [], at);
    const { cloud } = await rig({ opened });
    await poll(() => cloud.heard.hello.length).toBeGreaterThan(0);
    const { digest } = stored(3);
    expect(cloud.heard.hello[0]?.documents).toEqual([{ documentKind: 'site', version: 3, digest }]);
  });

  test('SY-07 hello tells which keys are pinned, and what a welcome says of keys is handed on', async () => {
    const { cloud, told } = await rig({ start: false });
    const documentKeys = { text: 'a list', signatures: [] };
    cloud.onHeard = (kind) => kind === 'hello' && cloud.welcome({ documentKeys });
    await cloud.start();
    await poll(() => told).toEqual(['keys a list']);
    expect(cloud.heard.hello[0]?.documentKeyIds).toEqual([KEY_ID]);
  });

  test('SY-07 what could loosen an interlock has no kind: a device profile that is pushed is refused', async () => {
    const { cloud, link, told } = await rig();
    await poll(() => link.state).toBe('open');
    for (const documentKind of ['profile', 'profiles', 'rules'])
      cloud.say('document', JSON.stringify({ ...push, documentKind }));
    await poll(() => cloud.heard.nack.length).toBe(3);
    expect([told, new Set(cloud.heard.nack.map(({ code }) => code))]).toEqual([[], new Set(['wire.schema'])]);
  });
});

describe('XC-08 what cannot be read', () => {
  test.each([
    ['no JSON', '{"v":1', 'wire.not_json', ''],
    ['a wrong type', JSON.stringify({ ...startCommand(), ttlMs: 'soon' }), 'wire.schema', 'ttlMs'],
    [
      'a tariff with a hole',
      JSON.stringify(startCommand({ tariff: { ...startCommand().tariff, bands: [] } })),
      'wire.schema',
      'tariff.bands',
    ],
  ])('%s is answered with a nack that names the path, and the link goes on', async (_, payload, code, path) => {
    const { cloud, link, told } = await rig();
    await poll(() => link.state).toBe('open');
    cloud.say('command', payload);
    await poll(() => cloud.heard.nack.length).toBe(1);
    expect(cloud.heard.nack[0]).toMatchObject({ code, topic: 'pilegate/v1/07/site-1/down/command' });
    expect(cloud.heard.nack[0]?.detail).toContain(path);
    cloud.say('command', startCommand());
    await poll(() => told).toEqual(['start 01']);
  });

  test('a nack from the cloud is said aloud', async () => {
    const { cloud, link, logged } = await rig();
    await poll(() => link.state).toBe('open');
    cloud.say('nack', { v: 1, code: 'wire.gap', topic: 'x', detail: 'records 3 to 5 are missing' });
    await poll(() => logged.some((line) => line.includes('wire.gap') && line.includes('"level":50'))).toBe(true);
  });
});

describe('SY-05 the connection', () => {
  test('a broker that dies and comes back at the same address: the site resumes, with a new connection epoch', async () => {
    const { cloud, link, ledger } = await rig();
    await poll(() => link.state).toBe('open');
    await cloud.stop();
    await poll(() => link.state).toBe('down');
    ledger.commit(alarms(1, 2), at);
    link.poke();
    const before = cloud.heard.hello.at(-1)?.connectionEpoch;
    await cloud.start();
    await poll(() => link.state).toBe('open');
    await poll(() => ledger.backlog()).toBe(0);
    const epochs = cloud.heard.hello.map((hello) => hello.connectionEpoch);
    expect(epochs.at(-1)).not.toBe(before);
  });

  test('a broker that is not there at first is waited for', async () => {
    const { cloud, link, ledger } = await rig({ start: false });
    ledger.commit(alarms(1), at);
    await pause(200);
    expect(link.state).toBe('down');
    await cloud.start();
    await poll(() => ledger.backlog()).toBe(0);
  });

  test('the will of a connection carries the epoch of that connection', async () => {
    const { cloud, link } = await rig();
    await poll(() => link.state).toBe('open');
    cloud.dropConnections();
    await poll(() => cloud.heard.presence.length).toBe(1);
    await poll(() => new Set(cloud.heard.hello.map((hello) => hello.connectionEpoch)).size).toBe(2);
    await poll(() => link.state).toBe('open');
    cloud.dropConnections();
    await poll(() => cloud.heard.presence.length).toBe(2);
    const epochs = [...new Set(cloud.heard.hello.map((hello) => hello.connectionEpoch))];
    expect(cloud.heard.presence.map((presence) => presenceSchema.parse(presence).connectionEpoch)).toEqual(
      epochs.slice(0, 2),
    );
    expect(cloud.heard.presence.every((presence) => !presence.online)).toBe(true);
  });
});
