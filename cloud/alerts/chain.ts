import { z } from 'zod';
import { isKnownZone, localTimeIn } from '#shared/local-time.ts';
import { type AlertLevel, rankOf } from './levels.ts';

const MINUTE_MS = 60_000;
const QUARTER_MS = 15 * MINUTE_MS;

export const settingNameSchema = z.string().regex(/^[a-z0-9][a-z0-9-]{0,47}$/, 'lower case letters, digits and "-"');

/** Who or where: a channel, whoever is on call by a rota, or all channels that there are. */
const targetSchema = z.union([
  z.strictObject({ channel: settingNameSchema }),
  z.strictObject({ rota: settingNameSchema }),
  z.strictObject({ all: z.literal(true) }),
]);
export type Target = z.infer<typeof targetSchema>;

const clockSchema = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'HH:MM');
const minuteOf = (text: string): number => Number(text.slice(0, 2)) * 60 + Number(text.slice(3));

const quietHoursSchema = z.strictObject({
  from: clockSchema,
  until: clockSchema,
  timezone: z.string().refine(isKnownZone, 'an IANA time zone'),
});
export type QuietHours = z.infer<typeof quietHoursSchema>;

/** Who is told of an alert of a level, and after how long without an acknowledgement who else. */
export const chainSchema = z.strictObject({
  steps: z
    .array(
      z.strictObject({
        after_min: z.int().min(0).max(10_080).describe('minutes since the alert began'),
        tell: z.array(targetSchema).min(1).max(20),
      }),
    )
    .max(10)
    .refine(
      (steps) => steps.every((step, n) => n === 0 || step.after_min > (steps[n - 1]?.after_min ?? 0)),
      'each step later than the one before',
    ),
  repeat: z
    .strictObject({ every_min: z.int().min(1).max(1_440), at_most: z.int().min(1).max(100) })
    .nullable()
    .default(null)
    .describe('after the last step everybody is told again'),
  quiet_hours: quietHoursSchema.nullable().default(null).describe('what is due then waits for their end'),
});
export type Chain = z.infer<typeof chainSchema>;

const everybody = { after_min: 0, tell: [{ all: true as const }] };

/** In force until staff put another one in its place. */
export const defaultChains: Readonly<Record<AlertLevel, Chain>> = {
  info: { steps: [], repeat: null, quiet_hours: null },
  warning: { steps: [everybody], repeat: null, quiet_hours: null },
  critical: { steps: [everybody], repeat: { every_min: 15, at_most: 8 }, quiet_hours: null },
  emergency: { steps: [everybody], repeat: { every_min: 5, at_most: 24 }, quiet_hours: null },
};

/** What is wrong with a chain for a level; null: nothing. */
export function complaintAbout(level: AlertLevel, chain: Chain): string | null {
  const isHigh = rankOf(level) >= rankOf('critical');
  if (isHigh && chain.quiet_hours !== null) return `there are no quiet hours for ${level} alerts`;
  if (isHigh && chain.steps[0]?.after_min !== 0) return `of ${level} alerts somebody is told at once`;
  return null;
}

export interface Escalation {
  /** The minutes of the chain count from here. */
  readonly fromMs: number;
  /** Steps and repeats that are behind it. */
  readonly ticks: number;
}

export type NextTick =
  | { readonly kind: 'done' }
  | { readonly kind: 'wait'; readonly untilMs: number }
  /** `ticks`: how many are behind it once this has been told. */
  | { readonly kind: 'tell'; readonly ticks: number; readonly targets: readonly Target[]; readonly isRepeat: boolean };

/**
 * What is to be told next, and when. Every step is told, however late. Of repeats that are overdue together one is told: the others would say the
 * same at the same moment.
 */
export function nextTick(chain: Chain, { fromMs, ticks }: Escalation, nowMs: number): NextTick {
  const step = chain.steps[ticks];
  const { steps, repeat } = chain;
  if (step !== undefined) {
    const dueMs = afterQuiet(chain.quiet_hours, fromMs + step.after_min * MINUTE_MS, nowMs);
    if (dueMs > nowMs) return { kind: 'wait', untilMs: dueMs };
    return { kind: 'tell', ticks: ticks + 1, targets: step.tell, isRepeat: false };
  }
  const last = steps.at(-1);
  if (last === undefined || repeat === null || ticks >= steps.length + repeat.at_most) return { kind: 'done' };
  const lastMs = fromMs + last.after_min * MINUTE_MS;
  const everyMs = repeat.every_min * MINUTE_MS;
  const nth = ticks - steps.length + 1;
  const dueMs = afterQuiet(chain.quiet_hours, lastMs + nth * everyMs, nowMs);
  if (dueMs > nowMs) return { kind: 'wait', untilMs: dueMs };
  const overdue = Math.floor((nowMs - lastMs) / everyMs);
  const told = Math.min(Math.max(nth, overdue), repeat.at_most);
  return { kind: 'tell', ticks: steps.length + told, targets: steps.flatMap(({ tell }) => tell), isRepeat: true };
}

/** When something that is due may be told: at once, or where it is quiet now, when that ends. */
function afterQuiet(quiet: QuietHours | null, dueMs: number, nowMs: number): number {
  if (quiet === null) return dueMs;
  const local = localTimeIn(quiet.timezone);
  const isQuiet = (atMs: number): boolean => {
    const { minuteOfDay } = local(atMs);
    const [from, until] = [minuteOf(quiet.from), minuteOf(quiet.until)];
    return from <= until ? minuteOfDay >= from && minuteOfDay < until : minuteOfDay >= from || minuteOfDay < until;
  };
  let atMs = Math.max(dueMs, nowMs);
  if (!isQuiet(atMs)) return dueMs > nowMs ? dueMs : nowMs;
  // Zones change their offset between quarters of an hour, so the end is looked for, a day and a change of the clock far at most.
  const lastMs = atMs + 26 * 60 * MINUTE_MS;
  atMs = Math.floor(atMs / MINUTE_MS) * MINUTE_MS;
  while (isQuiet(atMs) && atMs < lastMs) atMs += isQuiet(atMs + QUARTER_MS) ? QUARTER_MS : MINUTE_MS;
  return atMs;
}

/** Who is on call when: shifts one after the other, and who is told when nobody's shift it is. */
export const rotaSchema = z.strictObject({
  shifts: z
    .array(
      z
        .strictObject({
          from: z.iso.datetime({ offset: true }),
          until: z.iso.datetime({ offset: true }),
          channel: settingNameSchema,
        })
        .refine(({ from, until }) => Date.parse(from) < Date.parse(until), 'a shift ends after it begins'),
    )
    .max(500),
  otherwise: z.array(settingNameSchema).min(1).max(20),
});
export type Rota = z.infer<typeof rotaSchema>;

/** The channels of whoever is on call. */
export function onCall(rota: Rota, nowMs: number): readonly string[] {
  const present = rota.shifts.filter(({ from, until }) => Date.parse(from) <= nowMs && nowMs < Date.parse(until));
  return present.length === 0 ? rota.otherwise : present.map(({ channel }) => channel);
}

/** The channels that targets mean now, each once. A rota that is not there means nobody. */
export function channelsOf(
  targets: readonly Target[],
  { rotas, all }: { readonly rotas: ReadonlyMap<string, Rota>; readonly all: readonly string[] },
  nowMs: number,
): string[] {
  const channels = targets.flatMap((target) => {
    if ('channel' in target) return [target.channel];
    if ('all' in target) return all;
    const rota = rotas.get(target.rota);
    return rota === undefined ? [] : onCall(rota, nowMs);
  });
  return [...new Set(channels)];
}
