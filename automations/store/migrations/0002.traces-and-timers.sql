-- `trace`: which triggers the event reached, and what became of it there; null where it reached none.
ALTER TABLE events ADD COLUMN trace BLOB;
CREATE INDEX cells_by_deadline ON cells (deadline) WHERE deadline IS NOT NULL;
