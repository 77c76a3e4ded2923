-- Tells programs that listen which table was written, so that an open screen follows what others do. One notification a
-- statement, and only one a transaction for each table and operation, however many rows: PostgreSQL drops repeated ones.
-- It carries no ids: collecting them would keep a copy of every row of a bulk import, and depend on the columns of
-- tables that MCP Memoria may yet change. Nothing here can fail the statement of whoever writes.

CREATE OR REPLACE FUNCTION memoria_tui.tell_change() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_catalog.pg_notify(
        'memoria_tui', pg_catalog.json_build_object('table', TG_TABLE_NAME, 'operation', TG_OP)::pg_catalog.text
    );
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION memoria_tui.tell_change() IS
    'NOTIFY memoria_tui with {"table": "work_sessions", "operation": "INSERT"}';

CREATE OR REPLACE TRIGGER memoria_tui_live AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON public.memory_relations
    FOR EACH STATEMENT EXECUTE FUNCTION memoria_tui.tell_change();
CREATE OR REPLACE TRIGGER memoria_tui_live AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON public.work_sessions
    FOR EACH STATEMENT EXECUTE FUNCTION memoria_tui.tell_change();
CREATE OR REPLACE TRIGGER memoria_tui_live AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON public.clients
    FOR EACH STATEMENT EXECUTE FUNCTION memoria_tui.tell_change();
CREATE OR REPLACE TRIGGER memoria_tui_live AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON public.projects
    FOR EACH STATEMENT EXECUTE FUNCTION memoria_tui.tell_change();
CREATE OR REPLACE TRIGGER memoria_tui_live AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON public.user_settings
    FOR EACH STATEMENT EXECUTE FUNCTION memoria_tui.tell_change();
CREATE OR REPLACE TRIGGER memoria_tui_live AFTER INSERT ON memoria_tui.audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION memoria_tui.tell_change();
