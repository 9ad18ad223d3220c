import type { Condition } from './condition.ts';
import type { EnergyFacts } from './device-shape.ts';
import type { MeterShape } from './meter-profile.ts';
import type { PileShape } from './pile-profile.ts';
import { floatTypes, type Point, textTypes, wordsOf } from './point.ts';
import { rawValuesOf, type Step, type Write } from './write.ts';

/** Takes what is wrong with a document, and where. */
export type AddIssue = (path: (string | number)[], message: string) => void;
type ModbusDevice = Pick<
  PileShape,
  'points' | 'maxReadRegisters' | 'forbidden' | 'identity' | 'variants' | 'transports' | 'serial' | 'timing' | 'vectors'
>;

/** What holds for every Modbus device: names that exist, sizes that fit, times that make sense. */
export function checkModbus(profile: ModbusDevice, add: AddIssue): void {
  for (const [name, point] of Object.entries(profile.points)) checkPoint(profile, point, ['points', name], add);
  profile.variants.forEach((variant, i) => {
    checkConditions(profile, variant.when, ['variants', i, 'when'], add);
    for (const [name, point] of Object.entries(variant.points)) {
      needPoint(profile, name, ['variants', i, 'points', name], add);
      checkPoint(profile, point, ['variants', i, 'points', name], add);
    }
  });
  for (const [role, name] of Object.entries(profile.identity)) {
    if (name === undefined) continue;
    needPoint(profile, name, ['identity', role], add);
    if (profile.points[name]?.read === 'poll') add(['identity', role], `"${name}" is read at every poll: say "set-up"`);
  }
  if (profile.serial === undefined && profile.transports.some((transport) => transport !== 'tcp'))
    add(['serial'], 'needed where the device is reached over a serial line');
  const { slowestReplyMs, responseTimeoutMs } = profile.timing;
  if (slowestReplyMs < responseTimeoutMs)
    add(['timing', 'slowestReplyMs'], `not less than responseTimeoutMs (${responseTimeoutMs})`);
  profile.vectors.forEach((vector, i) => {
    if ((vector.reads === undefined) === (vector.writes === undefined))
      add(['vectors', i], 'say either "reads" or "writes"');
    if (vector.reads !== undefined && vector.reply === undefined)
      add(['vectors', i, 'reply'], 'needed to read anything from');
  });
}

function checkPoint(profile: ModbusDevice, point: Point, path: (string | number)[], add: AddIssue): void {
  const isText = textTypes.includes(point.type);
  const words = wordsOf(point);
  if ((point.type === 'bit') !== point.fc <= 2) add([...path, 'fc'], 'functions 1 and 2 read bits, 3 and 4 registers');
  if (isText !== (point.words !== undefined)) add([...path, 'words'], 'texts need their length, nothing else has one');
  if (isText && point.unit !== 'none') add([...path, 'unit'], 'a text has none');
  if ((isText || floatTypes.includes(point.type)) && (point.mask !== undefined || point.shift !== undefined))
    add([...path, 'mask'], `${point.type} has no bit fields`);
  if (words > profile.maxReadRegisters)
    add([...path, 'type'], `${words} registers, but one read takes ${profile.maxReadRegisters}`);
  const last = point.address + words - 1;
  for (const [from, to] of profile.forbidden)
    if (point.address <= to && last >= from) add([...path, 'address'], `${from} to ${to} must not be read`);
}

export function needPoint(
  profile: Pick<ModbusDevice, 'points'>,
  name: string,
  path: (string | number)[],
  add: AddIssue,
  unit?: Point['unit'],
): void {
  const point = profile.points[name];
  if (point === undefined) add(path, `no point is named "${name}"`);
  else if (unit !== undefined && point.unit !== unit) add(path, `"${name}" is in ${point.unit}, needed is ${unit}`);
}

export function checkConditions(
  profile: Pick<ModbusDevice, 'points'>,
  conditions: readonly Condition[],
  path: (string | number)[],
  add: AddIssue,
): void {
  conditions.forEach((condition, i) => {
    needPoint(profile, condition.point, [...path, i, 'point'], add);
    const point = profile.points[condition.point];
    const asksText = condition.is !== undefined || condition.startsWith !== undefined;
    if (point !== undefined && asksText !== textTypes.includes(point.type))
      add([...path, i], `"${condition.point}" is ${asksText ? 'not ' : ''}a text`);
  });
}

