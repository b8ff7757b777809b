-- How far each source that fetches its events has read; written together with the events that it covers.
CREATE TABLE source_cursors (
    source   TEXT PRIMARY KEY,
    began    INTEGER NOT NULL,     -- nothing that occurred earlier is asked for
    position INTEGER NOT NULL      -- all that was stored there up to this moment has been read
) STRICT, WITHOUT ROWID;
