import { expect, test } from 'vitest';
import { parseCli } from './cli.ts';

test('HS-01 station, control port and seed are read from the command line', () => {
  expect(parseCli(['--station', 's.json', '--control-port', '7001', '--seed', '5'])).toEqual({
    ok: true,
    options: { stationFile: 's.json', controlPort: 7001, seed: 5, scenarioFile: undefined, reportFile: undefined },
  });
  expect(parseCli(['--station', 's.json', '--scenario', 'c.json', '--report', 'r.json'])).toMatchObject({
    options: { scenarioFile: 'c.json', reportFile: 'r.json' },
  });
  expect(parseCli(['--station', 's.json'])).toMatchObject({ options: { controlPort: 0, seed: undefined } });
});

test.each([
  [[], /--station is missing/],
  [['--station', 's.json', '--control-port', 'x'], /--control-port/],
  [['--station', 's.json', '--control-port', '70000'], /--control-port/],
  [['--station', 's.json', '--seed', '-1'], /--seed/],
  [['--station', 's.json', '--turbo'], /turbo/],
])('HS-01 the arguments %j are refused with a reason', (argv, reason) => {
  const parsed = parseCli(argv);
  expect(parsed.ok ? '' : parsed.reason).toMatch(reason);
});
