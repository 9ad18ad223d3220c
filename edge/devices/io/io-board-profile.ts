import { z } from 'zod';
import { type AddIssue, checkConditions, checkModbus, checkWriteTypes, needPoint } from '../profile/checks.ts';
import { conditionSchema } from '../profile/condition.ts';
import { modbusShape } from '../profile/device-shape.ts';
import { writeSchema } from '../profile/write.ts';

const levelSchema = z.union([z.literal(0), z.literal(1)]);
const rawSchema = z.int().min(0).max(0xffff);

const shapeSchema = z.strictObject({
  kind: z.literal('io-board'),
  ...modbusShape,
  writes: z.record(z.string(), writeSchema),
  /** Channel by channel: the point that tells whether a contact is closed, and its value then. */
  inputs: z.array(z.strictObject({ point: z.string(), closedIs: levelSchema })).max(64),
  /** Channel by channel: the relay as it reads back (1 is energised), and how it is written. */
  outputs: z
    .array(z.strictObject({ point: z.string(), write: z.string(), on: rawSchema, off: rawSchema }))
    .max(64)
    .default([]),
  /** The board lets go of its relays when it has heard nothing for so long; null when it keeps them. */
  watchdog: z.strictObject({ timeoutMs: z.int().positive(), refreshedBy: z.enum(['any-traffic', 'reads']) }).nullable(),
  /** Read at the first contact: a board for which they do not hold acts by itself and is not relied on. */
  setupProof: z.array(conditionSchema).default([]),
});
type Shape = z.infer<typeof shapeSchema>;

/** Inputs are looked at this often at least: an emergency has to be seen within a second. */
const LONGEST_POLL_MS = 500;

/** A board with contacts to watch and relays to switch, as data. */
export const ioBoardProfileSchema = shapeSchema.superRefine((profile, context) => {
  const add: AddIssue = (path, message) => context.addIssue({ code: 'custom', path, message });
  checkModbus(profile, add);
  checkWriteTypes(profile.writes, add);
  checkChannels(profile, add);
  checkConditions(profile, profile.setupProof, ['setupProof'], add);
  const { pollMs } = profile.timing;
  if (pollMs > LONGEST_POLL_MS) add(['timing', 'pollMs'], `an emergency input is polled every ${LONGEST_POLL_MS} ms`);
  if (profile.watchdog !== null && profile.watchdog.timeoutMs < 3 * pollMs)
    add(['watchdog', 'timeoutMs'], `at least three times pollMs (${pollMs}), so that one lost cycle is survived`);
});
export type IoBoardProfile = z.infer<typeof ioBoardProfileSchema>;

function checkChannels(profile: Shape, add: AddIssue): void {
  const needBit = (name: string, path: (string | number)[]): void => {
    needPoint(profile, name, path, add);
    const point = profile.points[name];
    if (point === undefined) return;
    if (point.type !== 'bit' && point.mask !== 1) add(path, `"${name}" is not one bit: say "mask": 1`);
    if (point.read !== 'poll') add(path, `"${name}" is read at set-up only`);
  };
  profile.inputs.forEach(({ point }, i) => {
    needBit(point, ['inputs', i, 'point']);
  });
  profile.outputs.forEach(({ point, write, on, off }, i) => {
    needBit(point, ['outputs', i, 'point']);
    const known = profile.writes[write];
    if (known === undefined) add(['outputs', i, 'write'], `no write is named "${write}"`);
    if (known?.type === 'coil' && Math.max(on, off) > 1) add(['outputs', i], 'a coil takes 0 or 1');
    if (on === off) add(['outputs', i, 'off'], 'the same as "on"');
  });
}
