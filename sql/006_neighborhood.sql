-- The first memories around one, nearest first: get_neighbors for a screen, which shows a few hundred and must answer at
-- once however many relations a hub has: no more than p_limit memories, the start included, are visited.

CREATE OR REPLACE FUNCTION memoria_tui.neighborhood(
    p_memory_id uuid, p_depth integer, p_relation_types public.relation_type[], p_limit integer
) RETURNS TABLE (memory_id uuid, depth integer, path uuid[], relation public.relation_type)
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_custom_plan SET jit = off AS $$
DECLARE
    v_visited  uuid[] := ARRAY[p_memory_id];
    v_frontier uuid[] := ARRAY[p_memory_id];
    v_ways     text[] := ARRAY[p_memory_id::text];
    v_types    public.relation_type[];
BEGIN
    FOR v_depth IN 1 .. p_depth LOOP
        SELECT array_agg(step.other), array_agg(step.way), array_agg(step.relation_type)
        INTO v_frontier, v_ways, v_types
        FROM (
            SELECT DISTINCT ON (edge.other) edge.other, here.way || ',' || edge.other AS way, edge.relation_type
            FROM unnest(v_frontier, v_ways) AS here (node, way)
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
            ORDER BY edge.other, edge.weight DESC, edge.relation_type, here.way
            LIMIT p_limit + 1 - cardinality(v_visited)
        ) AS step;
        EXIT WHEN v_frontier IS NULL;
        v_visited := v_visited || v_frontier;
        RETURN QUERY
            SELECT found.node, v_depth, string_to_array(found.way, ',')::uuid[], found.relation_type
            FROM unnest(v_frontier, v_ways, v_types) AS found (node, way, relation_type);
        EXIT WHEN cardinality(v_visited) > p_limit;
    END LOOP;
END
$$;
