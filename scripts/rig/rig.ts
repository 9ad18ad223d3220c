import { z } from 'zod';
import { sandboxFaultKinds } from '#shared/sandbox-faults.ts';
import { type End, type RigParts, strike } from './effects.ts';

const LONGEST_S = 3_600;

export const beginSchema = z.strictObject({
  kind: z.enum(sandboxFaultKinds),
  pile_id: z.string().min(1).max(64),
  connector_id: z.string().min(1).max(64),
  duration_s: z.number().positive().max(LONGEST_S),
});
export type BeginFault = z.infer<typeof beginSchema>;

/** A simulated site on which faults are made for a while. */
export interface Rig {
  /** Again with the same id: nothing. */
  begin(faultId: string, fault: BeginFault): Promise<void>;
  /** Of one that is over or unknown: nothing. */
  end(faultId: string): Promise<void>;
  /** Ends all. */
  close(): Promise<void>;
}

/**
 * Faults end by themselves when their time is over, whether or not whoever began them is still there.
 *
 * @param after runs something later; the function that it returns cancels that
 * @param onError hears of an end that failed
 */
export function createRig(
  parts: RigParts,
  after: (delayMs: number, run: () => void) => () => void,
  onError: (error: unknown) => void,
): Rig {
  const running = new Map<string, { readonly end: Promise<End>; readonly cancel: () => void }>();
  const end = async (faultId: string): Promise<void> => {
    const one = running.get(faultId);
    if (one === undefined) return;
    running.delete(faultId);
    one.cancel();
    await (await one.end)();
  };
  return {
    async begin(faultId, { kind, pile_id: pileId, connector_id: connectorId, duration_s: durationS }) {
      if (running.has(faultId)) return;
      const struck = strike(parts, kind, { pileId, connectorId });
      const cancel = after(durationS * 1000, () => void end(faultId).catch(onError));
      running.set(faultId, { end: struck, cancel });
      try {
        await struck;
      } catch (error) {
        running.delete(faultId);
        cancel();
        throw error;
      }
    },
    end,
    async close() {
      for (const faultId of [...running.keys()]) await end(faultId).catch(onError);
    },
  };
}
