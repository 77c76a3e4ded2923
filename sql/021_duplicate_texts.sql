-- What the texts of memories are but for case, blanks and punctuation, hashed: copies whose vectors differ are found by
-- it. The next scan begins from the start, so that it reads all of them.
CREATE TABLE IF NOT EXISTS memoria_tui.duplicate_texts (
    memory_id uuid PRIMARY KEY,
    text_hash bigint NOT NULL
);
CREATE INDEX IF NOT EXISTS duplicate_texts_hash ON memoria_tui.duplicate_texts (text_hash, memory_id);
DELETE FROM memoria_tui.duplicate_scan;
