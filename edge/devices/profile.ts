import { z } from 'zod';

/** Register types. 32-bit and wider values are high word first unless `wordOrder` says otherwise. */
const pointTypeSchema = z.enum(['u16', 'i16', 'u32', 'i32', 'u64']);
export type PointType = z.infer<typeof pointTypeSchema>;

export const wordsOf: Record<PointType, number> = { u16: 1, i16: 1, u32: 2, i32: 2, u64: 4 };

const addressSchema = z.int().min(0).max(0xffff);
const factorSchema = z.int().positive();
const noteSchema = z.string().optional();

/**
 * One register, or a run of them, that can be read. `value = floor(raw × multiply / divide)` in `unit`, in whole
 * numbers, so nothing is lost to floating point.
 */
const pointSchema = z.strictObject({
  fc: z.union([z.literal(3), z.literal(4)]),
  address: addressSchema,
  type: pointTypeSchema,
  wordOrder: z.enum(['high-first', 'low-first']).default('high-first'),
  /** Takes a field out of the raw value before anything else: `(raw >> shift) & mask`. */
  shift: z.int().min(0).max(63).optional(),
  mask: z.int().positive().optional(),
  multiply: factorSchema.default(1),
  divide: factorSchema.default(1),
  unit: z.enum(['none', 'mA', 'mV', 'W', 'Wh', 'dC']),
  /** The raw value by which the device says "not available". It is never a reading. */
  notAvailable: z.int().min(0).optional(),
  note: noteSchema,
});
export type Point = z.infer<typeof pointSchema>;

/** One thing that can be written. A value in mA becomes `floor(mA × multiply / divide)`. */
const writeSchema = z.strictObject({
  fc: z.union([z.literal(5), z.literal(6), z.literal(16)]),
  address: addressSchema,
  type: z.enum(['coil', 'u16', 'u32']),
  multiply: factorSchema.default(1),
  divide: factorSchema.default(1),
  note: noteSchema,
});
export type Write = z.infer<typeof writeSchema>;

/** A step of a command: a fixed raw value, or the limit of the charge. */
const stepSchema = z.strictObject({
  write: z.string(),
  value: z.union([z.int().min(0), z.literal('limit')]),
});
export type Step = z.infer<typeof stepSchema>;

const conditionSchema = z.strictObject({
  point: z.string(),
  in: z.array(z.int()).min(1).optional(),
  /** True when `(value & bits) === equals`. */
  bits: z.int().positive().optional(),
  equals: z.int().min(0).optional(),
});

/** The first rule whose conditions all hold names the state; if none does, the state is unknown, which is a fault. */
const stateRuleSchema = z.strictObject({
  when: z.array(conditionSchema).min(1),
  is: z.enum(['unplugged', 'plugged', 'charging', 'fault']),
  note: noteSchema,
});
export type StateRule = z.infer<typeof stateRuleSchema>;

const timingSchema = z.strictObject({
  /** Idle time the device needs between requests. */
  gapMs: z.int().min(0).max(1000),
  responseTimeoutMs: z.int().min(20).max(5000),
  slowestReplyMs: z.int().min(20).max(10_000),
  pollMs: z.int().min(200).max(5000),
});

/**
 * What the pile does when its controller falls silent. `refreshedBy` decides what counts as a sign of life;
 * reads that do not refresh must be accompanied by `feed`.
 */
const watchdogSchema = z.strictObject({
  timeoutMs: z.int().positive(),
  refreshedBy: z.enum(['any-traffic', 'reads', 'writes']),
  feed: z.array(stepSchema).optional(),
  fallback: z.enum(['stop', 'safe-current', 'full-power']),
  note: noteSchema,
});

const commandsSchema = z.strictObject({
  /** Written after every (re)connection. It must not raise a limit. */
  setup: z.array(stepSchema),
  start: z.array(stepSchema).min(1),
  softStop: z.array(stepSchema).min(1),
  /** A second way to stop, not the first one again. */
  hardStop: z.array(stepSchema).min(1),
});
export type CommandName = keyof z.infer<typeof commandsSchema>;

const limitsSchema = z.strictObject({
  maxCurrentMa: z.int().positive().max(125_000),
  /** Below this a pile offers nothing. IEC 61851-1: 6 A. */
  minCurrentMa: z.int().min(6000),
  phases: z.union([z.literal(1), z.literal(3)]),
  /** Null when the pile does not tell a temperature. */
  overTemperatureDc: z.int().positive().nullable(),
});

const shapeSchema = z.strictObject({
  $schema: z.string().optional(),
  profileId: z.string().regex(/^[a-z0-9][a-z0-9-]{1,63}$/, 'lower-case letters, digits and "-"'),
  vendor: z.string().min(1),
  model: z.string().min(1),
  /** Where the facts come from. */
  source: z.string().min(1),
  transports: z.array(z.enum(['serial', 'tcp', 'rtu-over-tcp'])).min(1),
  timing: timingSchema,
  limits: limitsSchema,
  /** What a limit of 0 does. Other meanings than a pause need another soft stop. */
  zeroMeans: z.enum(['pause', 'end-session', 'auto-start', 'refused']),
  maxReadRegisters: z.int().min(1).max(125),
  /** Largest hole between two points that one read may bridge; 0 where unmapped registers are refused. */
  maxReadGap: z.int().min(0).max(50),
  watchdog: watchdogSchema.nullable(),
  points: z.record(z.string(), pointSchema),
  writes: z.record(z.string(), writeSchema),
  state: z.array(stateRuleSchema).min(1),
  /** Which points are the connector's measurements. Absent: the pile does not tell. */
  measures: z.strictObject({
    currents: z.array(z.string()).min(1).max(3),
    power: z.string().optional(),
    temperature: z.string().optional(),
    energyRegister: z.string(),
  }),
  commands: commandsSchema,
});

