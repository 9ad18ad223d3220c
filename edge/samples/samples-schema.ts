/** Numbered and immutable: a change of the store is a new entry, never an edit of an old one. */
export const samplesMigrations: readonly string[] = [
  `
  -- Long names that samples refer to by number. first_id: no sample before this one does.
  CREATE TABLE names (
    name_id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL CHECK (kind IN ('boot', 'connector', 'session')),
    first_id INTEGER NOT NULL
  ) STRICT;
  -- boot, connector, session: rows of names. status, clock: their places in the lists of the code.
  CREATE TABLE samples (
    -- Never used twice though SQLite does not see to it, which would cost a page a commit: the newest row is never removed.
    sample_id INTEGER PRIMARY KEY,
    connector INTEGER NOT NULL,
    wall_ms INTEGER NOT NULL,
    mono_ms INTEGER NOT NULL,
    boot INTEGER NOT NULL,
    clock INTEGER NOT NULL,
    status INTEGER NOT NULL,
    register_wh INTEGER,
    current_ma INTEGER,
    power_w INTEGER,
    temperature_dc INTEGER,
    session INTEGER
  ) STRICT;
  -- What is not there any more. Sample numbers are null where none were given, the count where nobody knows it.
  CREATE TABLE tombstones (
    tombstone_id INTEGER PRIMARY KEY,
    stream TEXT NOT NULL,
    reason TEXT NOT NULL,
    from_id INTEGER,
    to_id INTEGER,
    from_wall_ms INTEGER,
    to_wall_ms INTEGER,
    count INTEGER
  ) STRICT;
  `,
  `
  -- store_epoch, acked_seq: the name of the stream, and what the cloud has of it. boot_id: of the machine when it was used last.
  -- closed_seq: the last number when it was closed in order.
  CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
  INSERT INTO meta VALUES ('acked_seq', '0');
  -- What is told under a number of its own stands for so many neighbouring ones, of which seq is the last. Samples have sample_id.
  ALTER TABLE tombstones ADD COLUMN seq INTEGER;
  ALTER TABLE tombstones ADD COLUMN numbers INTEGER NOT NULL DEFAULT 1;
  CREATE UNIQUE INDEX tombstones_seq ON tombstones (seq) WHERE seq IS NOT NULL;
  UPDATE tombstones SET seq = tombstone_id + (SELECT coalesce(max(sample_id), 0) FROM samples) WHERE from_id IS NULL;
  `,
];

/** Added to at the end only: a sample holds the place. */
export const STATUSES = [
  'available',
  'plugged',
  'starting',
  'charging',
  'stopping',
  'faulted',
  'offline',
  'unavailable',
] as const;
export const CLOCKS = ['trusted', 'doubtful', 'none'] as const;
