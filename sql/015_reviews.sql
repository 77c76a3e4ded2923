-- What agents and imports wrote of each memory and no person has reviewed yet, and who reviewed what. A memory without a
-- row was written by persons alone, or before this table was there, which counts as seen.
CREATE TABLE IF NOT EXISTS memoria_tui.reviews (
    memory_id       uuid PRIMARY KEY,
    first_change    bigint,
    last_change     bigint NOT NULL,
    reviewed_change bigint,
    reviewed_by     text,
    reviewed_at     timestamptz,
    snoozed_until   timestamptz
);
COMMENT ON COLUMN memoria_tui.reviews.first_change IS
    'Oldest change by an agent or an import that nobody reviewed; NULL: all are reviewed';
COMMENT ON COLUMN memoria_tui.reviews.last_change IS 'Newest change by an agent or an import';
COMMENT ON COLUMN memoria_tui.reviews.reviewed_change IS 'What was last_change when it was reviewed';
CREATE INDEX IF NOT EXISTS reviews_pending ON memoria_tui.reviews (first_change, snoozed_until)
    WHERE first_change IS NOT NULL;

ALTER TABLE memoria_tui.audit_log DROP CONSTRAINT IF EXISTS audit_log_entity_check;
ALTER TABLE memoria_tui.audit_log ADD CONSTRAINT audit_log_entity_check
    CHECK (entity IN ('memory', 'relation', 'session', 'client', 'project', 'review'));

-- Whoever writes the history tells it here, so that no program can forget to. What was made and is deleted again before
-- anybody saw it needs no review, and neither does what is undone.
CREATE OR REPLACE FUNCTION memoria_tui.await_review() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO memoria_tui.reviews AS review (memory_id, first_change, last_change)
    SELECT entity_id, min(id), max(id) FROM added
    WHERE entity = 'memory' AND NOT imported
      AND (starts_with(actor, 'agent:') OR kind = 'import' OR (kind = 'outside' AND action = 'deleted'))
    GROUP BY entity_id ORDER BY entity_id
    ON CONFLICT (memory_id) DO UPDATE
    SET first_change = COALESCE(review.first_change, excluded.first_change), last_change = excluded.last_change;
    UPDATE memoria_tui.reviews review SET first_change = NULL
    FROM added
    JOIN memoria_tui.reviews waiting ON waiting.memory_id = added.entity_id
    JOIN memoria_tui.audit_log first ON first.id = waiting.first_change
    JOIN memoria_tui.audit_log last ON last.id = waiting.last_change
    WHERE added.entity = 'memory' AND review.memory_id = added.entity_id
      AND ((added.action = 'deleted' AND first.action = 'created')
           OR (first.change_group = added.undoes AND last.change_group = added.undoes));
    RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER audit_log_await_review AFTER INSERT ON memoria_tui.audit_log
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION memoria_tui.await_review();

-- As before, and the reviews of the memories with them.
CREATE OR REPLACE FUNCTION memoria_tui.purge_memories(ids uuid[], ends uuid[]) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    doomed bigint[];
    acts   text[];
BEGIN
    SELECT array_agg(log.id), array_agg(DISTINCT log.change_group) INTO doomed, acts
    FROM memoria_tui.audit_log log
    WHERE (log.entity IN ('memory', 'review') AND log.entity_id = ANY(purge_memories.ids))
       OR (log.entity = 'relation' AND log.ends && purge_memories.ends);
    DELETE FROM public.memory_relations
    WHERE source_id = ANY(purge_memories.ends) OR target_id = ANY(purge_memories.ends);
    DELETE FROM public.rejected_suggestions
    WHERE source_id = ANY(purge_memories.ends) OR target_id = ANY(purge_memories.ends);
    DELETE FROM memoria_tui.embedding_schedule WHERE memory_id = ANY(purge_memories.ids);
    DELETE FROM memoria_tui.reviews WHERE memory_id = ANY(purge_memories.ids);
    PERFORM set_config('memoria_tui.purging', 'on', true);
    DELETE FROM memoria_tui.kept_vectors WHERE change_id = ANY(doomed);
    DELETE FROM memoria_tui.audit_log WHERE id = ANY(doomed);
    -- The row at position 0 stands for its act.
    UPDATE memoria_tui.audit_log SET position = 0
    WHERE id IN (SELECT min(id) FROM memoria_tui.audit_log WHERE change_group = ANY(acts)
                 GROUP BY change_group HAVING min(position) > 0);
    PERFORM set_config('memoria_tui.purging', 'off', true);
    RETURN COALESCE(cardinality(doomed), 0);
END
$$;
