import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { ioBoardSchema } from './io/io-settings.ts';
import { idSchema as id, lineSettingsSchema, turnaroundMsSchema } from './line/line-settings.ts';
import { lockSchema } from './locks/lock-settings.ts';
import { meterSchema } from './meters/meter-settings.ts';
import { networkProblems, networkSchema } from './network/network-settings.ts';
import { modelOptionsSchema } from './piles/model-options.ts';
import { MODEL_NAMES } from './piles/models.ts';
import { vehicleSettingsSchema } from './piles/vehicle-settings.ts';
import { readerSchema } from './readers/reader-settings.ts';
import { deviceProblems } from './station-devices.ts';

const pile = z.strictObject({
  pileId: id,
  model: z.enum(MODEL_NAMES),
  lineId: id,
  unit: z.int().min(1).max(255),
  /** Which connector of the device, when it has several behind one unit. */
  socket: z.int().min(1).max(48).default(1),
  /** Replaces the line's; the sockets of one unit must agree. */
  turnaroundMs: turnaroundMsSchema.optional(),
  initialRegisterWh: z.number().min(0).max(400_000_000),
  /** A pile that offers its full current before any controller has spoken. */
  startsPermitted: z.boolean().default(false),
  vehicle: vehicleSettingsSchema.default({}),
  options: modelOptionsSchema.default({}),
});

/** A station file: lines, and the piles on them. Unknown keys, doubled ids or sockets and unknown lines are refused. */
export const stationSchema = z
  .strictObject({
    stationId: id,
    seed: z.int().min(0).max(0xffff_ffff),
    lines: z.array(lineSettingsSchema).min(1),
    piles: z.array(pile),
    meters: z.array(meterSchema).default([]),
    locks: z.array(lockSchema).default([]),
    io: z.array(ioBoardSchema).default([]),
    readers: z.array(readerSchema).default([]),
    network: networkSchema.optional(),
  })
  .superRefine((station, context) => {
    const refuse = (path: (string | number)[], message: string): void =>
      context.addIssue({ code: 'custom', path, message });
    for (const { path, message } of deviceProblems(station)) refuse(path, message);
    const wrong = station.network === undefined ? [] : networkProblems(station.network, station.piles);
    for (const { path, message } of wrong) refuse(['network', ...path], message);
    const lines = new Map<string, (typeof station.lines)[number]>();
    for (const [index, line] of station.lines.entries()) {
      if (lines.has(line.lineId)) refuse(['lines', index, 'lineId'], `line ${line.lineId} is named twice`);
      lines.set(line.lineId, line);
    }
    const pileIds = new Set<string>();
    const addresses = new Set<string>();
    const turnarounds = new Map<string, number | undefined>();
    for (const [index, { pileId, lineId, unit, socket, turnaroundMs }] of station.piles.entries()) {
      const line = lines.get(lineId);
      const device = `${lineId} unit ${unit}`;
      const address = `${device} socket ${socket}`;
      if (line === undefined) refuse(['piles', index, 'lineId'], `there is no line ${lineId}`);
      if (line?.replay !== undefined) refuse(['piles', index, 'lineId'], `line ${lineId} replays a recording`);
      if (pileIds.has(pileId)) refuse(['piles', index, 'pileId'], `pile ${pileId} is named twice`);
      if (addresses.has(address)) refuse(['piles', index, 'unit'], `two piles on ${address}`);
      if (turnarounds.has(device) && turnarounds.get(device) !== turnaroundMs)
        refuse(['piles', index, 'turnaroundMs'], `the sockets of ${device} differ`);
      pileIds.add(pileId);
      addresses.add(address);
      turnarounds.set(device, turnaroundMs);
    }
  });

export type Station = z.infer<typeof stationSchema>;

/** Why a station file was refused: each problem with its path inside the file. */
export interface StationRefusal {
  readonly ok: false;
  readonly file: string;
  readonly problems: readonly { readonly path: string; readonly reason: string }[];
}

/** Reads and checks a station file. */
export function loadStation(file: string): { readonly ok: true; readonly station: Station } | StationRefusal {
  const parsed = readJson(file);
  if (!parsed.ok) return { ok: false, file, problems: [{ path: '', reason: parsed.reason }] };
  const checked = stationSchema.safeParse(parsed.value);
  if (checked.success) return { ok: true, station: checked.data };
  const problems = checked.error.issues.map((issue) => ({ path: issue.path.join('.'), reason: issue.message }));
  return { ok: false, file, problems };
}

function readJson(file: string): { ok: true; value: unknown } | { ok: false; reason: string } {
  try {
    return { ok: true, value: JSON.parse(readFileSync(file, 'utf8')) };
  } catch (error) {
    return { ok: false, reason: error instanceof Error ? error.message : String(error) };
  }
}
