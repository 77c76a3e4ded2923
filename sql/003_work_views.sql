-- Sums of completed work sessions. Each view has a unique index on plain columns, as REFRESH … CONCURRENTLY demands;
-- missing clients and projects are NULL and count as one group. Nothing here refreshes on its own: whoever shows them
-- calls refresh_work_views(), so that ending a session never waits for it. Days are cut in the zone of that session.

CREATE MATERIALIZED VIEW IF NOT EXISTS public.monthly_work_summary AS
SELECT
    date_trunc('month', ws.start_time)              AS month,
    c.id                                            AS client_id,
    c.name                                          AS client_name,
    p.id                                            AS project_id,
    p.name                                          AS project_name,
    ws.category,
    count(*)                                        AS session_count,
    COALESCE(sum(ws.duration_minutes), 0)           AS total_minutes,
    COALESCE(avg(ws.duration_minutes)::integer, 0)  AS avg_minutes,
    count(DISTINCT date(ws.start_time))             AS days_worked
FROM public.work_sessions ws
LEFT JOIN public.clients c ON c.id = ws.client_id
LEFT JOIN public.projects p ON p.id = ws.project_id
WHERE ws.status = 'completed'
GROUP BY 1, c.id, c.name, p.id, p.name, ws.category;

CREATE MATERIALIZED VIEW IF NOT EXISTS public.daily_work_totals AS
SELECT
    date(ws.start_time)                    AS date,
    ws.client_id,
    COALESCE(sum(ws.duration_minutes), 0)  AS total_minutes,
    count(*)                               AS session_count
FROM public.work_sessions ws
WHERE ws.status = 'completed'
GROUP BY 1, ws.client_id;

-- MCP Memoria's own definition joins sessions with projects before it sums, which multiplies the minutes.
DO $$
BEGIN
    IF pg_get_viewdef(to_regclass('public.client_statistics')) LIKE '%count(DISTINCT ws.id)%' THEN
        ALTER MATERIALIZED VIEW public.client_statistics RENAME TO client_statistics_replaced;
    END IF;
END
$$;
CREATE MATERIALIZED VIEW IF NOT EXISTS public.client_statistics AS
SELECT
    c.id                                                            AS client_id,
    c.name                                                          AS client_name,
    count(ws.id)                                                    AS total_sessions,
    COALESCE(sum(ws.duration_minutes), 0)                           AS total_minutes,
    COALESCE(avg(ws.duration_minutes)::integer, 0)                  AS avg_session_minutes,
    (SELECT count(*) FROM public.projects p WHERE p.client_id = c.id) AS project_count,
    min(ws.start_time)                                              AS first_session,
    max(ws.start_time)                                              AS last_session,
    count(DISTINCT date(ws.start_time))                             AS days_worked
FROM public.clients c
LEFT JOIN public.work_sessions ws ON ws.client_id = c.id AND ws.status = 'completed'
GROUP BY c.id, c.name;

-- Who might read the replaced view may read this one.
DO $$
DECLARE
    v_right record;
BEGIN
    FOR v_right IN
        SELECT entry.privilege_type AS name,
               CASE entry.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(entry.grantee)) END AS grantee
        FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) AS entry
        WHERE c.oid = to_regclass('public.client_statistics_replaced') AND entry.grantee <> c.relowner
    LOOP
        EXECUTE format('GRANT %s ON public.client_statistics TO %s', v_right.name, v_right.grantee);
    END LOOP;
    DROP MATERIALIZED VIEW IF EXISTS public.client_statistics_replaced;
END
$$;

DO $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_index
                   WHERE indexrelid = to_regclass('public.idx_monthly_summary_pk') AND indnullsnotdistinct) THEN
        DROP INDEX IF EXISTS public.idx_monthly_summary_pk;
        CREATE UNIQUE INDEX idx_monthly_summary_pk
            ON public.monthly_work_summary (month, client_id, project_id, category) NULLS NOT DISTINCT;
    END IF;
    IF NOT EXISTS (SELECT 1 FROM pg_index
                   WHERE indexrelid = to_regclass('public.idx_daily_totals_pk') AND indnullsnotdistinct) THEN
        DROP INDEX IF EXISTS public.idx_daily_totals_pk;
        CREATE UNIQUE INDEX idx_daily_totals_pk ON public.daily_work_totals (date, client_id) NULLS NOT DISTINCT;
    END IF;
END
$$;
CREATE UNIQUE INDEX IF NOT EXISTS idx_client_statistics_pk ON public.client_statistics (client_id);
CREATE INDEX IF NOT EXISTS idx_monthly_summary_client ON public.monthly_work_summary (client_id);
CREATE INDEX IF NOT EXISTS idx_monthly_summary_month ON public.monthly_work_summary (month DESC);
CREATE INDEX IF NOT EXISTS idx_daily_totals_client ON public.daily_work_totals (client_id);
CREATE INDEX IF NOT EXISTS idx_daily_totals_date ON public.daily_work_totals (date DESC);

CREATE OR REPLACE FUNCTION public.refresh_work_views() RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    REFRESH MATERIALIZED VIEW CONCURRENTLY public.monthly_work_summary;
    REFRESH MATERIALIZED VIEW CONCURRENTLY public.daily_work_totals;
END
$$;

CREATE OR REPLACE FUNCTION public.refresh_all_statistics() RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM public.refresh_work_views();
    REFRESH MATERIALIZED VIEW CONCURRENTLY public.client_statistics;
END
$$;
