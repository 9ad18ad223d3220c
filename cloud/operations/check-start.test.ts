import { expect, test } from 'vitest';
import { refusalOfStart, type StartFacts } from './check-start.ts';

const good: StartFacts = {
  closure: null,
  siteOnline: true,
  status: 'plugged',
  plugged: true,
  hasActiveOrder: false,
  hasSession: false,
  hasTariff: true,
  knowsLimits: true,
  isLimited: false,
  reservedFor: null,
  presented: null,
};

const cases: [string, Partial<StartFacts>, string | null][] = [
  ['plugged in and free', {}, null],
  ['free, and the pile does not tell about the plug', { status: 'available', plugged: null }, null],
  ['an order under way', { hasActiveOrder: true }, 'connector.occupied'],
  ['closed, whatever else', { closure: 'station.closed', siteOnline: false }, 'station.closed'],
  [
    'maintained, with an order under way',
    { closure: 'station.maintenance', hasActiveOrder: true },
    'connector.occupied',
  ],
  ['reserved by somebody else', { reservedFor: 'R1' }, 'connector.reserved'],
  ['reserved by somebody else than is presented', { reservedFor: 'R1', presented: 'R2' }, 'connector.reserved'],
  ['reserved, and presented', { reservedFor: 'R1', presented: 'R1', status: 'reserved' }, null],
  ['reserved, and nothing plugged', { reservedFor: 'R1', presented: 'R1', plugged: false }, 'connector.not_plugged'],
  ['held by the site for nobody we know', { status: 'reserved' }, 'connector.reserved'],
  ['site away', { siteOnline: false }, 'site.offline'],
  ['nothing fresh known', { status: 'unknown' }, 'connector.offline'],
  ['pile not reached', { status: 'offline' }, 'connector.offline'],
  ['pile in fault, nothing plugged', { status: 'faulted', plugged: false }, 'connector.faulted'],
  ['out of service, with a car plugged in', { status: 'unavailable' }, 'connector.disabled'],
  ['charging without an order of ours', { status: 'charging' }, 'connector.occupied'],
  ['a session on site', { hasSession: true }, 'connector.occupied'],
  ['nothing plugged', { status: 'available', plugged: false }, 'connector.not_plugged'],
  ['limits, at a site that would leave them out', { isLimited: true, knowsLimits: false }, 'site.outdated'],
  ['limits, at a site that knows them', { isLimited: true }, null],
  ['no limits, at a site that knows none', { knowsLimits: false }, null],
  ['no tariff', { hasTariff: false }, 'tariff.missing'],
];

test.each(cases)('OP-13 OP-24 %s', (_name, change, expected) => {
  expect(refusalOfStart({ ...good, ...change })).toBe(expected);
});
