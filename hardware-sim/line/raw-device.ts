/**
 * A device on a serial line that does not speak Modbus, e.g. a DL/T 645 meter. It shares the wire with
 * the piles and hears every frame that is no Modbus frame for one of them.
 */
export interface RawDevice {
  readonly deviceId: string;
  /** Hears a frame as the line cut it (by silence); answers with a whole reply frame, or nothing. */
  hear(frame: Uint8Array): Uint8Array | undefined;
}
