import { expect, test } from 'vitest';
import { plugged } from '../control/testing.ts';
import { type FirmwareVerdict, firmwareInOrder } from '../devices/firmware-verdict.ts';
import { deviceViewOf } from './device-views.ts';

const known = { serialNumber: '4711', firmware: '1.2', meterId: 'M1', registerWh: 5 };
const view = (state: Parameters<typeof deviceViewOf>[2], verdict: FirmwareVerdict = firmwareInOrder) =>
  deviceViewOf('A', 'keba-p40', state, verdict);

test('ED-24 the inventory has what a pile tells now, and what it told last where it does not', () => {
  const reading = { ...plugged, serialNumber: '4712', firmware: '1.3' };
  expect(view({ reading, device: known })).toEqual({
    connectorId: 'A',
    model: 'keba-p40',
    serialNumber: '4712',
    firmware: '1.3',
    meterId: 'M1',
    objection: null,
  });
  expect(view({ reading: null, device: known })).toMatchObject({ serialNumber: '4711', firmware: '1.2' });
  expect(view({ reading: null, device: null })).toMatchObject({ serialNumber: null, firmware: null, meterId: null });
});

test('ED-24 the inventory names what is known against a firmware, the refusal first', () => {
  const restricted = { fault: 'firmware-restricted', detail: 'hot plug', limitMa: 10_000 } as const;
  const refused = { fault: 'firmware-refused', detail: 'starts by itself' } as const;
  const state = { reading: plugged, device: null };
  expect(view(state, { refused: null, restricted }).objection).toBe('at most 10 A: hot plug');
  expect(view(state, { refused, restricted }).objection).toBe('refused: starts by itself');
});
