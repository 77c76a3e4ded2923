-- Walks over the relations. Signatures and columns are MCP Memoria's; both functions go breadth-first and visit each
-- memory once, so their cost is bound by the relations reached, not by the number of ways through them.
--
-- A walk carries its way as text, because arrays of arrays cannot be unnested row by row. plan_cache_mode makes the
-- planner see how large the arrays of a step are.

CREATE OR REPLACE FUNCTION public.get_neighbors(
    p_memory_id uuid, p_depth integer DEFAULT 1, p_relation_types public.relation_type[] DEFAULT NULL
) RETURNS TABLE (memory_id uuid, depth integer, path uuid[], relation public.relation_type)
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_custom_plan AS $$
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
                FROM public.memory_relations r WHERE r.source_id = here.node
                UNION ALL
                SELECT r.source_id, r.relation_type, r.weight
                FROM public.memory_relations r WHERE r.target_id = here.node
            ) AS edge
            WHERE (p_relation_types IS NULL OR edge.relation_type = ANY (p_relation_types))
              AND NOT EXISTS (SELECT 1 FROM unnest(v_visited) AS seen (node) WHERE seen.node = edge.other)
            ORDER BY edge.other, edge.weight DESC, edge.relation_type, here.way
        ) AS step;
        EXIT WHEN v_frontier IS NULL;
        v_visited := v_visited || v_frontier;
        RETURN QUERY
            SELECT found.node, v_depth, string_to_array(found.way, ',')::uuid[], found.relation_type
            FROM unnest(v_frontier, v_ways, v_types) AS found (node, way, relation_type);
    END LOOP;
END
$$;
COMMENT ON FUNCTION public.get_neighbors(uuid, integer, public.relation_type[]) IS
    'Memories within p_depth relations, each once: its depth, a shortest way from the start to it, the last relation';

-- One breadth-first step of find_path over all nodes of a frontier. A way reads «node,type,direction,node,…,node» from
-- the start to the end of the path; the backward side therefore puts its steps in front.
CREATE SCHEMA IF NOT EXISTS memoria_tui;
CREATE OR REPLACE FUNCTION memoria_tui.path_step(
    p_frontier uuid[], p_ways text[], p_visited uuid[], p_backward boolean, OUT frontier uuid[], OUT ways text[]
)
LANGUAGE sql STABLE SET plan_cache_mode = force_custom_plan AS $$
    SELECT array_agg(step.other), array_agg(step.way)
    FROM (
        SELECT DISTINCT ON (edge.other)
            edge.other,
            CASE
                WHEN p_backward THEN
                    concat_ws(',', edge.other, edge.relation_type,
                              CASE WHEN edge.outgoing THEN 'in' ELSE 'out' END, here.way)
                ELSE
                    concat_ws(',', here.way, edge.relation_type,
                              CASE WHEN edge.outgoing THEN 'out' ELSE 'in' END, edge.other)
            END AS way
        FROM unnest(p_frontier, p_ways) AS here (node, way)
        CROSS JOIN LATERAL (
            SELECT r.target_id AS other, r.relation_type, r.weight, true AS outgoing
            FROM public.memory_relations r WHERE r.source_id = here.node
            UNION ALL
            SELECT r.source_id, r.relation_type, r.weight, false
            FROM public.memory_relations r WHERE r.target_id = here.node
        ) AS edge
        WHERE NOT EXISTS (SELECT 1 FROM unnest(p_visited) AS seen (node) WHERE seen.node = edge.other)
        ORDER BY edge.other, edge.weight DESC, edge.relation_type, here.way
    ) AS step
$$;

CREATE OR REPLACE FUNCTION public.find_path(p_from_id uuid, p_to_id uuid, p_max_depth integer DEFAULT 5)
RETURNS TABLE (step integer, memory_id uuid, relation public.relation_type, direction text)
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    v_near      uuid[] := ARRAY[p_from_id];
    v_near_ways text[] := ARRAY[p_from_id::text];
    v_near_seen uuid[] := ARRAY[p_from_id];
    v_far       uuid[] := ARRAY[p_to_id];
    v_far_ways  text[] := ARRAY[p_to_id::text];
    v_far_seen  uuid[] := ARRAY[p_to_id];
    v_way       text[];
BEGIN
    FOR v_depth IN 0 .. p_max_depth LOOP
        -- 37 characters: the meeting point, which both ways name, and its comma.
        SELECT string_to_array(near.way || substr(far.way, 37), ',') INTO v_way
        FROM unnest(v_near, v_near_ways) AS near (node, way)
        JOIN unnest(v_far, v_far_ways) AS far (node, way) USING (node)
        ORDER BY near.way, far.way
        LIMIT 1;
        EXIT WHEN v_way IS NOT NULL OR v_depth = p_max_depth;
        IF cardinality(v_near) <= cardinality(v_far) THEN
            SELECT s.frontier, s.ways INTO v_near, v_near_ways
            FROM memoria_tui.path_step(v_near, v_near_ways, v_near_seen, false) AS s;
            v_near_seen := v_near_seen || v_near;
        ELSE
            SELECT s.frontier, s.ways INTO v_far, v_far_ways
            FROM memoria_tui.path_step(v_far, v_far_ways, v_far_seen, true) AS s;
            v_far_seen := v_far_seen || v_far;
        END IF;
        EXIT WHEN v_near IS NULL OR v_far IS NULL;
    END LOOP;
    RETURN QUERY
        SELECT i, v_way[3 * i - 2]::uuid, v_way[3 * i - 1]::public.relation_type, v_way[3 * i]
        FROM generate_series(1, (cardinality(v_way) + 2) / 3) AS i;
END
$$;
COMMENT ON FUNCTION public.find_path(uuid, uuid, integer) IS
    'One shortest way between two memories, from both ends at once: each memory with its relation to the next one';
