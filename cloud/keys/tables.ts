import type { Selectable } from 'kysely';

/** Columns as the migration defines them. */
export interface DocumentKeysTable {
  key_id: string;
  public_key: string;
  private_key_sealed: string;
  created_at_ms: number;
  left_at_ms: number | null;
}
export type DocumentKeyRow = Selectable<DocumentKeysTable>;
