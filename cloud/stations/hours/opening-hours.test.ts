import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isOpenAt, type OpeningHours, openingHoursSchema } from './opening-hours.ts';

const ZONE = 'Europe/Copenhagen';
const everyDay = [1, 2, 3, 4, 5, 6, 7];
const daily = (from: string, to: string): OpeningHours => ({
  always_open: false,
  weekly: [{ weekdays: everyDay, from, to }],
  exceptions: [],
});
const at = (instant: string, hours: OpeningHours, zone = ZONE) => isOpenAt(hours, zone, Date.parse(instant));
const complaints = (change: Partial<OpeningHours>) =>
  openingHoursSchema
    .safeParse({ ...daily('08:00', '20:00'), ...change })
    .error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);

test('OP-29 it is open from its minute on, and before its other, on its weekdays', () => {
  const hours: OpeningHours = {
    ...daily('08:00', '20:00'),
    weekly: [{ weekdays: [1, 2], from: '08:00', to: '20:00' }],
  };
  // 2025-06-02 is a Monday; summer time is two hours ahead.
  expect(at('2025-06-02T05:59:59Z', hours)).toBe(false);
  expect(at('2025-06-02T06:00:00Z', hours)).toBe(true);
  expect(at('2025-06-02T17:59:59Z', hours)).toBe(true);
  expect(at('2025-06-02T18:00:00Z', hours)).toBe(false);
  expect(at('2025-06-04T10:00:00Z', hours)).toBe(false);
  expect(at('2025-06-02T22:30:00Z', hours, 'Asia/Shanghai')).toBe(false);
  expect(at('2025-06-03T00:30:00Z', hours, 'Asia/Shanghai')).toBe(true);
});

test('OP-29 the hour that spring leaves out is no opening hour, and the one after it is (Copenhagen, 2025-03-30)', () => {
  const across = daily('01:30', '03:30');
  expect(at('2025-03-30T00:29:59Z', across)).toBe(false);
  expect(at('2025-03-30T00:30:00Z', across)).toBe(true);
  expect(at('2025-03-30T00:59:59Z', across)).toBe(true);
  expect(at('2025-03-30T01:00:00Z', across)).toBe(true);
  expect(at('2025-03-30T01:30:00Z', across)).toBe(false);
  const within = daily('02:00', '03:00');
  for (let minute = 0; minute < 1440; minute += 5)
    expect(isOpenAt(within, ZONE, Date.parse('2025-03-29T23:00:00Z') + minute * 60_000)).toBe(false);
});

test('OP-29 the hour that autumn repeats is open twice (Copenhagen, 2025-10-26)', () => {
  const hours = daily('02:00', '02:30');
  const open = (instant: string) => at(instant, hours);
  expect([open('2025-10-26T00:00:00Z'), open('2025-10-26T00:29:59Z'), open('2025-10-26T00:30:00Z')]).toEqual([
    true,
    true,
    false,
  ]);
  expect([open('2025-10-26T01:00:00Z'), open('2025-10-26T01:29:59Z'), open('2025-10-26T01:30:00Z')]).toEqual([
    true,
    true,
    false,
  ]);
  expect([open('2025-10-27T00:30:00Z'), open('2025-10-27T01:00:00Z')]).toEqual([false, true]);
});

test('OP-29 what is said of a date takes the place of its weekday, by the local date', () => {
  const exceptions = [
    { date: '2025-12-24', open: [{ from: '09:00', to: '12:00' }] },
    { date: '2025-12-25', open: [], note: 'Christmas' },
  ];
  const hours: OpeningHours = { always_open: true, weekly: [], exceptions };
  expect(at('2025-12-23T22:59:59Z', hours)).toBe(true);
  expect(at('2025-12-23T23:00:00Z', hours)).toBe(false);
  expect(at('2025-12-24T08:00:00Z', hours)).toBe(true);
  expect(at('2025-12-24T11:00:00Z', hours)).toBe(false);
  expect(at('2025-12-25T12:00:00Z', hours)).toBe(false);
  expect(at('2025-12-25T23:00:00Z', hours)).toBe(true);
});

test('OP-29 until 24:00 and from 00:00 is a night without a gap', () => {
  const hours: OpeningHours = { ...daily('22:00', '24:00') };
  const night = { ...hours, weekly: [...hours.weekly, { weekdays: everyDay, from: '00:00', to: '06:00' }] };
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 8 * 60 - 1 }), (minute) =>
      isOpenAt(night, ZONE, Date.parse('2025-06-02T20:00:00Z') + minute * 60_000),
    ),
  );
  expect(at('2025-06-03T04:00:00Z', night)).toBe(false);
});

test('OP-29 hours that say nothing, or two things, are refused', () => {
  expect(complaints({})).toBeUndefined();
  expect(complaints({ weekly: [] })).toEqual(['weekly: when it is open, or always_open']);
  expect(complaints({ always_open: true })).toEqual(['weekly: always open, so there is nothing to list']);
  expect(complaints(daily('22:00', '06:00'))?.[0]).toContain('weekly.0.to: later than "from"');
  expect(complaints(daily('08:00', '24:01'))?.[0]).toContain('weekly.0.to: a time of day');
  const twice = [
    { weekdays: [1], from: '08:00', to: '12:00' },
    { weekdays: [1, 2], from: '11:59', to: '13:00' },
  ];
  expect(complaints({ weekly: twice })).toEqual(['weekly: spans of weekday 1 overlap']);
  const day = { date: '2025-12-24', open: [] };
  expect(complaints({ exceptions: [day, day] })).toEqual(['exceptions.1.date: named twice']);
});
