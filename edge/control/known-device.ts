import type { Reading } from './reading.ts';

/** Who answers at a connector, and how far its register was when a charge last ended there. */
export interface KnownDevice {
  /** Null when it does not tell. */
  readonly serialNumber: string | null;
  readonly firmware: string | null;
  readonly meterId: string | null;
  readonly registerWh: number | null;
}

/** Another pile or meter than before, or another firmware in the same pile. */
export type DeviceChange = 'pile-replaced' | 'meter-replaced' | 'firmware-changed';

/** Who the reading comes from; what it does not tell stays as it was known. */
export function identified(known: KnownDevice | null, reading: Reading): KnownDevice {
  return {
    serialNumber: reading.serialNumber ?? known?.serialNumber ?? null,
    firmware: reading.firmware ?? known?.firmware ?? null,
    meterId: reading.meterId ?? known?.meterId ?? null,
    registerWh: reading.registerWh ?? known?.registerWh ?? null,
  };
}

/** Null when it is still the same, as far as it tells. */
export function changeOf(known: KnownDevice, present: KnownDevice): DeviceChange | null {
  const isOther = (key: 'serialNumber' | 'firmware' | 'meterId') => known[key] !== null && known[key] !== present[key];
  if (isOther('serialNumber')) return 'pile-replaced';
  if (isOther('meterId')) return 'meter-replaced';
  return isOther('firmware') ? 'firmware-changed' : null;
}
