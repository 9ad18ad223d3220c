import type { RecordEnvelope } from '../../shared/wire/messages.ts';

const BOOT_ID = '00000000-0000-4000-8000-000000000000';
const STARTED_MS = 1_795_255_200_000;

/** A record as a site tells it when something is wrong with a pile; the same one for the same site and number. */
export function alarmRecord(site: number, seq: number): RecordEnvelope {
  const about = { pileId: `pile-${seq % 16}`, connectorId: `bench-${site}-c`, sessionId: null };
  const body = {
    kind: 'alarm.raised',
    alarmId: `${site.toString(16).padStart(8, '0')}-0000-4000-8000-${seq.toString(16).padStart(12, '0')}`,
    code: 'over-temperature',
    severity: 'warning',
    ...about,
    detail: `${60 + (seq % 30)} degrees at the plug, and no more than 60 are allowed while it charges`,
  };
  return { seq, at: { wallMs: STARTED_MS + seq * 1000, monoMs: seq * 1000, bootId: BOOT_ID, clock: 'trusted' }, body };
}
