-- What was deployed: by the engine's own file (origin 'file'), or to it (origin 'deploy').
CREATE TABLE deployed (
    kind        TEXT NOT NULL,     -- deployment | work-pool
    name        TEXT NOT NULL,
    origin      TEXT NOT NULL,     -- file | deploy
    document    BLOB NOT NULL,     -- JSON, as it was deployed
    deployed_by TEXT NOT NULL,
    deployed    INTEGER NOT NULL,
    archived    INTEGER,           -- when it left; NULL while it is there
    PRIMARY KEY (kind, name)
) STRICT, WITHOUT ROWID;
