import { z } from 'zod';
import { FAULT_SCHEMAS, type TargetKind } from '../control/set-fault.ts';
import type { FaultTarget } from '../faults/board.ts';
import type { Fault } from '../faults/fault.ts';
import { idSchema } from '../line/line-settings.ts';
import { houseLoadSchema } from '../network/house-load.ts';
import { vehicleSettingsSchema } from '../piles/vehicle-settings.ts';

const when = {
  /** From the start of the scenario. */
  atMs: z.number().min(0).max(604_800_000),
  /** The step comes up to this much later, drawn from the scenario's seed. */
  jitterMs: z.number().min(0).max(3_600_000).default(0),
};
const durationMs = z.number().positive().max(86_400_000);

const targetSchema = z.templateLiteral([z.enum(['pile', 'line', 'meter', 'lock', 'io', 'device']), ':', idSchema]);

const faultOn = z
  .strictObject({
    ...when,
    action: z.literal('fault-on'),
    /** What a later `fault-off` calls it. */
    name: idSchema.optional(),
    target: targetSchema,
    fault: z.unknown(),
  })
  .transform((step, context): Omit<typeof step, 'fault' | 'target'> & { target: FaultTarget; fault: Fault } => {
    const target = step.target as FaultTarget;
    const schema: z.ZodType<Fault> = FAULT_SCHEMAS[target.slice(0, target.indexOf(':')) as TargetKind];
    const checked = schema.safeParse(step.fault);
    if (checked.success) return { ...step, target, fault: checked.data };
    for (const { message, path } of checked.error.issues)
      context.addIssue({ code: 'custom', message, path: ['fault', ...path] });
    return z.NEVER;
  });

const step = z.discriminatedUnion('action', [
  faultOn,
  z.strictObject({ ...when, action: z.literal('fault-off'), name: idSchema }),
  z.strictObject({ ...when, action: z.literal('vehicle'), pileId: idSchema, settings: vehicleSettingsSchema }),
  z.strictObject({ ...when, action: z.literal('unplug'), lineId: idSchema, durationMs: durationMs.optional() }),
  z.strictObject({ ...when, action: z.literal('plug'), lineId: idSchema }),
  z.strictObject({ ...when, action: z.literal('house-load'), nodeId: idSchema, load: houseLoadSchema }),
  z.strictObject({ ...when, action: z.literal('power-cycle'), pileId: idSchema, offMs: durationMs }),
]);

/** A scenario: timed steps that happen to a station. Unknown keys, and faults that their target cannot have, are refused. */
export const scenarioSchema = z.strictObject({
  scenarioId: idSchema,
  /** Decides the jitter of its steps. */
  seed: z.int().min(0).max(0xffff_ffff),
  steps: z.array(step).min(1),
});

export type Scenario = z.infer<typeof scenarioSchema>;
export type ScenarioStep = Scenario['steps'][number];
