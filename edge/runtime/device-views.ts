import type { ConnectorState } from '../control/connector.ts';
import type { FirmwareVerdict } from '../devices/firmware-verdict.ts';

/** Who answers at a connector: what stands on the plates, as far as it is told over the line. */
export interface DeviceView {
  readonly connectorId: string;
  /** The profile by which the pile is spoken to. */
  readonly model: string;
  readonly serialNumber: string | null;
  readonly firmware: string | null;
  /** Of the register that is billed. */
  readonly meterId: string | null;
  /** What is known against the firmware; null when nothing is. */
  readonly objection: string | null;
}

/** A connector as the inventory has it: what it tells now, else what it told last. */
export function deviceViewOf(
  connectorId: string,
  model: string,
  { reading, device }: Pick<ConnectorState, 'reading' | 'device'>,
  { refused, restricted }: FirmwareVerdict,
): DeviceView {
  const limited = restricted === null ? null : `at most ${restricted.limitMa / 1000} A: ${restricted.detail}`;
  return {
    connectorId,
    model,
    serialNumber: reading?.serialNumber ?? device?.serialNumber ?? null,
    firmware: reading?.firmware ?? device?.firmware ?? null,
    meterId: reading?.meterId ?? device?.meterId ?? null,
    objection: refused === null ? limited : `refused: ${refused.detail}`,
  };
}
