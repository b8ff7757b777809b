-- One row: the wall clock as the engine last saw it, so that a clock which is set back is noticed.
CREATE TABLE wall_clock (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    seen INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
