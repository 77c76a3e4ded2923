-- What keeps work time quick in a large table. Indexes on the shared table are harmless to others.

-- Sessions that last longer than a day are few; with them apart, a report finds all others by their start alone.
CREATE INDEX IF NOT EXISTS idx_memoria_tui_sessions_long ON public.work_sessions (end_time)
    WHERE end_time - start_time > interval '1 day';
CREATE INDEX IF NOT EXISTS idx_memoria_tui_sessions_endless ON public.work_sessions (start_time, id)
    WHERE end_time IS NULL;
-- The log's page and its place in the middle of equal starts.
CREATE INDEX IF NOT EXISTS idx_memoria_tui_sessions_log ON public.work_sessions (start_time DESC, id DESC);
CREATE INDEX IF NOT EXISTS idx_memoria_tui_sessions_client_log
    ON public.work_sessions (client_id, start_time DESC, id DESC);
CREATE INDEX IF NOT EXISTS idx_memoria_tui_sessions_project_log
    ON public.work_sessions (project_id, start_time DESC, id DESC);

-- MCP Memoria's trigger refreshes every view whole whenever a session is completed. Its own programs go on so; a
-- transaction that says `memoria_tui.refreshes_later` leaves the views to refresh_work_views().
DO $$
BEGIN
    IF to_regprocedure('public.trigger_refresh_work_views()') IS NOT NULL THEN
        CREATE OR REPLACE FUNCTION public.trigger_refresh_work_views() RETURNS trigger
        LANGUAGE plpgsql AS $trigger$
        BEGIN
            IF COALESCE(current_setting('memoria_tui.refreshes_later', true), '') <> 'on' THEN
                REFRESH MATERIALIZED VIEW public.monthly_work_summary;
                REFRESH MATERIALIZED VIEW public.daily_work_totals;
                REFRESH MATERIALIZED VIEW public.client_statistics;
            END IF;
            RETURN NEW;
        END
        $trigger$;
    END IF;
END
$$;
