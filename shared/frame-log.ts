import { z } from 'zod';
import { ok, type Result, refuse } from './result.ts';

/**
 * One frame on a line, as the master saw it.
 *
 * `hex` is the whole frame in lower case. Modbus is logged in its RTU form (unit, PDU, CRC) on every transport, so that a
 * recording of a network line can be replayed on a serial one.
 */
export const frameRecordSchema = z.strictObject({
  /** Monotonic time in ms; its zero point is the recording process's own. */
  monoMs: z.number().min(0),
  /** Unix time in ms. */
  wallMs: z.number().min(0),
  lineId: z.string().min(1),
  direction: z.enum(['sent', 'received']),
  hex: z.string().regex(/^([0-9a-f]{2})+$/, 'whole bytes in lower-case hex'),
});
export type FrameRecord = z.infer<typeof frameRecordSchema>;

/** Where a log cannot be read. `line` counts from 1. */
export interface FrameLogRefusal {
  readonly line: number;
  readonly reason: string;
}

/** One line of a log, with its line end. Keys always stand in the same order. */
export function formatFrame({ monoMs, wallMs, lineId, direction, hex }: FrameRecord): string {
  return `${JSON.stringify({ monoMs, wallMs, lineId, direction, hex })}\n`;
}

/** One line of a log, with or without its line end. */
export function parseFrame(text: string): Result<FrameRecord, string> {
  const value = parseJson(text);
  if (!value.ok) return value;
  const checked = frameRecordSchema.safeParse(value.value);
  if (checked.success) return ok(checked.data);
  return refuse(checked.error.issues.map((issue) => `${issue.path.join('.') || 'frame'}: ${issue.message}`).join('; '));
}

/** A whole log, frames in the order of the file; empty lines are passed over. The first line that is no frame refuses it. */
export function parseFrameLog(text: string): Result<FrameRecord[], FrameLogRefusal> {
  const records: FrameRecord[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    const parsed = parseFrame(line);
    if (!parsed.ok) return refuse({ line: index + 1, reason: parsed.reason });
    records.push(parsed.value);
  }
  return ok(records);
}

function parseJson(text: string): Result<unknown, string> {
  try {
    return ok(JSON.parse(text) as unknown);
  } catch {
    return refuse('not JSON');
  }
}
