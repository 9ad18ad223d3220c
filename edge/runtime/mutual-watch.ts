import type { Logger } from 'pino';
import type { Clock, Timers } from '#shared/clock.ts';
import type { LateLoop } from './liveness.ts';
import { LivenessWatch } from './liveness-watch.ts';
import type { SystemdService } from './systemd-service.ts';
import { lateText } from './systemd-service.ts';
import { type SharedTurns, TurnCounters } from './turn-counters.ts';

/** Counters of both threads: each counts its own turns and watches the other's. */
export interface BothTurns {
  readonly field: SharedTurns;
  readonly ledger: SharedTurns;
}

interface WatchParts {
  readonly turns: BothTurns;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Logger;
}

/**
 * On the ledger thread: counts its turns, and watches the loops of the field thread for systemd.
 *
 * @param service null when no systemd waits for a word; what stands still is on the log all the same
 */
export function watchField(parts: WatchParts, service: SystemdService | null): LivenessWatch {
  const own = new TurnCounters(parts.turns.ledger);
  const tell = onChange((late) => {
    if (late.length === 0) parts.log.warn('every connector loop turns again');
    else parts.log.error({ late }, `connector loops stand still: ${lateText(late)}`);
  });
  const onLook = (late: readonly LateLoop[]) => {
    for (const { name } of own.loops) own.turned(name);
    tell(late);
    service?.looked(late);
  };
  return new LivenessWatch({ ...parts, counters: new TurnCounters(parts.turns.field), onLook });
}

/**
 * On the field thread: watches the ledger thread. A disk that hangs gives no error; nothing comes back.
 *
 * @param onLate told when it begins to be late, and with null when it turns again
 */
export function watchLedger(parts: WatchParts, onLate: (late: LateLoop | null) => void): LivenessWatch {
  const onLook = onChange((late) => {
    if (late.length === 0) parts.log.warn('the ledger thread turns again');
    else parts.log.error({ late }, `no charge can be stored: ${lateText(late)}`);
    onLate(late[0] ?? null);
  });
  return new LivenessWatch({ ...parts, counters: new TurnCounters(parts.turns.ledger), onLook });
}

/** Told when it begins and when it ends, and not at every look. */
function onChange(tell: (late: readonly LateLoop[]) => void): (late: readonly LateLoop[]) => void {
  let before = '';
  return (late) => {
    const names = late.map(({ name }) => name).join();
    if (names === before) return;
    before = names;
    tell(late);
  };
}
