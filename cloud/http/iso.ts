/** Wall-clock milliseconds as ISO 8601 UTC. */
export const iso = (wallMs: number): string => new Date(wallMs).toISOString();

export const isoOrNull = (wallMs: number | null): string | null => (wallMs === null ? null : iso(wallMs));
