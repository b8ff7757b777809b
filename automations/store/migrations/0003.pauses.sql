-- What operators and rules have paused or resumed: it outweighs what the files say.
CREATE TABLE pauses (
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    paused INTEGER NOT NULL,
    PRIMARY KEY (kind, name)
) STRICT, WITHOUT ROWID;
INSERT INTO pauses (kind, name, paused) SELECT 'automation', name, 1 FROM paused_automations;
DROP TABLE paused_automations;