function checkEnergy(profile: Pick<ModbusDevice, 'points'>, energy: EnergyFacts, add: AddIssue): void {
  needPoint(profile, energy.point, ['measures', 'energy', 'point'], add, 'Wh');
}

/** What holds for a meter. */
export function checkMeter(profile: MeterShape, add: AddIssue): void {
  const { measures } = profile;
  checkEnergy(profile, measures.energy, add);
  measures.currents.forEach((name, i) => {
    needPoint(profile, name, ['measures', 'currents', i], add, 'mA');
  });
  measures.voltages.forEach((name, i) => {
    needPoint(profile, name, ['measures', 'voltages', i], add, 'mV');
  });
  if (measures.power !== undefined) needPoint(profile, measures.power, ['measures', 'power'], add, 'W');
}

/** What holds for a pile. */
export function checkPile(profile: PileShape, add: AddIssue): void {
  checkMeasures(profile, add);
  profile.state.forEach((rule, i) => {
    checkConditions(profile, rule.when, ['state', i, 'when'], add);
  });
  profile.faults.forEach((rule, i) => {
    checkConditions(profile, rule.when, ['faults', i, 'when'], add);
  });
  profile.faultPoints.forEach(({ point, when = [] }, i) => {
    needPoint(profile, point, ['faultPoints', i, 'point'], add, 'none');
    checkConditions(profile, when, ['faultPoints', i, 'when'], add);
  });
  checkFirmware(profile, add);
  checkConditions(profile, profile.setupProof, ['setupProof'], add);
  profile.setupProof.forEach(({ point }, i) => {
    if (profile.points[point]?.read === 'poll')
      add(['setupProof', i, 'point'], `"${point}" is read at every poll: say "set-up"`);
  });
  for (const [name, steps] of Object.entries(profile.commands))
    checkSteps(profile, steps ?? [], ['commands', name], add);
  checkMaintenance(profile, add);
  checkSteps(profile, profile.watchdog?.feed ?? [], ['watchdog', 'feed'], add);
  checkWriteTypes(profile.writes, add);
  checkSafety(profile, add);
}

/** Maintenance offers nothing, and a restart ends the charges of all sockets: nobody asks the others. */
function checkMaintenance({ commands, sockets }: PileShape, add: AddIssue): void {
  for (const name of ['reboot', 'unlock'] as const)
    commands[name]?.forEach(({ value }, i) => {
      if (value === 'limit') add(['commands', name, i, 'value'], 'maintenance sets no limit');
    });
  if (commands.reboot !== undefined && sockets !== undefined)
    add(['commands', 'reboot'], 'it would end the charges of the other sockets');
}

/** Firmware is judged by what is read when the pile is first met. */
function checkFirmware(profile: PileShape, add: AddIssue): void {
  for (const kind of ['refused', 'restricted'] as const)
    profile.firmware[kind].forEach(({ when }, i) => {
      checkConditions(profile, when, ['firmware', kind, i, 'when'], add);
      for (const { point } of when)
        if (profile.points[point]?.read === 'poll')
          add(['firmware', kind, i, 'when'], `"${point}" is read at every poll: say "set-up"`);
    });
}

function checkMeasures(profile: PileShape, add: AddIssue): void {
  const { measures, limits } = profile;
  measures.currents.forEach((name, i) => {
    needPoint(profile, name, ['measures', 'currents', i], add, 'mA');
  });
  checkVoltages(profile, add);
  checkCard(profile, add);
  if (measures.soc !== undefined) needPoint(profile, measures.soc, ['measures', 'soc'], add, 'percent');
  if (measures.currents.length === 0 && measures.energy !== null)
    add(['measures', 'currents'], 'a pile that measures energy measures currents; say which points hold them');
  if (measures.energy !== null) checkEnergy(profile, measures.energy, add);
  if (measures.power !== undefined) needPoint(profile, measures.power, ['measures', 'power'], add, 'W');
  if (measures.setpoint !== undefined) needPoint(profile, measures.setpoint, ['measures', 'setpoint'], add, 'mA');
  if (measures.temperature !== undefined)
    needPoint(profile, measures.temperature, ['measures', 'temperature'], add, 'dC');
  if ((measures.temperature === undefined) !== (limits.overTemperatureDc === null))
    add(['limits', 'overTemperatureDc'], 'a limit where a temperature is measured, null where none is');
}

