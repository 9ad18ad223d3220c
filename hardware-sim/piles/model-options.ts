import { z } from 'zod';

/** What a station file may say about one box beyond its model. A model ignores what it has no use for. */
export const modelOptionsSchema = z.strictObject({
  /** Firmware in force, such as `1.2.1`; some registers depend on it. */
  firmware: z
    .string()
    .regex(/^\d{1,3}(\.\d{1,3}){1,2}$/, 'two or three numbers with dots between them')
    .optional(),
  /** Serial number on the plate; a model whose register holds a number takes digits only. */
  serialNumber: z
    .string()
    .regex(/^[0-9A-Za-z-]{1,22}$/, 'up to 22 letters, digits and "-"')
    .optional(),
  /** Current in A that an installer has configured for the loss of communication, where Modbus cannot set it or only later. */
  safeCurrentA: z.number().min(0).max(80).optional(),
  /** `4you`: the Bender CC612 as built into the Mennekes Amtron 4You and 4Business. */
  edition: z.enum(['standard', '4you']).optional(),
});

export type ModelOptions = z.infer<typeof modelOptionsSchema>;

/** The options of one pile and which connector of its device it is, from 1. */
export interface ModelSettings extends ModelOptions {
  readonly socket: number;
}

/** The numbers of a firmware text, a missing third one as 0. */
export function firmwareParts(firmware: string): readonly [number, number, number] {
  const [major = 0, minor = 0, patch = 0] = firmware.split('.').map(Number);
  return [major, minor, patch];
}

/** True when `firmware` is `wanted` or later. */
export function firmwareAtLeast(firmware: string, wanted: string): boolean {
  const wantedParts = firmwareParts(wanted);
  const difference = firmwareParts(firmware)
    .map((part, index) => part - (wantedParts[index] ?? 0))
    .find((part) => part !== 0);
  return (difference ?? 0) >= 0;
}

/**
 * The serial number of a model whose register holds a 32-bit number.
 *
 * @throws when the station file gives it one with other characters, or a larger one
 */
export function serialAsNumber({ serialNumber }: ModelOptions, asDelivered: number): number {
  if (serialNumber === undefined) return asDelivered;
  const number = Number(serialNumber);
  if (!/^\d+$/.test(serialNumber) || number > 0xffff_ffff)
    throw new Error(`serial number ${serialNumber} does not fit into 32 bits`);
  return number;
}
