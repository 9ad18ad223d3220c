/** Numbered and immutable: a change of the store is a new entry, never an edit of an old one. */
export const migrations: readonly string[] = [
  `
  CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
  CREATE TABLE sessions (
    session_id TEXT PRIMARY KEY,
    connector_id TEXT NOT NULL,
    is_open INTEGER NOT NULL,
    body TEXT NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX one_open_session ON sessions (connector_id) WHERE is_open = 1;
  CREATE TABLE cdrs (
    cdr_id TEXT PRIMARY KEY,
    session_id TEXT NOT NULL UNIQUE REFERENCES sessions (session_id),
    body TEXT NOT NULL
  ) STRICT;
  CREATE TABLE outbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    session_id TEXT,
    at TEXT NOT NULL,
    body TEXT NOT NULL
  ) STRICT;
  CREATE TABLE inbox (
    command_id TEXT PRIMARY KEY,
    status TEXT NOT NULL CHECK (status IN ('received', 'done', 'failed')),
    is_cancelled INTEGER NOT NULL DEFAULT 0,
    at TEXT NOT NULL,
    body TEXT,
    outcome TEXT
  ) STRICT;
  CREATE TABLE latches (connector_id TEXT PRIMARY KEY, faults TEXT NOT NULL) STRICT;
  CREATE TABLE dead_letters (
    seq INTEGER PRIMARY KEY,
    code TEXT NOT NULL,
    detail TEXT NOT NULL,
    body TEXT NOT NULL
  ) STRICT;
  `,
  `
  -- Null: nobody knew the time when the row was stored.
  ALTER TABLE sessions ADD COLUMN stored_wall_ms INTEGER;
  ALTER TABLE cdrs ADD COLUMN stored_wall_ms INTEGER;
  ALTER TABLE inbox ADD COLUMN stored_wall_ms INTEGER;
  -- Where a row comes from: written here, read out of a damaged store, or out of a backup.
  ALTER TABLE sessions ADD COLUMN origin TEXT NOT NULL DEFAULT 'own' CHECK (origin IN ('own', 'recovered', 'restored'));
  ALTER TABLE cdrs ADD COLUMN origin TEXT NOT NULL DEFAULT 'own' CHECK (origin IN ('own', 'recovered', 'restored'));
  ALTER TABLE outbox ADD COLUMN origin TEXT NOT NULL DEFAULT 'own' CHECK (origin IN ('own', 'recovered', 'restored'));
  ALTER TABLE inbox ADD COLUMN origin TEXT NOT NULL DEFAULT 'own' CHECK (origin IN ('own', 'recovered', 'restored'));
  CREATE TABLE devices (connector_id TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT;
  CREATE TABLE service (connector_id TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT;
  CREATE TABLE inputs (input_id TEXT PRIMARY KEY) STRICT;
  CREATE TABLE rules (version INTEGER PRIMARY KEY, document TEXT NOT NULL, is_active INTEGER NOT NULL) STRICT;
  `,
  `
  CREATE TABLE documents (
    kind TEXT NOT NULL,
    version INTEGER NOT NULL,
    text TEXT NOT NULL,
    digest TEXT NOT NULL,
    source TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'trying', 'active', 'former', 'rolled-back', 'withdrawn')),
    reason TEXT,
    trial TEXT,
    taken_at TEXT NOT NULL,
    PRIMARY KEY (kind, version)
  ) STRICT;
  CREATE UNIQUE INDEX one_active_document ON documents (kind) WHERE state = 'active';
  CREATE UNIQUE INDEX one_pending_document ON documents (kind) WHERE state IN ('waiting', 'trying');
  `,
  `
  -- Vehicles that stay plugged in after their charge.
  CREATE TABLE occupancies (connector_id TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT;
  `,
  `
  -- When a refused record was written; null: by an older edge.
  ALTER TABLE dead_letters ADD COLUMN at TEXT;
  `,
  `
  -- What connectors are held for.
  CREATE TABLE reservations (connector_id TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT;
  `,
];
