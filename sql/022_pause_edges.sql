-- Which hours were worked in depends on every pause: the start of each, then the end of each, as seconds by the wall clock
-- of their texts. Null without pauses, and where memoria_tui.paused() finds them not plain.
CREATE OR REPLACE FUNCTION memoria_tui.pause_edges(pauses jsonb) RETURNS double precision[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
SELECT CASE WHEN cardinality(memoria_tui.paused(pauses)) > 0 THEN (
    SELECT array_agg(date_part('epoch', (pause ->> 'start')::timestamp) ORDER BY n)
        || array_agg(date_part('epoch', (pause ->> 'end')::timestamp) ORDER BY n)
    FROM jsonb_array_elements(pauses) WITH ORDINALITY entry (pause, n)
) END
$$;

ALTER TABLE public.work_sessions ADD COLUMN IF NOT EXISTS memoria_tui_pause_edges double precision[]
    GENERATED ALWAYS AS (memoria_tui.pause_edges(pauses)) STORED;
COMMENT ON COLUMN public.work_sessions.memoria_tui_pause_edges IS 'each pause of a session; see memoria_tui.pause_edges()';
