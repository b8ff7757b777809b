-- A store that is a read model of a cluster: where its content comes from, how far it has come in each partition.
-- Positions are written together with what was read before them.
CREATE TABLE read_model (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    origin TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE positions (
    topic TEXT NOT NULL,
    partition INTEGER NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (topic, partition)
) STRICT, WITHOUT ROWID;

-- Where accepted events stand that no worker has processed yet.
CREATE TABLE waiting_events (
    partition INTEGER NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (partition, position)
) STRICT, WITHOUT ROWID;

-- What became of an event, as each stage of the cluster tells it for its part.
CREATE TABLE event_traces (
    seq INTEGER PRIMARY KEY,
    source TEXT NOT NULL,
    id TEXT NOT NULL,
    stored INTEGER NOT NULL,
    steps BLOB NOT NULL
) STRICT;

CREATE INDEX traces_of_event ON event_traces (id, source);

-- A letter of a cluster has its place for an id; on one machine it has its action's.
ALTER TABLE dead_letters ADD COLUMN action_id TEXT;
