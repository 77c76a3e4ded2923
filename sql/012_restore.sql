-- The restore that was begun and is not finished, for every program on these stores to see; its row changes in the same
-- transaction as the tables that it describes. At most one row.
CREATE TABLE IF NOT EXISTS memoria_tui.unfinished_restore (
    one  boolean PRIMARY KEY DEFAULT true CHECK (one),
    note text NOT NULL
);
COMMENT ON COLUMN memoria_tui.unfinished_restore.note IS 'JSON: which archive, how, and how far';
