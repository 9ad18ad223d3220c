import type { ActiveFault, FaultBoard } from '../faults/board.ts';
import type { Unplugged } from '../faults/fault.ts';
import type { MonoClock, Scheduler } from '../world/clock.ts';
import type { OpenLine } from './open-line.ts';

/** What pulls a line's plug and puts it back as the fault board says. */
export interface LinePlug {
  /** Settles when the line is as the board says. @throws (rejects) when the plug could not be put back */
  settled(): Promise<void>;
  /** Leaves the line as it is from here on. */
  release(): void;
}

type PullingFault = ActiveFault & { readonly fault: Unplugged };

/** The faults that keep a line unplugged. */
export function unpluggedFaults(faults: FaultBoard, lineId: string): readonly PullingFault[] {
  return faults
    .list()
    .filter((entry): entry is PullingFault => entry.target === `line:${lineId}` && entry.fault.kind === 'unplugged');
}

/** Keeps `line` unplugged as long as an `unplugged` fault is on it, and ends faults with a duration when that is over. `onError` hears when the line cannot be closed or opened again. */
export function followPlug(
  line: Pick<OpenLine, 'plug' | 'unplug'>,
  lineId: string,
  faults: FaultBoard,
  clock: MonoClock,
  scheduler: Pick<Scheduler, 'at'>,
  onError: (error: unknown) => void,
): LinePlug {
  const timed = new Set<string>();
  let wanted = true;
  let plugged = true;
  let settling: Promise<void> | undefined;

  const settle = (): void => {
    while (settling === undefined && wanted !== plugged) {
      plugged = wanted;
      settling = (plugged ? line.plug() : line.unplug())?.then(() => {
        settling = undefined;
        settle();
      });
      // A rejection stays for whoever asks whether the line has settled: the line is out of order from then on.
      settling?.catch(onError);
    }
  };

  const look = (): void => {
    const pulling = unpluggedFaults(faults, lineId);
    for (const { faultId, fault } of pulling) {
      if (fault.durationMs === undefined || timed.has(faultId)) continue;
      timed.add(faultId);
      scheduler.at(clock.monoMs() + fault.durationMs, () => void faults.remove(faultId));
    }
    wanted = pulling.length === 0;
    settle();
  };

  const settled = async (): Promise<void> => {
    while (settling !== undefined) await settling;
  };
  const release = faults.watch(look);
  look();
  return { settled, release };
}
