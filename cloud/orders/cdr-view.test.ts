import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { CdrRow } from '../db/schema.ts';
import { cdrView } from './cdr-view.ts';
import { cdrViewSchema } from './schemas.ts';

const golden = join(import.meta.dirname, '..', '..', 'shared', 'wire', 'fixtures', 'v1');

/** A golden record as it lies in the database. */
function rowOf(name: string): CdrRow {
  const { cdr } = JSON.parse(readFileSync(join(golden, `${name}.json`), 'utf8'));
  return {
    cdr_id: cdr.cdrId,
    site_id: cdr.siteId,
    session_id: cdr.sessionId,
    order_id: cdr.sessionId,
    document: JSON.stringify(cdr),
    document_sha256: '',
    rerated: null,
    received_at_ms: 0,
  };
}

test('ED-13 a partner sees every mark and what the meter did, with its raw counts', () => {
  const view = cdrViewSchema.parse(cdrView(rowOf('record-session-ended-meter-events')));
  expect(view).toMatchObject({ energy_wh: 270, raw_start_wh: 999_990, raw_end_wh: 90_100, meter_events_left_out: 2 });
  expect(view.marks).toContain('meter-replaced');
  expect(view.meter_events).toHaveLength(8);
  expect(view.meter_events[2]).toEqual({
    at: '2026-03-01T23:33:20.000Z',
    kind: 'missing',
    from_raw_wh: 60,
    to_raw_wh: null,
    credited_wh: 0,
  });
  const told = JSON.parse(rowOf('record-session-ended-meter-events').document).meterEvents;
  const credited = told.map((event: { creditedWh: number }) => event.creditedWh);
  expect(credited.some((wh: number) => wh > 0)).toBe(true);
  expect(view.meter_events.map((event) => event.credited_wh)).toEqual(credited);
});

test('ED-13 a record from an older edge has no raw counts, and null is never zero', () => {
  const view = cdrViewSchema.parse(cdrView(rowOf('record-session-ended-void')));
  expect(view).toMatchObject({ raw_start_wh: null, raw_end_wh: null, meter_events: [], meter_events_left_out: 0 });
  expect(view.marks).toContain('register-implausible');
});

test('OP-17 OP-19 a partner sees what has ended a charge, how long it and its reservation lasted, and from when to when', () => {
  const row = rowOf('record-session-ended-meter-events');
  const { reservation: _none, ...cdr } = JSON.parse(row.document);
  const viewOf = (change: object) =>
    cdrViewSchema.parse(cdrView({ ...row, document: JSON.stringify({ ...cdr, ...change }) }));
  expect(viewOf({ stopReason: 'target-reached', target: 'soc', faultCode: null })).toMatchObject({
    stop_reason: 'target-reached',
    target: 'soc',
    fault_code: null,
    reserved_ms: null,
    duration_ms: cdr.durationMs,
    started_at: new Date(cdr.startedAt.wallMs).toISOString(),
    ended_at: new Date(cdr.endedAt.wallMs).toISOString(),
    void_reason: null,
  });
  expect(viewOf({ stopReason: 'fault', faultCode: 'over-temperature', reservation: { heldMs: 61_000 } })).toMatchObject(
    {
      stop_reason: 'fault',
      target: null,
      fault_code: 'over-temperature',
      reserved_ms: 61_000,
    },
  );
  expect(viewOf({ stopReason: 'not-confirmed', voidReason: 'cancelled' }).void_reason).toBe('cancelled');
});
