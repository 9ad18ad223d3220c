import { expect, vi } from 'vitest';
import type { Fault } from '../../hardware-sim/faults/fault.ts';
import { expectExact, expectUntouched, type FaultSite, pass, until } from './fault-site.ts';
import { besideAnother, onSite, twoOnOneLine } from './shared-line.ts';

/**
 * Goal: what goes wrong on a serial wire costs polls, never energy, and never a charge that could be watched.
 * Method: the faults of the simulator on real pseudo-terminals, all sites at the same time; its truth is the judge.
 */
vi.setConfig({ maxConcurrency: 30, testTimeout: 80_000 });

const line = (site: FaultSite) => site.edge.line('rtu1').counters;

/** A fault that strikes A a few times: the charge goes on, and what it was counted as is told. */
function costsPolls(
  name: string,
  fault: Fault,
  counted: 'timeouts' | 'crcErrors' | 'mismatches' | 'exceptions',
  times: number,
): void {
  besideAnother(`HS-03 ED-04 ${name}`, async (site) => {
    const before = line(site)[counted];
    site.fault('pile:A', fault);
    await until(`${times} ${counted}`, 10_000, () => line(site)[counted] >= before + times);
    await pass(2500);
    expect(line(site)[counted] - before).toBe(times);
    expect(site.edge.view('A').status).toBe('charging');
    expectUntouched(await site.stop('A'));
  });
}

costsPolls('a damaged checksum costs one poll, and the charge goes on', { kind: 'crc-error', count: 1 }, 'crcErrors', 1);
