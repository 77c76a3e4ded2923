-- The first memories around one, nearest first: get_neighbors for a screen, which shows a few hundred and must answer at
-- once however many relations a hub has: no more than p_limit memories, the start included, are visited.
--
-- The ways to all memories of a depth stand one behind the other in one array, for they are of one length: to write and
-- read each as text takes as long as the walk.

CREATE OR REPLACE FUNCTION memoria_tui.neighborhood(
    p_memory_id uuid, p_depth integer, p_relation_types public.relation_type[], p_limit integer
) RETURNS TABLE (memory_id uuid, depth integer, path uuid[], relation public.relation_type)
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_custom_plan SET jit = off AS $$
DECLARE
    v_visited  uuid[] := ARRAY[p_memory_id];
    v_frontier uuid[] := ARRAY[p_memory_id];
    v_ways     uuid[] := ARRAY[p_memory_id];
    v_before   bigint[];
    v_types    public.relation_type[];
BEGIN
    FOR v_depth IN 1 .. p_depth LOOP
        SELECT array_agg(step.other), array_agg(step.before), array_agg(step.relation_type)
        INTO v_frontier, v_before, v_types
        FROM (
            SELECT DISTINCT ON (edge.other) edge.other, here.place AS before, edge.relation_type
            FROM unnest(v_frontier) WITH ORDINALITY AS here (node, place)
            CROSS JOIN LATERAL (
                SELECT r.target_id AS other, r.relation_type, r.weight
                FROM public.memory_relations r
                WHERE r.source_id = here.node AND (p_relation_types IS NULL OR r.relation_type = ANY (p_relation_types))
                UNION ALL
                SELECT r.source_id, r.relation_type, r.weight
                FROM public.memory_relations r
                WHERE r.target_id = here.node AND (p_relation_types IS NULL OR r.relation_type = ANY (p_relation_types))
                LIMIT p_limit + cardinality(v_visited)
            ) AS edge
            WHERE edge.other <> ALL (v_visited)
            ORDER BY edge.other, edge.weight DESC, edge.relation_type, here.place
            LIMIT p_limit + 1 - cardinality(v_visited)
        ) AS step;
        EXIT WHEN v_frontier IS NULL;
        v_visited := v_visited || v_frontier;
        RETURN QUERY
            SELECT found.node, v_depth,
                   v_ways[(found.before - 1) * v_depth + 1 : found.before * v_depth] || found.node, found.relation_type
            FROM unnest(v_frontier, v_before, v_types) AS found (node, before, relation_type);
        EXIT WHEN v_depth = p_depth OR cardinality(v_visited) > p_limit;
        v_ways := ARRAY(
            SELECT unnest(v_ways[(found.before - 1) * v_depth + 1 : found.before * v_depth] || found.node)
            FROM unnest(v_frontier, v_before) AS found (node, before)
        );
    END LOOP;
END
$$;
