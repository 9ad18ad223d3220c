import { describe, expect, test, vi } from 'vitest';
import type { Stamp } from '#shared/stamp.ts';
import { type RecordOf, recordBodySchema } from '#shared/wire/records.ts';
import { startCommand, uuid } from '../control/testing.ts';
import { capOutbox } from './outbox-cap.ts';
import { boundDeadLetters, removeOld } from './retention.ts';
import { acknowledge, alarm, at, closingOf, open, openRescued, sessionOn, started } from './testing.ts';

// Every commit is synced to a disk that others may keep busy.
vi.setConfig({ testTimeout: 60_000 });

const DAY_MS = 86_400_000;
const later = (days: number, change: Partial<Stamp> = {}): Stamp => ({
  ...at,
  wallMs: at.wallMs + days * DAY_MS,
  ...change,
});
const ALL = { records: 5000, bytes: 1e9 };

/** A charge per day, from day 0 on. */
function yearOf(charges: number) {
  const rig = openRescued();
  for (let n = 0; n < charges; n += 1) {
    const closing = closingOf(n + 1);
    rig.ledger.admit(startCommand({ commandId: uuid(1001 + n) }), later(n));
    const done = { commandId: uuid(1001 + n), sessionId: null, code: null, detail: null, status: 'done' } as const;
    rig.ledger.commit(open(closing.session?.session ?? sessionOn(n), { kind: 'command.reported', ...done }), later(n));
    rig.ledger.commit(closing, later(n));
  }
  const count = (table: string) => Number(rig.store.row(`SELECT count(*) AS n FROM ${table}`)?.n);
  const counts = () => [count('cdrs'), count('sessions'), count('inbox')];
  return { ...rig, count, counts };
}

describe('ED-11 what is done with is removed after a time', () => {
  test('charges that the cloud has, and commands; nothing before its time', () => {
    const { ledger, store, counts } = yearOf(50);
    acknowledge(ledger, ledger.headSeq());
    expect(removeOld(store, later(399).wallMs, 400 * DAY_MS)).toBe(0);
    expect(removeOld(store, later(410).wallMs, 400 * DAY_MS)).toBe(30);
    expect(counts()).toEqual([40, 40, 40]);
    removeOld(store, later(2000).wallMs, 400 * DAY_MS);
    expect(counts()).toEqual([0, 0, 0]);
  });

  test('never what the cloud has not acknowledged, however old', () => {
    const { ledger, store, counts } = yearOf(10);
    const records = ledger.nextBatch(ALL)?.records ?? [];
    const third = records.filter(({ body }) => body.kind === 'session.ended')[2];
    acknowledge(ledger, third?.seq ?? 0);
    removeOld(store, later(2000).wallMs, 400 * DAY_MS);
    // The third session still has a record behind its end that the cloud does not have.
    expect(counts()).toEqual([7, 8, 7]);
    acknowledge(ledger, ledger.headSeq());
    removeOld(store, later(2000).wallMs, 400 * DAY_MS);
    expect(counts()).toEqual([0, 0, 0]);
  });

  test('SY-04 a command is known for a month at least: it may come again', () => {
    const { ledger, store, counts } = yearOf(1);
    acknowledge(ledger, ledger.headSeq());
    removeOld(store, later(29).wallMs, DAY_MS);
    expect(counts()).toEqual([0, 0, 1]);
    expect(ledger.admit(startCommand({ commandId: uuid(1001) }), later(29))).toBe('known');
    removeOld(store, later(32).wallMs, DAY_MS);
    expect(counts()).toEqual([0, 0, 0]);
  });

  test('ED-12 a row that was stored when nobody knew the time goes with the next one that has a time', () => {
    const { ledger, store } = openRescued();
    const noClock = { ...at, wallMs: 5, clock: 'none' as const };
    for (const [n, stamp] of [noClock, later(0), noClock, later(500)].entries()) {
      const closing = closingOf(n + 1);
      ledger.commit(open(closing.session?.session ?? sessionOn(1)), stamp);
      ledger.commit(closing, stamp);
    }
    acknowledge(ledger, ledger.headSeq());
    // The third was stored when the time was last known to be day 0.
    removeOld(store, later(410).wallMs, 400 * DAY_MS);
    expect(store.row(`SELECT group_concat(substr(cdr_id, -4)) AS ids FROM cdrs`)).toEqual({ ids: '4004' });
    expect(ledger.lastTrusted()?.wallMs).toBe(later(500).wallMs);
  });

  test('ED-12 what was stored while the time was trusted and years ahead holds nothing back, and dates nothing else', () => {
    const { ledger, store } = openRescued();
    for (const [n, stamp] of [later(0), later(5 * 365), later(1), later(2)].entries()) {
      const closing = closingOf(n + 1);
      ledger.commit(open(closing.session?.session ?? sessionOn(1)), stamp);
      ledger.commit(closing, stamp);
    }
    acknowledge(ledger, ledger.headSeq());
    const left = () => store.row(`SELECT group_concat(substr(cdr_id, -4)) AS ids FROM cdrs`);
    removeOld(store, later(400.5).wallMs, 400 * DAY_MS);
    // The second may be as young as the third.
    expect(left()).toEqual({ ids: '4002,4003,4004' });
    removeOld(store, later(401.5).wallMs, 400 * DAY_MS);
    expect(left()).toEqual({ ids: '4004' });
  });

  test('ED-12 a trusted time that turns out to have been years ahead is taken back when the cloud tells the time', () => {
    const { ledger, store, path } = openRescued();
    ledger.commit({ session: null, records: [alarm(1)] }, later(5 * 365));
    ledger.commit({ session: null, records: [alarm(2)] }, later(1));
    expect(ledger.lastTrusted()?.wallMs).toBe(later(5 * 365).wallMs);
    ledger.timeIsConfirmed(later(1));
    expect(ledger.lastTrusted()?.wallMs).toBe(later(1).wallMs);
    ledger.commit({ session: null, records: [alarm(3)] }, { ...later(9), clock: 'none' });
    store.close();
    expect(openRescued(path).ledger.lastTrusted()?.wallMs).toBe(later(1).wallMs);
  });

  test('ED-12 the last trusted time is there after a restart', () => {
    const { ledger, store, path } = openRescued();
    ledger.commit({ session: null, records: [alarm(1)] }, later(3));
    ledger.commit({ session: null, records: [alarm(2)] }, { ...later(9), clock: 'doubtful' });
    acknowledge(ledger, 1);
    store.close();
    expect(openRescued(path).ledger.lastTrusted()?.wallMs).toBe(later(3).wallMs);
    expect(openRescued().ledger.lastTrusted()).toBeNull();
  });

  test('ED-12 of which boot it was is there as well, from the first commit of the boot on', () => {
    const { ledger, store, path } = openRescued();
    ledger.commit({ session: null, records: [alarm(1)] }, later(3));
    const rebooted = { ...at, wallMs: later(3).wallMs + 60_000, monoMs: 20, bootId: uuid(901) };
    ledger.commit({ session: null, records: [alarm(2)] }, rebooted);
    store.close();
    const { clock: _, ...boot } = rebooted;
    expect(openRescued(path).ledger.lastTrusted()).toEqual({ wallMs: rebooted.wallMs, boot });
  });

  test('ED-12 a clock that the cloud has put right within a boot is kept as it is since', () => {
    const { ledger, store, path } = openRescued();
    ledger.commit({ session: null, records: [alarm(1)] }, at);
    const right = { ...at, wallMs: at.wallMs - 5000 };
    ledger.timeIsConfirmed(right);
    ledger.commit({ session: null, records: [alarm(2)] }, right);
    store.close();
    expect(openRescued(path).ledger.lastTrusted()).toMatchObject({ wallMs: right.wallMs, boot: { monoMs: at.monoMs } });
  });

  test('ED-12 what is later than the moment that is known of a boot is of an unknown one', () => {
    const { ledger } = openRescued();
    ledger.commit({ session: null, records: [alarm(1)] }, later(5));
    ledger.commit({ session: null, records: [alarm(2)] }, later(1));
    expect(ledger.lastTrusted()).toEqual({ wallMs: later(5).wallMs, boot: null });
  });
});

