-- The act that was undone in the end by an undo of this group, which may itself be an undo; and whether it is done again.
CREATE OR REPLACE FUNCTION memoria_tui.undone_act(undone text)
RETURNS TABLE (change_group text, done_again boolean)
LANGUAGE sql STABLE AS $$
    WITH RECURSIVE chain AS (
        SELECT undone AS change_group, 1 AS depth
        UNION ALL
        SELECT act.undoes, depth + 1 FROM chain
        CROSS JOIN LATERAL (SELECT log.undoes FROM memoria_tui.audit_log log
                            WHERE log.change_group = chain.change_group ORDER BY log.id LIMIT 1) AS act
        WHERE act.undoes IS NOT NULL
    )
    SELECT chain.change_group, depth % 2 = 0 FROM chain ORDER BY depth DESC LIMIT 1
$$;

-- As before; and what an agent or an import wrote waits again once its undo is undone, unless it was reviewed by then.
CREATE OR REPLACE FUNCTION memoria_tui.await_review() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO memoria_tui.reviews AS review (memory_id, first_change, last_change)
    SELECT entity_id, min(id), max(id)
    FROM (SELECT entity_id, id, actor, kind, action FROM added WHERE entity = 'memory' AND NOT imported
          UNION ALL
          SELECT act.entity_id, act.id, act.actor, act.kind, act.action
          FROM (SELECT DISTINCT undoes FROM added WHERE entity = 'memory' AND undoes IS NOT NULL) AS back
          CROSS JOIN LATERAL memoria_tui.undone_act(back.undoes) AS origin
          JOIN memoria_tui.audit_log act ON act.change_group = origin.change_group AND act.entity = 'memory'
          JOIN added ON added.undoes = back.undoes AND added.entity = 'memory' AND added.entity_id = act.entity_id
          WHERE origin.done_again) AS written
    WHERE starts_with(actor, 'agent:') OR kind = 'import' OR (kind = 'outside' AND action = 'deleted')
    GROUP BY entity_id ORDER BY entity_id
    ON CONFLICT (memory_id) DO UPDATE
    SET first_change = LEAST(review.first_change, excluded.first_change),
        last_change = GREATEST(review.last_change, excluded.last_change)
    WHERE review.reviewed_change IS NULL OR review.reviewed_change < excluded.last_change;
    UPDATE memoria_tui.reviews review SET first_change = NULL
    FROM added
    JOIN memoria_tui.reviews waiting ON waiting.memory_id = added.entity_id
    JOIN memoria_tui.audit_log first ON first.id = waiting.first_change
    JOIN memoria_tui.audit_log last ON last.id = waiting.last_change
    LEFT JOIN (SELECT back.undoes, origin.change_group
               FROM (SELECT DISTINCT undoes FROM added WHERE entity = 'memory' AND undoes IS NOT NULL) AS back
               CROSS JOIN LATERAL memoria_tui.undone_act(back.undoes) AS origin
               WHERE NOT origin.done_again) AS gone ON gone.undoes = added.undoes
    WHERE added.entity = 'memory' AND review.memory_id = added.entity_id
      AND ((added.action = 'deleted' AND first.action = 'created')
           OR (first.change_group = gone.change_group AND last.change_group = gone.change_group));
    RETURN NULL;
END
$$;
