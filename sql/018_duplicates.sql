-- Near-identical memories as the last scan found them, and how far that is. All of it can be found again, so that no
-- backup has it.
CREATE TABLE IF NOT EXISTS memoria_tui.duplicate_pairs (
    one    uuid NOT NULL,
    other  uuid NOT NULL,
    cosine real NOT NULL,
    shared real NOT NULL,
    kind   text NOT NULL,
    PRIMARY KEY (one, other),
    CHECK (one < other)
);
COMMENT ON COLUMN memoria_tui.duplicate_pairs.shared IS 'Share of their words that both have in the same order';
CREATE INDEX IF NOT EXISTS duplicate_pairs_other ON memoria_tui.duplicate_pairs (other);

CREATE TABLE IF NOT EXISTS memoria_tui.duplicate_scan (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    state  jsonb NOT NULL
);
