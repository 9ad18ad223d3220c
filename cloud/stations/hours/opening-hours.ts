import { z } from 'zod';
import { localTimeIn } from '#shared/local-time.ts';

const timeOfDay = (pattern: RegExp, example: string) => z.string().regex(pattern, `a time of day such as ${example}`);
const fromSchema = timeOfDay(/^([01]\d|2[0-3]):[0-5]\d$/, '08:00');
const toSchema = timeOfDay(/^(([01]\d|2[0-3]):[0-5]\d|24:00)$/, '22:00, or 24:00');

const minuteOf = (time: string): number => Number(time.slice(0, 2)) * 60 + Number(time.slice(3));

interface Span {
  readonly from: string;
  readonly to: string;
}
const isForward = ({ from, to }: Span): boolean => minuteOf(from) < minuteOf(to);
const FORWARD = { path: ['to'], message: 'later than "from"; a night is two spans, until 24:00 and from 00:00' };

function overlap(spans: readonly Span[]): boolean {
  const sorted = [...spans].sort((a, b) => minuteOf(a.from) - minuteOf(b.from));
  return sorted.some((span, index) => index > 0 && minuteOf(span.from) < minuteOf(sorted[index - 1]?.to ?? '00:00'));
}

const spanSchema = z.strictObject({ from: fromSchema, to: toSchema }).refine(isForward, FORWARD);
const weeklySchema = z
  .strictObject({
    weekdays: z.array(z.int().min(1).max(7)).min(1).max(7).describe('1 is Monday, 7 is Sunday'),
    from: fromSchema,
    to: toSchema,
  })
  .refine(isForward, FORWARD);

/**
 * When a station is open, by the clock on its wall. An hour that autumn repeats is open twice, one that spring leaves out is none. What
 * is said of a date takes the place of what is said of its weekday.
 */
export const openingHoursSchema = z
  .strictObject({
    always_open: z.boolean().describe('at every hour of the week; then there is no `weekly`'),
    weekly: z.array(weeklySchema).max(50),
    exceptions: z
      .array(
        z
          .strictObject({
            date: z.iso.date(),
            open: z.array(spanSchema).max(10).describe('none: closed all day'),
            note: z.string().min(1).max(200).optional(),
          })
          .refine(({ open }) => !overlap(open), { path: ['open'], message: 'spans that overlap' }),
      )
      .max(400),
  })
  .superRefine(({ always_open: always, weekly, exceptions }, context) => {
    const complain = (path: (string | number)[], message: string) =>
      context.addIssue({ code: 'custom', path, message });
    if (always && weekly.length > 0) complain(['weekly'], 'always open, so there is nothing to list');
    if (!always && weekly.length === 0) complain(['weekly'], 'when it is open, or always_open');
    for (let day = 1; day <= 7; day += 1) {
      if (overlap(weekly.filter(({ weekdays }) => weekdays.includes(day))))
        complain(['weekly'], `spans of weekday ${day} overlap`);
    }
    exceptions.forEach(({ date }, index) => {
      if (exceptions.findIndex((other) => other.date === date) < index)
        complain(['exceptions', index, 'date'], 'named twice');
    });
  });
export type OpeningHours = z.infer<typeof openingHoursSchema>;

/** Whether a station is open at an instant. */
export function isOpenAt(hours: OpeningHours, timezone: string, atMs: number): boolean {
  const { date, weekday, minuteOfDay } = localTimeIn(timezone)(atMs);
  const contains = ({ from, to }: Span) => minuteOf(from) <= minuteOfDay && minuteOfDay < minuteOf(to);
  const exception = hours.exceptions.find((one) => one.date === date);
  if (exception !== undefined) return exception.open.some(contains);
  return hours.always_open || hours.weekly.some((span) => span.weekdays.includes(weekday) && contains(span));
}
