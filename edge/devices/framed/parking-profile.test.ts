import { describe, expect, test } from 'vitest';
import { complaintsOf, describeComplaints } from '#shared/complaints.ts';
import { loadProfiles, packagedProfiles } from '../load-profiles.ts';
import { addressComplaint } from './framing-schema.ts';
import { type ParkingProfile, parkingProfileSchema } from './parking-profile.ts';

const lock = loadProfiles(packagedProfiles).get('bus-lock');
if (lock?.kind !== 'parking-device') throw new Error('no profile');
const profile: ParkingProfile = lock;

function complaints(change: (draft: ParkingProfile) => void): string {
  const draft = structuredClone(profile);
  change(draft);
  const parsed = parkingProfileSchema.safeParse(draft);
  return parsed.success ? '' : describeComplaints(complaintsOf(parsed.error));
}

describe('ED-03 a profile that cannot be right is refused with path and reason', () => {
  test.each<[string, (draft: ParkingProfile) => void, string]>([
    ['a part without a name', ({ framing }) => framing.layout.push('tail'), 'framing.layout.6'],
    ['a part that stands there twice', ({ framing }) => framing.layout.push('header'), 'framing.layout.6'],
    ['a way through a gateway', (draft) => Object.assign(draft, { transports: ['rtu-over-tcp'] }), 'transports.0'],
    ['no checksum', ({ framing }) => framing.layout.pop(), 'framing.layout'],
    ['no start mark', ({ framing }) => framing.layout.shift(), 'framing.layout.0'],
    [
      'a constant that is not used',
      ({ framing }) => Object.assign(framing.constants, { tail: { request: '16', reply: '16' } }),
      'framing.constants.tail',
    ],
    [
      'a header of two lengths',
      ({ framing }) => Object.assign(framing.constants, { header: { request: '55 AA', reply: 'AA' } }),
      'framing.constants.header',
    ],
    [
      'a payload before its length',
      ({ framing }) => framing.layout.splice(1, 4, 'payload', 'length', 'address', 'command'),
      'framing.layout.2',
    ],
    ['a length that nobody describes', ({ framing }) => delete framing.length, 'framing.length'],
    ['a checksum without the payload', ({ framing }) => framing.checksum.covers.pop(), 'framing.checksum.covers'],
    ['a checksum in another order', ({ framing }) => framing.checksum.covers.reverse(), 'framing.checksum.covers.1'],
    ['a checksum of itself', ({ framing }) => framing.checksum.covers.push('checksum'), 'framing.checksum.covers'],
    ['addresses too large', ({ framing }) => Object.assign(framing.address, { last: 256 }), 'framing.address.last'],
    [
      'addresses the wrong way round',
      ({ framing }) => Object.assign(framing.address, { first: 255 }),
      'framing.address.last',
    ],
    [
      'a field beyond the payload',
      ({ query }) => Object.assign(query.reply.alarm, { offset: 4 }),
      'query.reply.alarm.offset',
    ],
    ['no code for "car"', ({ query }) => delete query.reply.bay.values.FF, 'query.reply.bay.values'],
    ['no code for "down"', ({ query }) => delete query.reply.position.values.FF, 'query.reply.position.values'],
    ['one command for both moves', ({ moves }) => Object.assign(moves.raise, { payload: 'FF' }), 'moves.lower'],
    [
      'a refusal that means accepted',
      ({ moves }) => Object.assign(moves.raise.reply.refused, { '01': 'no' }),
      'moves.raise.reply.refused.01',
    ],
    ['bytes that are none', ({ query }) => Object.assign(query, { command: '1' }), 'query.command'],
    ['an unknown key', (draft) => Object.assign(draft, { baud: 9600 }), 'baud'],
  ])('%s', (_name, change, path) => {
    expect(complaints(change)).toContain(path);
  });

  test('the packaged one is right', () => {
    expect(complaints(() => {})).toBe('');
  });
});

test('ED-03 an address is one that can be set at the device', () => {
  const { framing } = profile;
  expect(addressComplaint(framing, 7)).toBeNull();
  expect(addressComplaint(framing, 255)).toBe('address 255 is not within 1 to 254');
  expect(addressComplaint(framing, 0)).toBe('address 0 is not within 1 to 254');
  expect(addressComplaint(framing, 7.5)).toBe('address 7.5 is not within 1 to 254');
});
