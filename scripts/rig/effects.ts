import type { SandboxFaultKind } from '#shared/sandbox-faults.ts';
import type { Uplink } from './uplink.ts';

const TOO_HOT_C = 82;

/** The control interface of the simulator. */
export interface SimulatedPiles {
  plug(pileId: string): Promise<unknown>;
  unplug(pileId: string): Promise<unknown>;
  inject(pileId: string, fault: object): Promise<string>;
  /** Of a fault that is not there any more: nothing. */
  clear(faultId: string): Promise<unknown>;
}

export interface RigParts {
  readonly piles: SimulatedPiles;
  readonly uplink: Pick<Uplink, 'set'>;
  /** Does what a technician does who has looked at the pile, as soon as that can be done; nobody waits for it. */
  readonly reset: (connectorId: string) => void;
}

export interface Struck {
  readonly pileId: string;
  readonly connectorId: string;
}

/** Ends what was begun. */
export type End = () => Promise<void>;

const simulated: Partial<Record<SandboxFaultKind, object>> = {
  'emergency-stop': { kind: 'emergency-stop' },
  'ground-fault': { kind: 'ground-fault' },
  'contactor-welded': { kind: 'welded-contactor' },
  'over-temperature': { kind: 'over-temperature', temperatureC: TOO_HOT_C },
  'meter-stuck': { kind: 'stuck-meter' },
  'pile-offline': { kind: 'silence' },
  'start-ignored': { kind: 'ignore-writes' },
};

/** Makes it happen. What it leaves latched is reset when it ends, as a technician would who has repaired it. */
export async function strike({ piles, uplink, reset }: RigParts, kind: SandboxFaultKind, at: Struck): Promise<End> {
  switch (kind) {
    case 'vehicle-plugged':
      await piles.plug(at.pileId);
      return async () => void (await piles.unplug(at.pileId));
    case 'gun-removed':
      await piles.unplug(at.pileId);
      return () => Promise.resolve();
    case 'site-offline':
    case 'site-silent':
      uplink.set(kind === 'site-offline' ? 'cut' : 'silent');
      return () => Promise.resolve(uplink.set('good'));
    default: {
      const faultId = await piles.inject(at.pileId, simulated[kind] ?? { kind });
      return async () => {
        await piles.clear(faultId);
        reset(at.connectorId);
      };
    }
  }
}
