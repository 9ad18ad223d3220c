import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { MODEL_NAMES } from './piles/models.ts';
import { vehicleSettingsSchema } from './piles/vehicle-settings.ts';

const id = z.string().regex(/^[A-Za-z0-9_-]{1,40}$/, 'letters, digits, - and _ only, at most 40');
const turnaroundMs = z.number().min(0).max(10_000);

const serialLine = z.strictObject({
  lineId: id,
  transport: z.literal('serial'),
  baud: z.int().min(1200).max(115_200),
  parity: z.enum(['none', 'even', 'odd']),
  stopBits: z.union([z.literal(1), z.literal(2)]),
  turnaroundMs,
});

const tcpLine = z.strictObject({
  lineId: id,
  transport: z.literal('tcp'),
  host: z.string().min(1),
  port: z.int().min(0).max(65_535),
  turnaroundMs,
});

const pile = z.strictObject({
  pileId: id,
  model: z.enum(MODEL_NAMES),
  lineId: id,
  unit: z.int().min(1).max(255),
  initialRegisterWh: z.number().min(0).max(400_000_000),
  /** A pile that offers its full current before any controller has spoken. */
  startsPermitted: z.boolean().default(false),
  vehicle: vehicleSettingsSchema.default({}),
});

/** A station file: lines, and the piles on them. Unknown keys, doubled ids or units and unknown lines are refused. */
export const stationSchema = z
  .strictObject({
    stationId: id,
    seed: z.int().min(0).max(0xffff_ffff),
    lines: z.array(z.discriminatedUnion('transport', [serialLine, tcpLine])).min(1),
    piles: z.array(pile).min(1),
  })
  .superRefine((station, context) => {
    const refuse = (path: (string | number)[], message: string): void =>
      context.addIssue({ code: 'custom', path, message });
    const lineIds = new Set<string>();
    for (const [index, { lineId }] of station.lines.entries()) {
      if (lineIds.has(lineId)) refuse(['lines', index, 'lineId'], `line ${lineId} is named twice`);
      lineIds.add(lineId);
    }
    const pileIds = new Set<string>();
    const addresses = new Set<string>();
    for (const [index, { pileId, lineId, unit }] of station.piles.entries()) {
      const address = `${lineId} unit ${unit}`;
      if (!lineIds.has(lineId)) refuse(['piles', index, 'lineId'], `there is no line ${lineId}`);
      if (pileIds.has(pileId)) refuse(['piles', index, 'pileId'], `pile ${pileId} is named twice`);
      if (addresses.has(address)) refuse(['piles', index, 'unit'], `two piles on ${address}`);
      pileIds.add(pileId);
      addresses.add(address);
    }
  });

export type Station = z.infer<typeof stationSchema>;
export type LineSettings = Station['lines'][number];

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
