import { z } from 'zod';
import type { AddIssue } from '../profile/checks.ts';

export const hexByteSchema = z.string().regex(/^[0-9A-F]{2}$/, 'one byte as two hexadecimal digits');
/** Bytes as on the wire; spaces are for the eye. May be empty. */
export const hexSchema = z
  .string()
  .regex(/^([0-9A-F]{2}( [0-9A-F]{2})*)?$/, 'bytes as pairs of hexadecimal digits, e.g. "55 AA"');
export const hexBytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));

export const byteOrderSchema = z.enum(['high-first', 'low-first']).default('high-first');

/** Parts of a frame that are not constants. */
const namedParts = ['length', 'address', 'command', 'payload', 'checksum'] as const;
const partsSchema = z.array(z.string()).min(1);

/** How many bytes each kind of checksum takes. CRC-16/MODBUS goes out low byte first. */
export const checksumBytes = { xor8: 1, sum8: 1, 'crc16-modbus': 2 } as const;

/** How a device wraps a command and its payload: parts in the order of the wire. */
export const framingSchema = z.strictObject({
  /** Names of parts: `length`, `address`, `command`, `payload`, `checksum`, and the constants. */
  layout: z.array(z.string()).min(4).max(16),
  /** Start marks, end marks and whatever else never changes, in the question and in the reply. */
  constants: z.record(z.string(), z.strictObject({ request: hexSchema.min(2), reply: hexSchema.min(2) })),
  /** How many bytes an address takes, high byte first, and which ones can be set at the device. */
  address: z.strictObject({ bytes: z.int().min(1).max(6), first: z.int().min(0), last: z.int().min(0) }),
  length: z
    .strictObject({
      bytes: z.union([z.literal(1), z.literal(2)]),
      order: byteOrderSchema,
      /** The parts whose bytes it counts. */
      counts: partsSchema,
    })
    .optional(),
  checksum: z.strictObject({
    kind: z.enum(Object.keys(checksumBytes) as (keyof typeof checksumBytes)[]),
    /** The parts that it is made of. */
    covers: partsSchema,
  }),
});
export type DeviceFraming = z.infer<typeof framingSchema>;

const isNamed = (part: string): boolean => (namedParts as readonly string[]).includes(part);

/** What makes a layout one that frames can be built and recognised by. */
export function checkFraming(framing: DeviceFraming, add: AddIssue): void {
  const { layout, constants, length, checksum } = framing;
  const at = (part: string): number => layout.indexOf(part);
  layout.forEach((part, i) => {
    if (!isNamed(part) && constants[part] === undefined) add(['layout', i], `no constant is named "${part}"`);
    if (at(part) !== i) add(['layout', i], `"${part}" stands there twice`);
  });
  for (const part of namedParts) if (part !== 'length' && at(part) < 0) add(['layout'], `"${part}" is missing`);
  if (at('length') >= 0 !== (length !== undefined)) add(['length'], 'needed where the layout has it, and only there');
  for (const part of ['length', 'address', 'command'])
    if (at(part) > at('payload')) add(['layout', at(part)], `"${part}" stands before the payload`);
  if (isNamed(layout[0] ?? '')) add(['layout', 0], 'a frame begins with a start mark');
  for (const [name, { request, reply }] of Object.entries(constants)) {
    if (at(name) < 0) add(['constants', name], 'the layout has no such part');
    if (hexBytes(request).length !== hexBytes(reply).length) add(['constants', name], 'as long in reply as in request');
  }
  checkParts(layout, length?.counts ?? [], ['length', 'counts'], add);
  checkParts(layout, checksum.covers, ['checksum', 'covers'], add);
  for (const part of ['command', 'payload'])
    if (!checksum.covers.includes(part)) add(['checksum', 'covers'], `without "${part}" a damaged one passes`);
  if (checksum.covers.some((part) => at(part) >= at('checksum')))
    add(['checksum', 'covers'], 'only what stands before the checksum');
  checkAddresses(framing, add);
}

function checkParts(
  layout: readonly string[],
  parts: readonly string[],
  path: (string | number)[],
  add: AddIssue,
): void {
  const places = parts.map((part) => layout.indexOf(part));
  places.forEach((place, i) => {
    if (place < 0) add([...path, i], `the layout has no "${parts[i]}"`);
    else if (i > 0 && place <= (places[i - 1] ?? 0)) add([...path, i], 'in the order of the layout, each once');
  });
}

function checkAddresses({ address: { bytes, first, last } }: DeviceFraming, add: AddIssue): void {
  if (last >= 256 ** bytes) add(['address', 'last'], `does not fit ${bytes} bytes`);
  if (first > last) add(['address', 'last'], 'not before "first"');
}

/** Why such a device cannot have this address, or null. */
export function addressComplaint({ address: { first, last } }: DeviceFraming, address: number): string | null {
  const isWithin = Number.isInteger(address) && address >= first && address <= last;
  return isWithin ? null : `address ${address} is not within ${first} to ${last}`;
}
