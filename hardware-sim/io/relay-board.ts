import type { RegisterImage } from '../line/register-image.ts';
import { type CoilTable, tableImage } from '../piles/image.ts';
import { oneOf, readTable, type WriteTable, within, wordField } from '../piles/registers.ts';
import { CHANNELS } from './io-settings.ts';

/** What the registers of a board show and change. Channels count from 1. */
export interface BoardParts {
  readonly closed: (channel: number) => boolean;
  readonly relayOn: (channel: number) => boolean;
  readonly setRelay: (channel: number, on: boolean) => void;
  readonly mode: (channel: number) => number;
  readonly setMode: (channel: number, mode: number) => void;
  readonly unit: number;
}

const ALL_RELAYS = 0x00ff;
const MODES = 0x1000;
const ADDRESS = 0x4000;
const channels = Array.from({ length: CHANNELS }, (_, index) => index + 1);

/**
 * Waveshare Modbus RTU Relay (D), from the vendor's page: FC01, 05 and 15 for the relays at 0 to 7 (FC05 at 0x00FF: all of
 * them), FC02 for the inputs at 0 to 7 (1: a contact is closed), FC03 and 06 for the mode of each channel at 0x1000 to 0x1007
 * (0 normal, 1 follows the input, 2 toggles, 3 edge) and for the address at 0x4000.
 */
export function relayBoard(parts: BoardParts): RegisterImage {
  const coils: CoilTable = new Map([
    ...channels.map((channel) => {
      const coil = { get: () => parts.relayOn(channel), set: (on: boolean) => parts.setRelay(channel, on) };
      return [channel - 1, coil] as const;
    }),
    [
      ALL_RELAYS,
      { get: () => false, set: (on: boolean) => channels.forEach((channel) => void parts.setRelay(channel, on)) },
    ] as const,
  ]);
  const modes = channels.map((channel) => [MODES + channel - 1, () => parts.mode(channel)] as const);
  const writable: WriteTable = new Map([
    ...channels.map((channel) =>
      wordField(MODES + channel - 1, within(0, 3), (mode) => void parts.setMode(channel, mode)),
    ),
    wordField(ADDRESS, oneOf(parts.unit), () => {}),
  ]);
  return tableImage({
    functions: [1, 2, 3, 5, 6, 15],
    coils,
    discreteInputs: readTable(channels.map((channel) => [channel - 1, () => (parts.closed(channel) ? 1 : 0)] as const)),
    holdings: readTable(modes, [[ADDRESS, () => parts.unit]]),
    writable,
  });
}
