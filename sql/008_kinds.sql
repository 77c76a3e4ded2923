-- What kind of act each change belongs to, by which undo and redo find theirs and know when to ask first.

ALTER TABLE memoria_tui.audit_log
    ADD COLUMN IF NOT EXISTS kind text NOT NULL DEFAULT 'edit',
    ADD COLUMN IF NOT EXISTS imported boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN memoria_tui.audit_log.kind IS
    'edit, import, restore, repair, merge, undo, redo, purge or outside (what another program did and this one met)';
COMMENT ON COLUMN memoria_tui.audit_log.imported IS
    'True for history that came with an import or a restore: shown, and never undone by itself';

-- Changes of earlier versions told their kind by their summary. Once, before anybody can write the new columns.
ALTER TABLE memoria_tui.audit_log DISABLE TRIGGER audit_log_append_only;
UPDATE memoria_tui.audit_log change
SET kind = CASE WHEN change.undoes IS NOT NULL THEN 'undo' ELSE act.kind END
FROM (SELECT change_group,
             CASE WHEN bool_or(summary = 'restored from a backup') THEN 'restore'
                  WHEN bool_or(summary = 'imported') THEN 'import' ELSE 'edit' END AS kind
      FROM memoria_tui.audit_log GROUP BY change_group) AS act
WHERE act.change_group = change.change_group AND change.kind = 'edit'
  AND (change.undoes IS NOT NULL OR act.kind <> 'edit');
ALTER TABLE memoria_tui.audit_log ENABLE TRIGGER audit_log_append_only;

DROP INDEX IF EXISTS memoria_tui.audit_log_by_actor;
CREATE INDEX IF NOT EXISTS audit_log_acts_by_actor ON memoria_tui.audit_log (actor, id)
    WHERE position = 0 AND NOT imported;
CREATE INDEX IF NOT EXISTS audit_log_acts ON memoria_tui.audit_log (id) WHERE position = 0 AND NOT imported;
