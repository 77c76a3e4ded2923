-- What a bill needs to know of work; null: no tags, billable, not billed. The names keep out of the way of columns that
-- MCP Memoria may add.
ALTER TABLE public.work_sessions ADD COLUMN IF NOT EXISTS memoria_tui_tags text[];
ALTER TABLE public.work_sessions ADD COLUMN IF NOT EXISTS memoria_tui_billable boolean;
ALTER TABLE public.work_sessions ADD COLUMN IF NOT EXISTS memoria_tui_billed text[];
COMMENT ON COLUMN public.work_sessions.memoria_tui_billed IS 'months whose time was billed: 2026-11';
