import type { Selectable } from 'kysely';

export interface DiagnosticsTable {
  bundle_id: string;
  site_id: string;
  requested_by: string;
  requested_at_ms: number;
  status: 'open' | 'complete' | 'expired';
  sha256: string | null;
  pieces: number | null;
  next_piece: number;
  next_ask_at_ms: number | null;
  completed_at_ms: number | null;
  content: Uint8Array | null;
}
export type DiagnosticsRow = Selectable<DiagnosticsTable>;

export interface DiagnosticPiecesTable {
  bundle_id: string;
  piece: number;
  content: Uint8Array;
}
