-- The one exception to a history that is append-only: a person asks that memories be erased for good.

CREATE OR REPLACE FUNCTION memoria_tui.refuse_change() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'TRUNCATE' AND current_setting('memoria_tui.purging', true) = 'on' THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'the history is append-only: % refused', TG_OP USING ERRCODE = 'insufficient_privilege';
END
$$;

-- Deletes every row of the history that tells of these memories or of a relation to them, with the vectors kept beside
-- it, the relations and the rejected suggestions. `ends` are all ids by which relations may name the memories: their own
-- and those of their chunks. What else an act changed stays, and can still be undone.
CREATE OR REPLACE FUNCTION memoria_tui.purge_memories(ids uuid[], ends uuid[]) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    doomed bigint[];
    acts   text[];
BEGIN
    SELECT array_agg(log.id), array_agg(DISTINCT log.change_group) INTO doomed, acts
    FROM memoria_tui.audit_log log
    WHERE (log.entity = 'memory' AND log.entity_id = ANY(purge_memories.ids))
       OR (log.entity = 'relation' AND log.ends && purge_memories.ends);
    DELETE FROM public.memory_relations
    WHERE source_id = ANY(purge_memories.ends) OR target_id = ANY(purge_memories.ends);
    DELETE FROM public.rejected_suggestions
    WHERE source_id = ANY(purge_memories.ends) OR target_id = ANY(purge_memories.ends);
    DELETE FROM memoria_tui.embedding_schedule WHERE memory_id = ANY(purge_memories.ids);
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
