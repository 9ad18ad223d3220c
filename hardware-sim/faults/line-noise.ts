import type { IdleNoise } from '../line/slave.ts';
import type { FaultBoard, FaultTarget } from './board.ts';
import type { ExchangeFault, IdleNoiseFault } from './fault.ts';
import { randomBytes } from './random.ts';

const isIdleNoise = (fault: { readonly kind: string; readonly mode?: unknown }): boolean =>
  fault.kind === 'noise' && fault.mode === 'idle';

/** The noise that a line picks up between frames while a fault on it says so. Bursts come at half to one and a half of its pace. */
export function lineNoise(board: FaultBoard, lineId: string): IdleNoise {
  const target: FaultTarget = `line:${lineId}`;
  const pacesMs = (): number[] =>
    board
      .list()
      .filter((entry) => entry.target === target && isIdleNoise(entry.fault))
      .map(({ fault }) => (fault as IdleNoiseFault).everyMs);
  return {
    nextInMs: () => {
      const paces = pacesMs();
      return paces.length === 0 ? undefined : Math.min(...paces) * (0.5 + board.random());
    },
    strike: () => {
      const [fault] = board.strike([target], (candidate: ExchangeFault) => isIdleNoise(candidate));
      return fault?.kind === 'noise' ? randomBytes(board.random, fault.bytes) : undefined;
    },
    watch: board.watch,
  };
}
