-- What came from where: the files and folders that were imported, and what an import made of each of their records.
CREATE TABLE IF NOT EXISTS memoria_tui.import_sources (
    id          integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    machine     text NOT NULL,
    path        text NOT NULL,
    fingerprint text,
    records     integer NOT NULL DEFAULT 0,
    remarks     integer NOT NULL DEFAULT 0,
    conflicts   integer NOT NULL DEFAULT 0,
    imported_at timestamptz,
    sync        text CHECK (sync IN ('in', 'both')),
    reading     text NOT NULL DEFAULT '{}',
    UNIQUE (machine, path)
);
COMMENT ON COLUMN memoria_tui.import_sources.fingerprint IS
    'of all that the last complete import read; null while one is not complete';

COMMENT ON COLUMN memoria_tui.import_sources.sync IS
    'whether it is imported again by itself, and whether edits here are written back; null: neither';

CREATE TABLE IF NOT EXISTS memoria_tui.imported_items (
    source_id    integer NOT NULL REFERENCES memoria_tui.import_sources (id) ON DELETE CASCADE,
    memory_id    uuid NOT NULL,
    hash         text NOT NULL,
    file         text,
    file_hash    text,
    change_group text NOT NULL,
    said         json,
    change_id    bigint NOT NULL DEFAULT 0,
    imported_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (source_id, memory_id)
);
COMMENT ON COLUMN memoria_tui.imported_items.hash IS
    'of what the source says of the memory; empty while its file is as this program wrote it';
COMMENT ON COLUMN memoria_tui.imported_items.said IS
    'what the source says of the memory, where the import did not make it so because it was changed here';
COMMENT ON COLUMN memoria_tui.imported_items.change_id IS
    'newest change of the memory before its text was in its file; below 0: that is yet to be written back';
COMMENT ON COLUMN memoria_tui.imported_items.file IS 'path of a note below its folder, with #section where it has some';
CREATE INDEX IF NOT EXISTS idx_memoria_tui_items_memory ON memoria_tui.imported_items (memory_id);
CREATE INDEX IF NOT EXISTS idx_memoria_tui_items_file ON memoria_tui.imported_items (source_id, file)
    WHERE file IS NOT NULL;
CREATE INDEX IF NOT EXISTS idx_memoria_tui_items_file_hash ON memoria_tui.imported_items (file_hash)
    WHERE file_hash IS NOT NULL;
