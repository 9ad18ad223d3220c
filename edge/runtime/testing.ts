import { pino } from 'pino';
import { rtuFraming } from '../bus/framing.ts';
import { Line } from '../bus/line.ts';
import { frame, hexOf, ManualTime, MemoryStream } from '../bus/testing.ts';
import { type LedgerTransaction, newConnector } from '../control/connector.ts';
import type { Session } from '../control/session.ts';
import { facts, uuid } from '../control/testing.ts';
import { loadProfiles, packagedProfiles } from '../devices/load-profiles.ts';
import { PileDriver } from '../devices/pile-driver.ts';
import type { Profile } from '../devices/profile.ts';
import { ConnectorLoop } from './connector-loop.ts';

const REPLY_MS = 20;

/** A wall box on a line in memory: it delivers when it is unlocked, told a current, and a vehicle is there. */
export class FakePile {
  isPlugged = true;
  registerWh = 50_000;
  temperatureDc = 300;
  deafToReads = false;
  deafToWrites = false;
  refusesWrites = false;
  readonly holding = new Map<number, number>([
    [259, 0],
    [261, 0],
  ]);
  /** "261=160": what was written, in order. */
  readonly written: { atMs: number; what: string }[] = [];
  reads = 0;
  readonly #time: ManualTime;

  constructor(time: ManualTime, stream: MemoryStream) {
    this.#time = time;
    stream.onWrite = (bytes) => {
      const reply = this.#answer(bytes);
      if (reply !== null) time.after(REPLY_MS, () => stream.receive(frame(reply)));
    };
  }

  get isCharging(): boolean {
    return this.isPlugged && this.holding.get(259) === 1 && (this.holding.get(261) ?? 0) >= 60;
  }

  #answer(request: Uint8Array): string | null {
    const [unit = 0, functionCode = 0, high = 0, low = 0, valueHigh = 0, valueLow = 0] = request;
    if (functionCode === 4) {
      this.reads += 1;
      return this.deafToReads ? null : `${hexOf(Uint8Array.of(unit, 4, 28))}${this.#inputs()}`;
    }
    this.written.push({ atMs: this.#time.monoMs(), what: `${(high << 8) + low}=${(valueHigh << 8) + valueLow}` });
    if (this.deafToWrites) return null;
    if (this.refusesWrites) return hexOf(Uint8Array.of(unit, functionCode | 0x80, 4));
    this.holding.set((high << 8) + low, (valueHigh << 8) + valueLow);
    return hexOf(request.subarray(0, 6));
  }

  #inputs(): string {
    const tenths = this.isCharging ? (this.holding.get(261) ?? 0) : 0;
    if (this.isCharging) this.registerWh += 3;
    const state = this.isCharging ? 7 : this.isPlugged ? 5 : 3;
    const { registerWh: wh } = this;
    const words = [state, tenths, tenths, tenths, this.temperatureDc, 230, 230, 230, 1, tenths * 69];
    const all = [...words, 0, 0, Math.floor(wh / 65_536), wh % 65_536];
    return all.map((word) => word.toString(16).padStart(4, '0')).join('');
  }
}

export interface LoopOptions {
  readonly watchdog?: Profile['watchdog'];
  readonly session?: Session | null;
  /** What the ledger does with a transaction; it stores by default. */
  readonly store?: (transaction: LedgerTransaction) => Promise<void>;
}

/** A loop with everything real but the wire, the disk and the time. */
export function loopRig(options: LoopOptions = {}) {
  const base = loadProfiles(packagedProfiles).get('heidelberg-energy-control');
  if (base === undefined) throw new Error('no profile');
  const profile: Profile = options.watchdog === undefined ? base : { ...base, watchdog: options.watchdog };
  const time = new ManualTime();
  const stream = new MemoryStream(time);
  const pile = new FakePile(time, stream);
  const parts = { lineId: 'L1', stream, framing: rtuFraming(), silenceMs: 2, clock: time, timers: time, tap: () => {} };
  const line = new Line(parts);
  const stored: LedgerTransaction[] = [];
  const logged: { level: number; msg: string }[] = [];
  const stamp = () => ({
    wallMs: time.wallMs(),
    monoMs: Math.floor(time.monoMs()),
    bootId: uuid(900),
    clock: 'trusted' as const,
  });
  let ids = 100;
  const loop = new ConnectorLoop({
    facts,
    driver: new PileDriver(profile, { line, unit: 1 }),
    initial: newConnector(options.session ?? null, [], stamp()),
    clock: time,
    timers: time,
    stamp,
    newId: () => {
      ids += 1;
      return uuid(ids);
    },
    bandChanged: () => false,
    log: pino({ level: 'info' }, { write: (text: string) => logged.push(JSON.parse(text)) }),
    commit: async (transaction) => {
      await options.store?.(transaction);
      stored.push(transaction);
    },
    onChange: () => {},
  });
  /** Ends the loop; what is under way on the line needs time to end. */
  const end = async (): Promise<void> => {
    const ended = loop.stop();
    await time.pass(5000);
    await ended;
  };
  const recordsStored = () => stored.flatMap((transaction) => transaction.records.map(nameOf));
  return { time, stream, pile, line, loop, stored, recordsStored, logged, end };
}

const nameOf = (record: LedgerTransaction['records'][number]): string =>
  record.kind === 'command.reported' ? `${record.status}${record.code === null ? '' : ` ${record.code}`}` : record.kind;
