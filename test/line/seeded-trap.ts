import type { DeviceTiming } from '../../edge/bus/exchange.ts';
import type { OpenedLine } from '../../edge/bus/open-line.ts';
import { type Random, randomBytes, seededRandom } from '../../hardware-sim/faults/random.ts';
import type { Slave } from '../../hardware-sim/line/slave.ts';
import { NO_EFFECTS, type WireEffects } from '../../hardware-sim/line/wire-damage.ts';
import { type RtuSettings, simulatedLine, slaveOf, tellingDevice, wordsAt } from './simulated-line.ts';

/** What one run of the trap is made of; everything in it is drawn from its seed. */
export interface TrapSettings {
  readonly seed: number;
  readonly transport: 'serial' | 'rtu-over-tcp';
  /** Faults that may strike: each run draws some of them. */
  readonly faults: readonly TrapFault[];
}

/** A line between the edge and the simulator, and the time that it lives in. */
export interface TrapLine extends OpenedLine {
  /** Lets time pass. */
  pass(ms: number): Promise<void>;
  /** Settles when so much time has passed; somebody else lets it. */
  pause(ms: number): Promise<void>;
  close(): Promise<void>;
}

export interface TrapWorld {
  open(settings: RtuSettings, slave: Slave): Promise<TrapLine>;
  readonly faultsMs: number;
  /** How long every block may take to be read again; 0 when that is not looked at. */
  readonly recoveryMs: number;
}

/** A silent device is probed within 25 s, and its barrier may need another turn. */
const RECOVERY_MS = 60_000;

/** Simulated time: a run of a minute takes milliseconds. */
export const simulatedWorld: TrapWorld = {
  faultsMs: 5000,
  recoveryMs: RECOVERY_MS,
  open(settings, slave) {
    const { line, modbus, time } = simulatedLine(settings, slave);
    return Promise.resolve({
      line,
      modbus,
      pass: (ms) => time.pass(ms),
      pause: (ms) => new Promise<void>((resolve) => time.after(ms, resolve)),
      close: () => line.close(),
    });
  },
};

export const trapFaults = [
  'late',
  'silence',
  'crc',
  'noise',
  'truncate',
  'split',
  'exception',
  'stale',
  'off-by-one',
  'duplicate',
] as const;
export type TrapFault = (typeof trapFaults)[number];

export interface TrapResult {
  readonly answers: number;
  readonly failures: number;
  /** Answers whose words are those of other registers. */
  readonly wrong: readonly string[];
  /** Blocks that were not read again in the time after the faults. */
  readonly lost: readonly string[];
}

const timing: DeviceTiming = { gapMs: 0, responseTimeoutMs: 60, slowestReplyMs: 150 };
const UNITS = [1, 2, 3];
/** Two functions, and of each several blocks of equal length: what only the address tells apart. */
const BLOCKS = [
  { fc: 4, address: 100, count: 6 },
  { fc: 4, address: 200, count: 6 },
  { fc: 3, address: 300, count: 6 },
  { fc: 4, address: 400, count: 1 },
  { fc: 3, address: 500, count: 6 },
  { fc: 4, address: 600, count: 1 },
] as const;
const SPARED_PAUSE_MS = 500;

const pick = <Item>(random: Random, items: readonly Item[]): Item => items[Math.floor(random() * items.length)] as Item;

/** What a fault does to one exchange; late ones come before or after the slowest answer that the profile promises. */
function effectOf(fault: TrapFault, random: Random): Partial<WireEffects> {
  switch (fault) {
    case 'late':
      return { extraDelayMs: random() * (random() < 0.5 ? 150 : 900) };
    case 'silence':
      return { silent: true };
    case 'crc':
      return { crcError: true };
    case 'noise':
      return {
        noise: { where: pick(random, ['before', 'inside', 'after']), bytes: randomBytes(random, 4), at: random() },
      };
    case 'truncate':
      return { keepBytes: 'half' };
    case 'split':
      return { split: { pieces: 2 + Math.floor(random() * 3), pauseMs: random() * 30 } };
    case 'exception':
      return { exceptionCode: pick(random, [2, 4, 6, 11]), extraDelayMs: random() < 0.5 ? 0 : random() * 400 };
    case 'stale':
      return { stale: true };
    case 'off-by-one':
      return { offByOne: true };
    case 'duplicate':
      return { duplicate: true };
  }
}

/** How a device takes a read that is not of its own: gladly, by a refusal, or not at all. */
type Manner = 'open' | 'strict' | 'deaf';
const isOwn = (fc: number, address: number, count: number) =>
  BLOCKS.some((block) => block.fc === fc && block.address === address && block.count === count);

/** Polls every block of several units for a while under faults, then without, and compares every word. */
export async function runTrap(
  { seed, transport, faults }: TrapSettings,
  { open, faultsMs, recoveryMs }: TrapWorld = simulatedWorld,
): Promise<TrapResult> {
  const random = seededRandom(seed);
  const drawn = faults.filter(() => random() < 0.5);
  const strength = random() * 0.4;
  const manners = new Map<number, Manner>(UNITS.map((unit) => [unit, pick(random, ['open', 'strict', 'deaf'])]));
  let isFaulty = true;

  const devices = new Map(
    UNITS.map((unit) => [unit, tellingDevice(unit, manners.get(unit) === 'open' ? () => true : isOwn)]),
  );
  const slave = slaveOf(devices, (unit, functionCode) => {
    if (manners.get(unit) === 'deaf' && functionCode < 3) return { ...NO_EFFECTS, silent: true };
    if (!isFaulty || drawn.length === 0 || random() >= strength) return NO_EFFECTS;
    return { ...NO_EFFECTS, ...effectOf(pick(random, drawn), random) };
  });
  const baud = pick(random, [9600, 19_200, 115_200]);
  const settings = { transport, baud, turnaroundMs: 5, replyTimeoutMs: pick(random, [100, 1000]) };
  const { modbus, pass, pause, close } = await open(settings, slave);

  const result = { answers: 0, failures: 0, wrong: [] as string[], lost: [] as string[] };
  const missing = new Set<string>();
  let isOver = false;

  async function pollUnit(unit: number): Promise<void> {
    while (!isOver) {
      for (const block of BLOCKS) {
        if (isOver) return;
        const { fc, address, count } = block;
        const name = `unit ${unit} fc ${fc} at ${address}`;
        try {
          const words = await modbus.request({ unit, priority: 'poll', request: block, timing });
          result.answers += 1;
          if (words.join(' ') === wordsAt(unit, fc, address, count)) missing.delete(name);
          else result.wrong.push(`${name}: ${words.join(' ')}`);
        } catch {
          result.failures += 1;
          await pause(random() * (isFaulty ? 200 : SPARED_PAUSE_MS));
        }
      }
    }
  }

  const polls = UNITS.map(pollUnit);
  await pass(faultsMs);
  isFaulty = false;
  if (recoveryMs > 0)
    for (const unit of UNITS) for (const { fc, address } of BLOCKS) missing.add(`unit ${unit} fc ${fc} at ${address}`);
  for (let ms = 0; ms < recoveryMs && missing.size > 0; ms += 500) await pass(500);
  result.lost.push(...missing);
  isOver = true;
  await close();
  await pass(SPARED_PAUSE_MS);
  await Promise.all(polls);
  return result;
}
