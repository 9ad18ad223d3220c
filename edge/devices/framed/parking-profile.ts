import { z } from 'zod';
import { alarms, bays, positions } from '../../control/parking/reading.ts';
import type { AddIssue } from '../profile/checks.ts';
import { provenanceShape, serialSettingsShape, timingSchema } from '../profile/device-shape.ts';
import { byteOrderSchema, checkFraming, framingSchema, hexByteSchema, hexBytes, hexSchema } from './framing-schema.ts';

const offsetSchema = z.int().min(0).max(63);
/** One byte whose values have names; a value without a name is unknown, which is unsafe. */
const codesSchema = <Name extends string>(names: readonly [Name, ...Name[]]) =>
  z.strictObject({ offset: offsetSchema, values: z.record(hexByteSchema, z.enum(names)) });

/** A number of percent; one above `max` is no value. */
const percentSchema = z.strictObject({
  offset: offsetSchema,
  bytes: z.union([z.literal(1), z.literal(2)]),
  type: z.enum(['uint', 'bcd']),
  order: byteOrderSchema,
  unit: z.literal('percent'),
  max: z.int().min(1).max(100).default(100),
});
export type PercentField = z.infer<typeof percentSchema>;

const moveSchema = z.strictObject({
  command: hexByteSchema,
  payload: hexSchema,
  reply: z.strictObject({
    command: hexByteSchema,
    /** The payload that says "taken". */
    accepted: hexSchema,
    /** Payloads that say no, and why. */
    refused: z.record(hexSchema, z.string().min(1)).default({}),
  }),
});
export type MoveCommand = z.infer<typeof moveSchema>;

const shapeSchema = z.strictObject({
  kind: z.literal('parking-device'),
  ...provenanceShape,
  /** A lock bars the bay when its arm is up, a barrier when its boom is down. */
  device: z.enum(['lock', 'barrier']),
  /** A gateway can hand out the answer of an older look, and nothing in these frames tells it from the new one. */
  transports: z.array(z.literal('serial')).min(1),
  serial: z.strictObject(serialSettingsShape),
  timing: timingSchema,
  /** From a move's acceptance until the end must be seen; longer than the device takes to notice by itself. */
  moveTimeoutMs: z.int().min(1000).max(60_000),
  framing: framingSchema,
  query: z.strictObject({
    command: hexByteSchema,
    payload: hexSchema,
    reply: z.strictObject({
      command: hexByteSchema,
      payloadBytes: z.int().min(1).max(64),
      position: codesSchema(positions),
      bay: codesSchema(bays),
      alarm: codesSchema(alarms),
      battery: percentSchema.optional(),
    }),
  }),
  moves: z.strictObject({ raise: moveSchema, lower: moveSchema }),
  /** Replies by which the device refuses any question. */
  refusals: z
    .array(
      z.strictObject({
        command: hexByteSchema,
        payloadBytes: z.int().min(0).max(16),
        /** Where the refused question's command is repeated. */
        echoAt: offsetSchema.optional(),
        /** Where the reason's code stands; without one the code is the reply's command. */
        codeAt: offsetSchema.optional(),
      }),
    )
    .default([]),
});
type Shape = z.infer<typeof shapeSchema>;

/** A ground lock or barrier as data: its frames, its commands, and what its answers mean. */
export const parkingProfileSchema = shapeSchema.superRefine((profile, context) => {
  const add: AddIssue = (path, message) => context.addIssue({ code: 'custom', path, message });
  checkFraming(profile.framing, (path, message) => add(['framing', ...path], message));
  checkQuery(profile, add);
  checkMoves(profile, add);
  profile.refusals.forEach(({ payloadBytes, echoAt = -1, codeAt = -1 }, i) => {
    if (Math.max(echoAt, codeAt) >= payloadBytes) add(['refusals', i], `the payload has ${payloadBytes} bytes`);
  });
  const { slowestReplyMs, responseTimeoutMs } = profile.timing;
  if (slowestReplyMs < responseTimeoutMs)
    add(['timing', 'slowestReplyMs'], `not less than responseTimeoutMs (${responseTimeoutMs})`);
});
export type ParkingProfile = z.infer<typeof parkingProfileSchema>;

function checkQuery({ query: { reply } }: Shape, add: AddIssue): void {
  const path = ['query', 'reply'];
  const { position, bay, alarm, battery, payloadBytes } = reply;
  for (const [name, field] of Object.entries({ position, bay, alarm }))
    if (field.offset >= payloadBytes) add([...path, name, 'offset'], `the payload has ${payloadBytes} bytes`);
  if (battery !== undefined && battery.offset + battery.bytes > payloadBytes)
    add([...path, 'battery', 'offset'], `the payload has ${payloadBytes} bytes`);
  for (const needed of ['up', 'down'] as const)
    if (!Object.values(position.values).includes(needed))
      add([...path, 'position', 'values'], `nothing means "${needed}"`);
  for (const needed of ['empty', 'car'] as const)
    if (!Object.values(bay.values).includes(needed)) add([...path, 'bay', 'values'], `nothing means "${needed}"`);
}

function checkMoves({ moves }: Shape, add: AddIssue): void {
  const { raise, lower } = moves;
  if (raise.command === lower.command && raise.payload === lower.payload)
    add(['moves', 'lower'], 'the same as "raise"');
  for (const [name, { reply }] of Object.entries(moves)) {
    const size = hexBytes(reply.accepted).length;
    for (const refused of Object.keys(reply.refused)) {
      const path = ['moves', name, 'reply', 'refused', refused];
      if (refused === reply.accepted) add(path, 'this means "accepted"');
      if (hexBytes(refused).length !== size) add(path, `${size} bytes, as "accepted" has`);
    }
  }
}
