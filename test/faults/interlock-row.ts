import { expect } from 'vitest';
import { type FaultCode, faultCatalogue } from '#shared/faults.ts';
import type { Cdr } from '#shared/wire/cdr.ts';
import type { Rung } from '../../edge/control/stop-ladder.ts';
import { processClock } from '../../hardware-sim/line/real-time.ts';
import { expectExact, type FaultSite, type SiteShape, until } from './fault-site.ts';
import { besideAnother, twoOnOneLine } from './shared-line.ts';
import type { FaultInput } from './station.ts';

/** A poll is due every second; the one that was under way when the fault came does not show it yet. */
export const SEEN_WITHIN_MS = 2500;
const LONGEST_ROW_MS = 100_000;
/** So many steps of the register have flowed before anything happens. */
const STEPS_BEFORE = 2;

/** One way in which an interlock is tripped at a pile that charges, and what must come of it. */
export interface Row {
  readonly what: string;
  /** Where; two Heidelberg boxes on one serial line when left out. */
  readonly on?: SiteShape;
  readonly faults: readonly FaultInput[];
  readonly code: FaultCode;
  readonly reason?: Cdr['stopReason'];
  readonly rung: Rung;
  /** The pile or the vehicle ends it by itself in this time; when left out, nobody but the edge does. */
  readonly endsItselfWithinMs?: number;
  /** For so long it has to be there before it counts. */
  readonly debounceMs?: number;
  readonly latches?: boolean;
  /** The step of the energy register. */
  readonly stepWh?: number;
  /** The fault hides the proof of the stop: it goes as soon as the contacts are open. */
  readonly hidesProof?: boolean;
}

/**
 * Trips an interlock at pile A and judges by the contacts of the simulator: open within the time to see it and the
 * deadline of the catalogue, and not before it has lasted. Pile B, on the same line, notices nothing.
 */
export function trips(row: Row): void {
  const { what, on = twoOnOneLine(), code, reason = 'fault', rung, latches = false, stepWh = 1 } = row;
  besideAnother(
    what,
    async (site) => {
      await flowed(site, STEPS_BEFORE * stepWh);
      const sinceMs = processClock.monoMs();
      const faultIds = row.faults.map((fault) => site.fault('pile:A', fault));
      const openedMs = await openedAfter(site, sinceMs);
      if (row.hidesProof === true) for (const faultId of faultIds) site.clear(faultId);
      expectInTime(row, openedMs - sinceMs);
      const bill = await site.bill('A', 30_000);
      expect(bill.cdr).toMatchObject({ stopReason: reason, faultCode: code, marks: [], meterEvents: [] });
      expect(bill.alarms).toEqual([code]);
      // One that was stopped hard is disarmed afterwards.
      expect(site.edge.written('A')).toEqual(rung === 'hardStop' ? ['start', rung, 'softStop'] : ['start', rung]);
      expectExact(bill, stepWh);
      expectDead(site);
      expect(site.edge.latches('A'), 'kept until a technician comes').toEqual(latches ? [code] : []);
      if (latches) await refusesAnother(site, code);
    },
    on,
  );
}

/** When the contacts of pile A parted, by the simulator: how long after `sinceMs` on its clock. */
export async function openedAfter(site: FaultSite, sinceMs: number): Promise<number> {
  const event = await until('open contacts', LONGEST_ROW_MS, () =>
    site.truth('A').contactorEvents.find(({ closed, monoMs }) => !closed && monoMs >= sinceMs),
  );
  return event.monoMs;
}

/** Waits until `energyWh` have flowed at pile A. */
export const flowed = (site: FaultSite, energyWh: number): Promise<true> =>
  until(`${energyWh} Wh`, LONGEST_ROW_MS, () => site.truth('A').energyTruthWh > energyWh);

function expectInTime({ code, endsItselfWithinMs, debounceMs = 0 }: Row, tookMs: number): void {
  if (endsItselfWithinMs !== undefined) {
    expect(tookMs).toBeLessThanOrEqual(endsItselfWithinMs);
    return;
  }
  expect(tookMs, 'it has lasted').toBeGreaterThanOrEqual(debounceMs);
  expectByDeadline(code, tookMs - debounceMs);
}

/** The stop came within the deadline of its fault, counted from when it could be seen. */
export function expectByDeadline(code: FaultCode, tookMs: number): void {
  const { deadlineMs } = faultCatalogue[code];
  expect(deadlineMs, 'it has a deadline').toBeGreaterThan(0);
  expect(tookMs, 'by its deadline').toBeLessThanOrEqual(SEEN_WITHIN_MS + deadlineMs);
}

export function expectDead(site: FaultSite): void {
  const { contactorClosed, powerW } = site.truth('A');
  expect({ contactorClosed, powerW }).toEqual({ contactorClosed: false, powerW: 0 });
}

/** The next start is refused because of what is latched, and the contacts stay as they are. */
async function refusesAnother(site: FaultSite, code: FaultCode): Promise<void> {
  site.edge.start('A');
  await until('a refusal', 5000, () => site.edge.refusals().length > 0);
  expect(site.edge.failures()).toEqual([`connector.faulted: latched until a technician resets: ${code}`]);
  expectDead(site);
}