describe('ED-11 the outbox of a site that is offline', () => {
  const severe = (n: number, severity: 'warning' | 'critical'): RecordOf<'alarm.raised'> => ({ ...alarm(n), severity });

  test('only alarms give way, warnings first, each in its place; what belongs to a charge stays', () => {
    const { ledger, store } = openRescued();
    const session = sessionOn(1);
    const closing = closingOf(2);
    ledger.admit(startCommand(), at);
    ledger.commit(open(session, severe(1, 'critical'), severe(2, 'warning'), started(session)), at);
    ledger.commit({ session: null, records: [severe(3, 'warning'), severe(4, 'critical')] }, at);
    ledger.commit(closing, at);
    const kinds = () => (ledger.nextBatch(ALL)?.records ?? []).map(({ seq, body }) => `${seq} ${body.kind}`);
    const before = kinds();
    expect(capOutbox(store, before.length, at)).toBe(0);
    expect(capOutbox(store, before.length - 3, later(1))).toBe(3);
    expect(before.slice(1, 6).map((name) => name.split(' ')[1])).toEqual([
      'alarm.raised',
      'alarm.raised',
      'session.started',
      'alarm.raised',
      'alarm.raised',
    ]);
    expect(kinds()).toEqual([
      before[0],
      '3 record.dropped',
      '4 session.started',
      '5 record.dropped',
      '6 alarm.raised',
      ...before.slice(6),
    ]);
    const dropped = (seq: number) => ledger.nextBatch(ALL)?.records.find((record) => record.seq === seq)?.body;
    const body = { kind: 'record.dropped', droppedKind: 'alarm.raised', reason: 'outbox-full', at: later(1) };
    expect([dropped(3), dropped(5)]).toEqual([{ ...body, count: 2 }, body]);
    expect(capOutbox(store, 0, later(2))).toBe(1);
    expect(capOutbox(store, 0, at)).toBe(0);
    expect(dropped(6)).toEqual({ ...body, count: 2, at: later(2) });
    expect(ledger.headSeq()).toBe(Number(before.at(-1)?.split(' ')[0]));
  });

  test('the cap bounds rows: all that give way between two that stay are one row, whatever the order in which they go', () => {
    const { ledger, store } = openRescued();
    const session = sessionOn(1);
    const many = (from: number) =>
      Array.from({ length: 2000 }, (_, i) => severe(from + i, i % 2 === 0 ? 'critical' : 'warning'));
    ledger.commit({ session: null, records: many(1) }, at);
    ledger.commit(open(session, started(session)), at);
    ledger.commit({ session: null, records: many(2001) }, at);
    for (let dropped = capOutbox(store, 10, at); dropped > 0; ) dropped = capOutbox(store, 10, at);
    const records = ledger.nextBatch(ALL)?.records ?? [];
    expect(records.map(({ seq, body }) => [seq, body.kind, body.count])).toEqual([
      [2000, 'record.dropped', 2000],
      [2001, 'session.started', undefined],
      // The youngest critical ones stay.
      [3983, 'record.dropped', 1982],
      ...Array.from({ length: 9 }, (_, i) => [
        [3984 + 2 * i, 'alarm.raised', undefined],
        [3985 + 2 * i, 'record.dropped', undefined],
      ]).flat(),
    ]);
    for (const { body } of records) expect(recordBodySchema.parse(body)).toEqual(body);
  });

  test('an acknowledgement of the first ones that were dropped leaves the record that tells of them all', () => {
    const { ledger, store } = openRescued();
    ledger.commit({ session: null, records: [1, 2, 3, 4].map((n) => alarm(n)) }, at);
    while (capOutbox(store, 1, at) > 0);
    acknowledge(ledger, 2);
    expect(ledger.nextBatch(ALL)?.records.map(({ seq, body }) => [seq, body.kind, body.count])).toEqual([
      [3, 'record.dropped', 3],
      [4, 'alarm.raised', undefined],
    ]);
  });

  test('XC-05 refused records are bounded and counted, but for those of charges', () => {
    const { ledger, store } = openRescued();
    const session = sessionOn(1);
    ledger.commit(open(session, started(session)), at);
    ledger.commit({ session: null, records: Array.from({ length: 1500 }, (_, i) => alarm(i + 1)) }, at);
    const refused = Array.from({ length: 1501 }, (_, i) => ({ seq: i + 1, code: 'record.refused', detail: '' }));
    acknowledge(ledger, 1501, refused);
    expect([boundDeadLetters(store), boundDeadLetters(store)]).toEqual([500, 0]);
    expect(store.row(`SELECT count(*) AS n, min(seq) AS first FROM dead_letters`)).toEqual({ n: 1001, first: 1 });
    expect(store.row(`SELECT value FROM meta WHERE key = 'dead_letters_dropped'`)).toEqual({ value: '500' });
    expect(ledger.openWork(at).sessions[0]?.acknowledged).toBe(false);
  });
});

