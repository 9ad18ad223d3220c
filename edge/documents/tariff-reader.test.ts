import { expect, test } from 'vitest';
import { isPilegateError } from '#shared/errors.ts';
import { tariffReader } from './tariff-reader.ts';

const schedule = `{
  "version": 3,
  "currency": "CNY",
  "bounds": { "leastPriceE4": 1000, "mostPriceE4": 30000 },
  "tariffs": [
    {
      "from": "2026-01-01T00:00:00+08:00",
      "until": null,
      // The operator's price of the winter.
      "tariff": {
        "tariffId": "winter",
        "version": 1,
        "currency": "CNY",
        "timezone": "Asia/Shanghai",
        "bands": [{ "name": "all day", "startMinute": 0, "electricityPriceE4": 7200, "servicePriceE4": 4500 }]
      }
    }
  ]
}`;

function complaintsIn(text: string) {
  try {
    tariffReader(['A-1']).read(text, 'tariffs.json');
  } catch (error) {
    if (isPilegateError(error)) return error.complaints;
    throw error;
  }
  return [];
}

test('XC-04 a schedule of tariffs with comments is read, and states its version', () => {
  const reader = tariffReader(['A-1']);
  const document = reader.read(schedule, 'tariffs.json');
  expect([reader.versionOf(document), document.tariffs.length]).toEqual([3, 1]);
});

test('XC-04 XC-08 an absurd price, a wrong zone and an unknown connector are refused at their place', () => {
  expect(complaintsIn(schedule.replace('7200', '720000'))).toMatchObject([{ line: 15 }]);
  expect(complaintsIn(schedule.replace('Shanghai', 'Shanhai'))).toMatchObject([{ line: 14 }]);
  expect(complaintsIn(schedule.replace('"until": null,', '"until": null, "connectorIds": ["B-1"],'))).toMatchObject([
    { line: 5, path: 'tariffs' },
    { line: 8, path: 'tariffs.0.connectorIds.0' },
  ]);
});
