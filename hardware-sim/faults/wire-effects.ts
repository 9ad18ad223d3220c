import { isWriteFunction } from '../line/pdu.ts';
import { NO_EFFECTS, type WireEffects } from '../line/slave.ts';
import type { FaultBoard, FaultTarget } from './board.ts';
import type { ExchangeFault } from './fault.ts';

/** What the faults of one pile and its line do to the exchange that is beginning. Counts their strikes. */
export function drawWireEffects(board: FaultBoard, targets: readonly FaultTarget[], functionCode: number): WireEffects {
  const applies = (fault: ExchangeFault): boolean => fault.kind !== 'ignore-writes' || isWriteFunction(functionCode);
  return board.strike(targets, applies).reduce(withFault, NO_EFFECTS);
}

function withFault(effects: WireEffects, fault: ExchangeFault): WireEffects {
  switch (fault.kind) {
    case 'silence':
      return { ...effects, silent: true };
    case 'delay':
      return { ...effects, extraDelayMs: effects.extraDelayMs + fault.delayMs };
    case 'crc-error':
      return { ...effects, crcError: true };
    case 'wrong-unit':
      return { ...effects, replyUnit: fault.unit };
    case 'exception':
      return { ...effects, exceptionCode: fault.code };
    case 'truncate':
      return { ...effects, keepBytes: fault.keepBytes ?? 'half' };
    case 'ignore-writes':
      return { ...effects, ignoreWrites: true };
  }
}
