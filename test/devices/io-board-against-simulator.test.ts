import { describe, expect, test } from 'vitest';
import { LineError } from '../../edge/bus/line-error.ts';
import { IoBoard, type IoLook } from '../../edge/devices/io/io-board.ts';
import { loadProfiles, packagedProfiles } from '../../edge/devices/load-profiles.ts';
import type { IoBoardSettings } from '../../hardware-sim/io/io-settings.ts';
import { LINE_ID, PILE_ID, simulatedSite, type Transport } from './simulated-site.ts';

/**
 * Goal: a board's contacts are read as they are, and its relays are switched as told.
 * Method: the simulated board on a line with a pile, driven by the edge's driver; the simulator's truth is the judge.
 */

const CHANNELS = [1, 2, 3, 4, 5, 6, 7, 8];
const UNIT = 50;

function rig(profileId: 'waveshare-relay-8ch-d', transport: Transport, change: Partial<IoBoardSettings> = {}) {
  const profile = loadProfiles(packagedProfiles).get(profileId);
  if (profile?.kind !== 'io-board') throw new Error(profileId);
  const pile = { pileId: PILE_ID, model: 'heidelberg-energy-control', lineId: LINE_ID, unit: 1, initialRegisterWh: 0 };
  const io = [{ boardId: 'B', model: profileId, lineId: LINE_ID, unit: UNIT, ...change }];
  const site = simulatedSite(transport, profile, { piles: [pile], io });
  const device = site.world.io.get('B');
  if (device === undefined) throw new Error('no board');
  const board = new IoBoard(profile, { modbus: site.modbus, unit: UNIT });
  const read = () => site.during(board.read('poll'));
  const write = (channel: number, on: boolean) => site.during(board.write(channel, on, 'stop', () => false));
  const fault = (fault: Parameters<typeof site.world.faults.add>[1]) => site.world.faults.add('io:B', fault);
  return { ...site, device, board, read, write, fault };
}

const closedOf = (look: IoLook) => CHANNELS.map((channel) => look.isClosed(channel));
const onOf = (look: IoLook) => CHANNELS.map((channel) => look.isOn(channel));

describe.each(['serial', 'rtu-over-tcp'] as const)('waveshare-relay-8ch-d over %s', (transport) => {
  test('ED-03 ED-21 every contact is read as it is, one by one', async () => {
    const { device, read } = rig('waveshare-relay-8ch-d', transport);
    for (const channel of CHANNELS) {
      device.setInput(channel, true);
      expect(closedOf(await read())).toEqual(device.truth().inputs);
      device.setInput(channel, channel % 2 === 0);
    }
    expect(closedOf(await read())).toEqual([false, true, false, true, false, true, false, true]);
  });

  test('ED-03 ED-07 every relay is switched, alone, and reads back', async () => {
    const { device, read, write } = rig('waveshare-relay-8ch-d', transport);
    for (const channel of CHANNELS) {
      await write(channel, true);
      expect(device.truth().relays).toEqual(CHANNELS.map((one) => one === channel));
      expect(onOf(await read())).toEqual(device.truth().relays);
      await write(channel, false);
    }
    expect(onOf(await read())).toEqual(new Array(8).fill(false));
  });
});

test('ED-07 a write without effect reads back as it was', async () => {
  const { read, write, fault } = rig('waveshare-relay-8ch-d', 'serial');
  fault({ kind: 'ignore-writes' });
  await write(1, true);
  expect((await read()).isOn(1)).toBe(false);
});

test('ED-21 a board that is set to switch its relays by itself is refused at the first contact, and again at the next', async () => {
  const { board, read, during, modbus } = rig('waveshare-relay-8ch-d', 'serial', { relayMode: 1 });
  const refused = { failure: 'mismatch', message: expect.stringContaining('"mode1" is 1') };
  await expect(read()).rejects.toMatchObject(refused);
  await expect(read()).rejects.toMatchObject(refused);
  const { timing } = board.profile;
  for (const channel of CHANNELS)
    await during(
      modbus.request({ unit: UNIT, priority: 'poll', request: { fc: 6, address: 0xfff + channel, word: 0 }, timing }),
    );
  expect((await read()).isOn(1)).toBe(false);
});

test('ED-21 a board that was exchanged is proven again, once it has been forgotten', async () => {
  const { board, read, during, modbus } = rig('waveshare-relay-8ch-d', 'serial');
  await read();
  const request = { fc: 6, address: 0x1002, word: 2 } as const;
  await during(modbus.request({ unit: UNIT, priority: 'poll', request, timing: board.profile.timing }));
  await read();
  board.forget();
  await expect(read()).rejects.toMatchObject({ message: expect.stringContaining('"mode3" is 2') });
});

test('ED-03 a silent board, and one that refuses: no look', async () => {
  const { read, fault, world } = rig('waveshare-relay-8ch-d', 'serial');
  for (const wrong of [{ kind: 'silence' }, { kind: 'exception', code: 4 }, { kind: 'crc-error' }] as const) {
    const faultId = fault(wrong);
    await expect(read()).rejects.toBeInstanceOf(LineError);
    world.faults.remove(faultId);
  }
});
