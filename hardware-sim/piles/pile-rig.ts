import { createFaultBoard } from '../faults/board.ts';
import type { PileFault } from '../faults/fault.ts';
import { seededRandom } from '../faults/random.ts';
import { stateEffects } from '../faults/state-effects.ts';
import { createManualTime } from '../world/manual-clock.ts';
import type { ModelName } from './models.ts';
import { createPile, type Pile, type PileSettings } from './pile.ts';

/** One pile in simulated time, driven by PDUs. */
export interface PileRig {
  readonly pile: Pile;
  passMs(durationMs: number): void;
  /** Sends a request PDU and returns the reply PDU as bytes. */
  ask(...request: number[]): number[];
  /** FC03 or FC04 read; throws on an exception reply. */
  read(functionCode: 3 | 4, address: number, count: number): number[];
  /** FC06 write of one register. */
  write(address: number, value: number): number[];
  /** FC16 write. */
  writeMany(address: number, ...words: number[]): number[];
  fault(fault: PileFault): string;
  clearFault(faultId: string): void;
}

/** Builds a rig around one pile of `model`; `settings` overrides what a station file would say. */
export function createPileRig(model: ModelName, settings: Partial<PileSettings> = {}): PileRig {
  const time = createManualTime(1000);
  const board = createFaultBoard(seededRandom(1));
  const pile = createPile(
    { pileId: 'P', lineId: 'L', model, initialRegisterWh: 1000.9, startsPermitted: false, vehicle: {}, ...settings },
    time.clock,
    () => stateEffects(board.stateFaults('pile:P')),
  );
  const ask = (...request: number[]): number[] => [
    ...pile.execute(Uint8Array.from(request), { exceptionCode: undefined, ignoreWrites: false }).reply,
  ];
  const bytes = (...words: number[]): number[] => words.flatMap((word) => [word >> 8, word & 0xff]);
  return {
    pile,
    passMs: time.passMs,
    ask,
    read: (functionCode, address, count) => {
      const reply = ask(functionCode, ...bytes(address, count));
      if (reply[0] !== functionCode) throw new Error(`exception ${reply[1]} at ${address}`);
      return Array.from(
        { length: count },
        (_, index) => (reply[2 + index * 2] ?? 0) * 256 + (reply[3 + index * 2] ?? 0),
      );
    },
    write: (address, value) => ask(6, ...bytes(address, value)),
    writeMany: (address, ...words) => ask(16, ...bytes(address, words.length), words.length * 2, ...bytes(...words)),
    fault: (fault) => board.add('pile:P', fault),
    clearFault: (faultId) => void board.remove(faultId),
  };
}
