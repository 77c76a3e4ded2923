-- Since when the points of a memory may lack what its history says: several changes can wait to be applied.

ALTER TABLE memoria_tui.embedding_schedule ADD COLUMN IF NOT EXISTS since bigint;
COMMENT ON COLUMN memoria_tui.embedding_schedule.since IS
    'Number of the first change that the points may lack, NULL when that is change_id; greater than change_id when only '
    'vectors are missing';
