import { type Influence, noInfluence, type Objection } from '../control/influence.ts';
import type { PileProfile } from './profile/pile-profile.ts';
import type { Values } from './register-device.ts';
import { holdsAll } from './reported-fault.ts';

/** What the profile says about the firmware that a pile has. */
export interface FirmwareVerdict {
  /** Why no charge may start. */
  readonly refused: Objection | null;
  /** Why no more than `limitMa` may be offered. */
  readonly restricted: (Objection & { readonly limitMa: number }) | null;
}

/** Nothing is known against it. */
export const firmwareInOrder: FirmwareVerdict = { refused: null, restricted: null };

/** Judges by what was read at set-up; a version that is not told fulfils no condition. Pure. */
export function judgeFirmware({ firmware }: Pick<PileProfile, 'firmware'>, values: Values): FirmwareVerdict {
  const refused = firmware.refused.find(({ when }) => holdsAll(when, values));
  const restricted = firmware.restricted.find(({ when }) => holdsAll(when, values));
  return {
    refused: refused === undefined ? null : { fault: 'firmware-refused', detail: refused.reason },
    restricted:
      restricted === undefined
        ? null
        : { fault: 'firmware-restricted', detail: restricted.reason, limitMa: restricted.limitMa },
  };
}

/** The verdict as a say in the connector: it keeps new charges away, or lowers what is offered. */
export const influenceOf = ({ refused, restricted }: FirmwareVerdict): Influence => ({
  ...noInfluence,
  refuse: refused === null ? [] : [refused],
  ceilingMa: restricted?.limitMa ?? null,
});