type Shape = z.infer<typeof shapeSchema>;
type AddIssue = (path: (string | number)[], message: string) => void;

function checkPointReferences(profile: Shape, add: AddIssue): void {
  const need = (name: string, path: (string | number)[], unit?: Point['unit']) => {
    const point = profile.points[name];
    if (point === undefined) add(path, `no point is named "${name}"`);
    else if (unit !== undefined && point.unit !== unit) add(path, `"${name}" is in ${point.unit}, needed is ${unit}`);
  };
  profile.state.forEach((rule, i) => {
    rule.when.forEach((condition, j) => {
      need(condition.point, ['state', i, 'when', j, 'point']);
      const isSet = condition.in !== undefined;
      const isBits = condition.bits !== undefined && condition.equals !== undefined;
      if (isSet === isBits) add(['state', i, 'when', j], 'say either "in", or "bits" with "equals"');
    });
  });
  profile.measures.currents.forEach((name, i) => {
    need(name, ['measures', 'currents', i], 'mA');
  });
  need(profile.measures.energyRegister, ['measures', 'energyRegister'], 'Wh');
  if (profile.measures.power !== undefined) need(profile.measures.power, ['measures', 'power'], 'W');
  if (profile.measures.temperature !== undefined) need(profile.measures.temperature, ['measures', 'temperature'], 'dC');
}

function checkSteps(profile: Shape, add: AddIssue): void {
  const check = (steps: readonly Step[], path: (string | number)[]) => {
    steps.forEach((step, i) => {
      if (profile.writes[step.write] === undefined) add([...path, i, 'write'], `no write is named "${step.write}"`);
      if (step.value === 'limit' && !path.includes('start')) add([...path, i, 'value'], 'only a start sets the limit');
    });
  };
  for (const name of ['setup', 'start', 'softStop', 'hardStop'] as const)
    check(profile.commands[name], ['commands', name]);
  if (profile.watchdog?.feed !== undefined) check(profile.watchdog.feed, ['watchdog', 'feed']);
}

const typesByFunction: Record<Write['fc'], readonly Write['type'][]> = { 5: ['coil'], 6: ['u16'], 16: ['u16', 'u32'] };
const largestRaw: Record<Write['type'], number> = { coil: 1, u16: 0xffff, u32: 0xffffffff };

/** What does not fit its register would be cut off on the wire and mean something else. */
function checkSizes(profile: Shape, add: AddIssue): void {
  for (const [name, write] of Object.entries(profile.writes)) {
    const types = typesByFunction[write.fc];
    if (!types.includes(write.type)) add(['writes', name, 'type'], `function ${write.fc} writes ${types.join(' or ')}`);
  }
  for (const [name, point] of Object.entries(profile.points)) {
    const words = wordsOf[point.type];
    if (words > profile.maxReadRegisters)
      add(['points', name, 'type'], `${words} registers, but one read takes ${profile.maxReadRegisters}`);
  }
  const check = (steps: readonly Step[], path: (string | number)[]) => {
    steps.forEach((step, i) => {
      const write = profile.writes[step.write];
      if (write === undefined) return;
      const limit = Math.floor((profile.limits.maxCurrentMa * write.multiply) / write.divide);
      const raw = step.value === 'limit' ? limit : step.value;
      if (raw > largestRaw[write.type]) add([...path, i, 'value'], `${raw} does not fit ${write.type}`);
    });
  };
  for (const [name, steps] of Object.entries(profile.commands)) check(steps, ['commands', name]);
  check(profile.watchdog?.feed ?? [], ['watchdog', 'feed']);
}

function checkSafety(profile: Shape, add: AddIssue): void {
  const { watchdog, timing, limits, measures, commands } = profile;
  if (timing.slowestReplyMs < timing.responseTimeoutMs) {
    add(['timing', 'slowestReplyMs'], `not less than responseTimeoutMs (${timing.responseTimeoutMs})`);
  }
  if (watchdog !== null && watchdog.refreshedBy === 'writes' && watchdog.feed === undefined) {
    add(['watchdog', 'feed'], 'reads do not refresh this watchdog: say what to write');
  }
  if (watchdog !== null && watchdog.timeoutMs < 3 * timing.pollMs) {
    add(
      ['watchdog', 'timeoutMs'],
      `at least three times pollMs (${timing.pollMs}), so that one lost cycle is survived`,
    );
  }
  if ((measures.temperature === undefined) !== (limits.overTemperatureDc === null)) {
    add(['limits', 'overTemperatureDc'], 'a limit where a temperature is measured, null where none is');
  }
  if (JSON.stringify(commands.softStop) === JSON.stringify(commands.hardStop)) {
    add(['commands', 'hardStop'], 'the same as softStop: a retry is not a second way to stop');
  }
}

/** A pile model as data. */
export const profileSchema = shapeSchema.superRefine((profile, context) => {
  const add: AddIssue = (path, message) => context.addIssue({ code: 'custom', path, message });
  checkPointReferences(profile, add);
  checkSteps(profile, add);
  checkSizes(profile, add);
  checkSafety(profile, add);
});
export type Profile = z.infer<typeof profileSchema>;
