import { expect, vi } from 'vitest';
import { expectExact, expectUntouched, type FaultSite, pass, type SiteShape, until } from './fault-site.ts';
import { besideAnother, onSite, twoOnOneLine } from './shared-line.ts';
import type { FaultInput } from './station.ts';

/**
 * Goal: what goes wrong on a network costs polls, never energy, and never a charge that could be watched.
 * Method: the faults of the simulator on real sockets: Modbus TCP, and RTU frames through a gateway to a serial line.
 */
vi.setConfig({ maxConcurrency: 30, testTimeout: 80_000 });

/** Two wall boxes on Modbus TCP, each a host of its own. */
const twoHosts: SiteShape = {
  lines: [
    { lineId: 'tcp1', transport: 'tcp', host: '127.0.0.1', port: 0, turnaroundMs: 3 },
    { lineId: 'tcp2', transport: 'tcp', host: '127.0.0.1', port: 0, turnaroundMs: 3 },
  ],
  piles: [
    { pileId: 'A', model: 'keba-p30', lineId: 'tcp1', unit: 255, initialRegisterWh: 3_451_207.4 },
    { pileId: 'B', model: 'keba-p30', lineId: 'tcp2', unit: 255, initialRegisterWh: 66_873.2 },
  ],
};

const counters = (site: FaultSite) => site.edge.line('tcp1').counters;

/** A fault that strikes A a few times on Modbus TCP: the charge goes on. */
function goesOn(name: string, fault: FaultInput, seen: (site: FaultSite) => number): void {
  besideAnother(
    `HS-03 ED-01 ED-04 ${name}`,
    async (site) => {
      const before = seen(site);
      site.fault('pile:A', fault);
      await until('the fault to be over', 10_000, () => site.station.world.faults.list().length === 0);
      await pass(3500);
      expect(seen(site)).toBeGreaterThan(before);
      expect(site.edge.view('A').status).toBe('charging');
      expectUntouched(await site.stop('A'));
    },
    twoHosts,
  );
}

goesOn('a connection that is dropped is made anew', { kind: 'hang-up', count: 2 }, (site) => counters(site).opened);
goesOn('a late reply is recognised by its transaction', { kind: 'delay', delayMs: 1300, count: 2 }, (site) => {
  const { timeouts } = counters(site);
  return timeouts;
});
goesOn('half a message is no reply', { kind: 'truncate', count: 1 }, (site) => {
  const { timeouts, mismatches } = counters(site);
  return timeouts + mismatches;
});
goesOn('a reply of another unit is not believed', { kind: 'wrong-unit', unit: 1, count: 2 }, (site) => {
  return counters(site).mismatches;
});
goesOn('a reply that lies about its length is not believed', { kind: 'wrong-byte-count', count: 2 }, (site) => {
  return counters(site).mismatches;
});
goesOn('a device that is busy goes on charging', { kind: 'exception', code: 6, count: 2 }, (site) => {
  return counters(site).exceptions;
});
goesOn('replies that come twice are taken once', { kind: 'duplicate-reply', count: 40 }, (site) => {
  return counters(site).strayBytes + counters(site).answers;
});
goesOn('replies in pieces are put together', { kind: 'split', pieces: 4, pauseMs: 10, count: 30 }, (site) => {
  return counters(site).answers;
});

besideAnother(
  'HS-03 ED-01 ED-05.k a host that falls silent: its charge ends as lost, with what flowed',
  async (site) => {
    const fault = site.fault('pile:A', { kind: 'silence' });
    await until('the alarm', 10_000, () => site.edge.alarmCodes('A').includes('communication-lost'));
    await pass(1500);
    site.clear(fault);
    const bill = await site.bill('A');
    expect(bill.cdr).toMatchObject({ stopReason: 'communication-lost', marks: [] });
    expectExact(bill);
  },
  twoHosts,
);

besideAnother(
  'HS-03 ED-01 ED-04 a network that is out for a moment: polled within 3 s, the charge goes on',
  async (site) => {
    const fault = site.fault('line:tcp1', { kind: 'unplugged' });
    await pass(2500);
    expect(site.edge.view('A').status).toBe('offline');
    site.clear(fault);
    await site.status('A', 'charging', 3000);
    await pass(2000);
    expectUntouched(await site.stop('A'));
  },
  twoHosts,
);

const gatewayLine = {
  lineId: 'rtu1',
  transport: 'rtu-over-tcp',
  host: '127.0.0.1',
  port: 0,
  baud: 19_200,
  turnaroundMs: 8,
} as const;
const twoBehindAGateway = twoOnOneLine(gatewayLine);

/** A fault that strikes A's frames on the gateway now and then: both charges go on. */
function survivesGateway(name: string, fault: FaultInput): void {
  besideAnother(
    `HS-03 ED-01 ED-04 ${name}`,
    async (site) => {
      for (let i = 0; i < 3; i += 1) {
        site.fault('pile:A', fault);
        await pass(3000);
      }
      expect(site.station.world.faults.list(), 'every one has struck').toEqual([]);
      expectUntouched(await site.stop('A'));
    },
    twoBehindAGateway,
  );
}

survivesGateway('a reply that a gateway kept beyond its time is not the next one’s', { kind: 'stale-reply', count: 1 });
survivesGateway('a damaged checksum behind a gateway costs a poll', { kind: 'crc-error', count: 1 });
survivesGateway('noise behind a gateway never becomes a value', { kind: 'noise', mode: 'inside', count: 1 });
survivesGateway('a gateway that hands replies over in pieces', { kind: 'split', pieces: 4, pauseMs: 10, count: 4 });
survivesGateway('a gateway that drops the connection', { kind: 'hang-up', count: 1 });

onSite(
  'HS-03 ED-01 ED-04 a gateway that is one reply behind: nothing of it is believed, and the connection is made anew',
  twoBehindAGateway,
  async (site) => {
    await site.charge('A', 'B');
    const { opened } = site.edge.line('rtu1').counters;
    site.fault('pile:A', { kind: 'off-by-one', count: 1 });
    await until('a new connection', 12_000, () => site.edge.line('rtu1').counters.opened > opened);
    for (const pileId of ['A', 'B']) {
      await until('a reading or a record', 12_000, () => {
        return site.edge.view(pileId).status === 'charging' || site.edge.cdr(pileId) !== null;
      });
      const bill = site.edge.cdr(pileId) === null ? await site.stop(pileId) : await site.bill(pileId);
      expect(bill.cdr).toMatchObject({ marks: [], meterEvents: [] });
      expectExact(bill);
    }
  },
);