describe('ED-22 ED-24 ED-20 ED-21 what a site remembers beside its charges', () => {
  test('devices, service and latched inputs come back as they were stored last', () => {
    const { ledger, store, path } = openRescued();
    const device = { serialNumber: 'S1', firmware: '1.2', meterId: null, registerWh: 5 };
    const service = { disabledBy: 'anna', failedStarts: 2 };
    const nothing = { session: null, records: [] };
    ledger.commit({ ...nothing, device: { connectorId: 'A', device: { ...device, firmware: '1.1' } } }, at);
    ledger.commit({ ...nothing, device: { connectorId: 'A', device }, service: { connectorId: 'B', service } }, at);
    for (const inputId of ['fire', 'door']) ledger.commit({ ...nothing, inputs: { inputId, latched: true } }, at);
    ledger.commit({ ...nothing, inputs: { inputId: 'door', latched: false } }, at);
    store.close();
    const work = openRescued(path).ledger.openWork(at);
    expect([...work.devices]).toEqual([['A', device]]);
    expect([...work.service]).toEqual([['B', service]]);
    expect(work.inputs).toEqual(['fire']);
  });

  test('the last ten versions of the rules; one that takes the place of those rolled back forgets them', () => {
    const { ledger } = openRescued();
    for (let version = 1; version <= 12; version += 1) ledger.putRules(version, { rules: version });
    const versions = () => ledger.rules().map(({ version, isActive }) => (isActive ? `[${version}]` : `${version}`));
    expect(versions()).toEqual(['[12]', '11', '10', '9', '8', '7', '6', '5', '4', '3']);
    ledger.putRules(10, { rules: 10 });
    expect(versions()).toEqual(['12', '11', '[10]', '9', '8', '7', '6', '5', '4', '3']);
    ledger.putRules(13, { rules: 13 });
    expect(versions()).toEqual(['[13]', '10', '9', '8', '7', '6', '5', '4', '3']);
    expect(ledger.rules()[1]?.document).toEqual({ rules: 10 });
  });
});
