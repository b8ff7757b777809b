-- Every moment is microseconds since 1970. Bodies are canonical JSON. `seq` is the order of storing: cursors
-- and retention walk it. Indexes are only those that a look-up needs: each one costs every insert.

CREATE TABLE events (
    seq INTEGER PRIMARY KEY,
    source TEXT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    resource TEXT NOT NULL,
    received INTEGER NOT NULL,
    body BLOB NOT NULL,
    UNIQUE (id, source)
) STRICT;

CREATE TABLE cells (
    automation TEXT NOT NULL,
    grouping TEXT NOT NULL,
    state BLOB NOT NULL,
    deadline INTEGER,
    saved INTEGER NOT NULL,
    PRIMARY KEY (automation, grouping)
) STRICT, WITHOUT ROWID;

CREATE TABLE firings (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    automation TEXT NOT NULL,
    stored INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;

CREATE INDEX firings_of_automation ON firings (automation);

-- Which firings counted an event; `event` is `source/id`.
CREATE TABLE firing_events (
    seq INTEGER PRIMARY KEY,
    event TEXT NOT NULL,
    firing TEXT NOT NULL,
    stored INTEGER NOT NULL
) STRICT;

CREATE INDEX firings_of_event ON firing_events (event);

CREATE TABLE actions (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    sink TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'dead')),
    type TEXT NOT NULL,
    automation TEXT NOT NULL,
    firing TEXT NOT NULL,
    cause TEXT,
    created INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_attempt INTEGER NOT NULL,
    request BLOB,
    prepared BLOB,
    reference TEXT,
    code TEXT,
    error TEXT,
    settled INTEGER
) STRICT;

CREATE INDEX actions_due ON actions (sink, next_attempt) WHERE state = 'pending';
CREATE INDEX actions_of_firing ON actions (firing);
CREATE INDEX actions_by_state ON actions (state);

CREATE TABLE sink_errors (
    sink TEXT PRIMARY KEY,
    last_error TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE dead_letters (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL CHECK (kind IN ('action', 'event')),
    code TEXT NOT NULL,
    reason TEXT NOT NULL,
    created INTEGER NOT NULL,
    automation TEXT,
    event TEXT,
    state TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'redriven', 'discarded')),
    redriven_as TEXT
) STRICT;

CREATE INDEX dead_letters_by_state ON dead_letters (state);

CREATE TABLE runs (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    deployment TEXT NOT NULL,
    work_pool TEXT NOT NULL,
    automation TEXT,
    idempotency_key TEXT,
    due INTEGER NOT NULL,
    state TEXT NOT NULL,
    message TEXT NOT NULL DEFAULT '',
    created INTEGER NOT NULL,
    started INTEGER,
    ended INTEGER,
    exit_code INTEGER,
    pid INTEGER,
    cancel_requested INTEGER NOT NULL DEFAULT 0,
    spec BLOB NOT NULL
) STRICT;

CREATE UNIQUE INDEX runs_by_key ON runs (deployment, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX runs_of_deployment ON runs (deployment);
CREATE INDEX runs_by_name ON runs (name);
CREATE INDEX runs_due ON runs (work_pool, due) WHERE state = 'Scheduled';
CREATE INDEX runs_by_state ON runs (state);

CREATE TABLE run_logs (
    seq INTEGER PRIMARY KEY,
    run TEXT NOT NULL,
    at INTEGER NOT NULL,
    stream TEXT NOT NULL,
    text TEXT NOT NULL
) STRICT;

CREATE INDEX logs_of_run ON run_logs (run);

CREATE TABLE paused_automations (
    name TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

CREATE TABLE api_keys (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    secret_hash TEXT NOT NULL,
    scopes TEXT NOT NULL,
    created INTEGER NOT NULL,
    revoked INTEGER
) STRICT;

-- One row: counts since the file was made, in the same transactions as what they count.
CREATE TABLE ledger (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    accepted INTEGER NOT NULL DEFAULT 0,
    processed INTEGER NOT NULL DEFAULT 0,
    duplicates INTEGER NOT NULL DEFAULT 0,
    planned INTEGER NOT NULL DEFAULT 0,
    delivered INTEGER NOT NULL DEFAULT 0,
    dead INTEGER NOT NULL DEFAULT 0,
    fired INTEGER NOT NULL DEFAULT 0,
    suppressed INTEGER NOT NULL DEFAULT 0,
    backlog_bytes INTEGER NOT NULL DEFAULT 0
) STRICT;

INSERT INTO ledger (only) VALUES (1);