/** It is read by itself, and never with what is polled and recorded. */
function checkCard({ measures, points }: PileShape, add: AddIssue): void {
  const path = ['measures', 'card', 'point'];
  if (measures.card !== undefined) {
    const { point: name } = measures.card;
    needPoint({ points }, name, path, add, 'none');
    const point = points[name];
    if (point !== undefined && point.read !== 'cards') add(path, `"${name}" is about a person: say "read": "cards"`);
    if (point !== undefined && point.type !== 'u32' && !textTypes.includes(point.type))
      add(path, `"${name}" is neither a text nor a u32`);
  }
  for (const [name, { read }] of Object.entries(points))
    if (read === 'cards' && name !== measures.card?.point) add(['points', name, 'read'], 'only the card is read so');
}

function checkVoltages({ measures, limits, points }: PileShape, add: AddIssue): void {
  measures.voltages.forEach((name, i) => {
    needPoint({ points }, name, ['measures', 'voltages', i], add, 'mV');
    if (points[name]?.read === 'set-up') add(['measures', 'voltages', i], `"${name}" is read at set-up only`);
  });
  const isTold = measures.voltages.length > 0;
  if (isTold !== (limits.overVoltageMv !== null))
    add(['limits', 'overVoltageMv'], 'a limit where voltages are measured, null where none are');
  if ((isTold && limits.dc === undefined) !== (limits.underVoltageMv !== null))
    add(['limits', 'underVoltageMv'], 'a limit where mains voltages are measured, null where none are');
}

const typesByFunction: Record<Write['fc'], readonly Write['type'][]> = {
  5: ['coil'],
  6: ['u16'],
  16: ['u16', 'u32', 'f32'],
};
const largestRaw: Record<Write['type'], number> = { coil: 1, u16: 0xffff, u32: 0xffffffff, f32: 0xffffff };

/** What a function can write. */
export function checkWriteTypes(writes: PileShape['writes'], add: AddIssue): void {
  for (const [name, write] of Object.entries(writes)) {
    const types = typesByFunction[write.fc];
    if (!types.includes(write.type)) add(['writes', name, 'type'], `function ${write.fc} writes ${types.join(' or ')}`);
  }
}

/** What does not fit its register would be cut off on the wire and mean something else. */
function checkSteps(profile: PileShape, steps: readonly Step[], path: (string | number)[], add: AddIssue): void {
  const maySetLimit = path.includes('start') || path.includes('feed');
  steps.forEach((step, i) => {
    const write = profile.writes[step.write];
    if (write === undefined) {
      add([...path, i, 'write'], `no write is named "${step.write}"`);
      return;
    }
    if (step.value === 'limit' && !maySetLimit) add([...path, i, 'value'], 'only a start and a feed set the limit');
    if (typeof step.value === 'object' && !path.includes('feed')) add([...path, i, 'value'], 'only a feed takes turns');
    for (const raw of rawValuesOf(step, write, profile.limits.maxCurrentMa))
      if (raw > largestRaw[write.type]) add([...path, i, 'value'], `${raw} does not fit ${write.type}`);
  });
}

function checkSafety(profile: PileShape, add: AddIssue): void {
  const { watchdog, timing, commands, measures } = profile;
  if (watchdog !== null && watchdog.refreshedBy === 'writes' && watchdog.feed === undefined)
    add(['watchdog', 'feed'], 'reads do not refresh this watchdog: say what to write');
  const feedsLimit = watchdog?.feed?.some((step) => step.value === 'limit') ?? false;
  if (feedsLimit && measures.setpoint === undefined)
    add(['measures', 'setpoint'], 'the feed repeats the limit: after a restart it must be read first');
  if (feedsLimit && profile.zeroMeans !== 'pause')
    add(['watchdog', 'feed'], `without a charge the feed writes 0, which is "${profile.zeroMeans}" here`);
  if (watchdog !== null && watchdog.timeoutMs < 3 * timing.pollMs) {
    const reason = `at least three times pollMs (${timing.pollMs}), so that one lost cycle is survived`;
    add(['watchdog', 'timeoutMs'], reason);
  }
  if (JSON.stringify(commands.softStop) === JSON.stringify(commands.hardStop))
    add(['commands', 'hardStop'], 'the same as softStop: a retry is not a second way to stop; say null');
}
