import { describe, expect, test, vi } from 'vitest';
import type { Stamp } from '#shared/stamp.ts';
import type { RecordOf } from '#shared/wire/records.ts';
import { startCommand, uuid } from '../control/testing.ts';
import { capOutbox } from './outbox-cap.ts';
import { boundDeadLetters, removeOld } from './retention.ts';
import { alarm, at, closingOf, open, openRescued, sessionOn, started } from './testing.ts';

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
    ledger.acknowledge({ ackedSeq: ledger.headSeq(), refused: [] });
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
    ledger.acknowledge({ ackedSeq: third?.seq ?? 0, refused: [] });
    removeOld(store, later(2000).wallMs, 400 * DAY_MS);
    // The third session still has a record behind its end that the cloud does not have.
    expect(counts()).toEqual([7, 8, 7]);
    ledger.acknowledge({ ackedSeq: ledger.headSeq(), refused: [] });
    removeOld(store, later(2000).wallMs, 400 * DAY_MS);
    expect(counts()).toEqual([0, 0, 0]);
  });

  test('SY-04 a command is known for a month at least: it may come again', () => {
    const { ledger, store, counts } = yearOf(1);
    ledger.acknowledge({ ackedSeq: ledger.headSeq(), refused: [] });
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
    ledger.acknowledge({ ackedSeq: ledger.headSeq(), refused: [] });
    // The third was stored when the time was last known to be day 0.
    removeOld(store, later(410).wallMs, 400 * DAY_MS);
    expect(store.row(`SELECT group_concat(substr(cdr_id, -4)) AS ids FROM cdrs`)).toEqual({ ids: '4004' });
    expect(ledger.lastTrustedWallMs()).toBe(later(500).wallMs);
  });

  test('ED-12 the last trusted time is there after a restart', () => {
    const { ledger, store, path } = openRescued();
    ledger.commit({ session: null, records: [alarm(1)] }, later(3));
    ledger.commit({ session: null, records: [alarm(2)] }, { ...later(9), clock: 'doubtful' });
    ledger.acknowledge({ ackedSeq: 1, refused: [] });
    store.close();
    expect(openRescued(path).ledger.lastTrustedWallMs()).toBe(later(3).wallMs);
    expect(openRescued().ledger.lastTrustedWallMs()).toBeNull();
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
    const alarmsAt = before.flatMap((name) => (name.endsWith('alarm.raised') ? [name.split(' ')[0]] : []));
    expect(capOutbox(store, before.length, at)).toBe(0);
    expect(capOutbox(store, before.length - 3, later(1))).toBe(3);
    const [critical, warning, another, last] = alarmsAt;
    const gone = [critical, warning, another];
    expect(kinds()).toEqual(
      before.map((name) => (gone.includes(name.split(' ')[0]) ? name.replace('alarm.raised', 'record.dropped') : name)),
    );
    expect(kinds()).toContain(`${last} alarm.raised`);
    expect(capOutbox(store, 0, at)).toBe(1);
    expect(capOutbox(store, 0, at)).toBe(0);
    expect(ledger.nextBatch(ALL)?.records.find(({ seq }) => String(seq) === critical)?.body).toEqual({
      kind: 'record.dropped',
      droppedKind: 'alarm.raised',
      reason: 'outbox-full',
      at: later(1),
    });
  });

  test('XC-05 refused records are bounded and counted, but for those of charges', () => {
    const { ledger, store } = openRescued();
    const session = sessionOn(1);
    ledger.commit(open(session, started(session)), at);
    ledger.commit({ session: null, records: Array.from({ length: 1500 }, (_, i) => alarm(i + 1)) }, at);
    const refused = Array.from({ length: 1501 }, (_, i) => ({ seq: i + 1, code: 'record.refused', detail: '' }));
    ledger.acknowledge({ ackedSeq: 1501, refused });
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
