import { isWriteFunction } from '../line/pdu.ts';
import { NO_EFFECTS, type WireEffects } from '../line/wire-damage.ts';
import type { FaultBoard, FaultTarget } from './board.ts';
import type { ExchangeFault } from './fault.ts';
import { type Random, randomBytes } from './random.ts';

/** What the faults of one device and its line do to the exchange that is beginning. Counts their strikes. */
export function drawWireEffects(board: FaultBoard, targets: readonly FaultTarget[], functionCode: number): WireEffects {
  const applies = (fault: ExchangeFault): boolean => {
    if (fault.kind === 'ignore-writes') return isWriteFunction(functionCode);
    return fault.kind !== 'noise' || fault.mode !== 'idle';
  };
  let effects = NO_EFFECTS;
  for (const fault of board.strike(targets, applies))
    effects = { ...effects, ...effectOf(fault, effects, board.random) };
  return effects;
}

function effectOf(fault: ExchangeFault, effects: WireEffects, random: Random): Partial<WireEffects> {
  switch (fault.kind) {
    case 'silence':
      return { silent: true };
    case 'delay':
      return { extraDelayMs: effects.extraDelayMs + fault.delayMs };
    case 'crc-error':
      return { crcError: true };
    case 'wrong-unit':
      return { replyUnit: fault.unit };
    case 'exception':
      return { exceptionCode: fault.code };
    case 'truncate':
      return { keepBytes: fault.keepBytes ?? 'half' };
    case 'ignore-writes':
      return { ignoreWrites: true };
    case 'wrong-byte-count':
      return { byteCountOffBy: fault.offBy };
    case 'duplicate-reply':
      return { duplicate: true };
    case 'hang-up':
      return { hangUp: true };
    case 'split':
      return { split: { pieces: fault.pieces, pauseMs: fault.pauseMs } };
    case 'stale-reply':
      return { stale: true };
    case 'off-by-one':
      return { offByOne: true };
    case 'noise':
      if (fault.mode === 'idle') return {};
      return { noise: { where: fault.mode, bytes: randomBytes(random, fault.bytes), at: random() } };
  }
}
