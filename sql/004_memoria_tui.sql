-- What this program adds, in a schema of its own, so that it cannot collide with what MCP Memoria may add to public.

CREATE SCHEMA IF NOT EXISTS memoria_tui;

-- One row a change, for good. States are json, not jsonb: it keeps the text as it was written, also the escapes of NUL
-- and of lone surrogates, which PostgreSQL can keep but not decode. Never look inside them in SQL.
CREATE TABLE IF NOT EXISTS memoria_tui.audit_log (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    change_group text NOT NULL,
    position     integer NOT NULL,
    entity       text NOT NULL CHECK (entity IN ('memory', 'relation', 'session', 'client', 'project')),
    entity_id    uuid NOT NULL,
    action       text NOT NULL CHECK (action IN ('created', 'updated', 'deleted', 'restored')),
    actor        text NOT NULL,
    program      text NOT NULL,
    changed_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    before       json,
    after        json,
    content_hash text,
    undoes       text,
    summary      text NOT NULL DEFAULT '',
    ends         uuid[]
);
COMMENT ON COLUMN memoria_tui.audit_log.ends IS
    'Of a relation: its source and target, by which a memory that comes back finds the relations it had';
COMMENT ON COLUMN memoria_tui.audit_log.position IS
    'Place among the rows written by one statement; the rows at 0 stand for their group in the index by actor';
COMMENT ON COLUMN memoria_tui.audit_log.content_hash IS
    'SHA-256 of the memory''s text after the change, else before it, hexadecimal';

CREATE INDEX IF NOT EXISTS audit_log_by_entity ON memoria_tui.audit_log (entity_id, id);
CREATE INDEX IF NOT EXISTS audit_log_by_group ON memoria_tui.audit_log (change_group, id);
CREATE INDEX IF NOT EXISTS audit_log_by_actor ON memoria_tui.audit_log (actor, id)
    WHERE position = 0 AND undoes IS NULL;
CREATE INDEX IF NOT EXISTS audit_log_undone ON memoria_tui.audit_log (undoes) WHERE undoes IS NOT NULL;
CREATE INDEX IF NOT EXISTS audit_log_by_ends ON memoria_tui.audit_log USING gin (ends) WHERE ends IS NOT NULL;
CREATE INDEX IF NOT EXISTS audit_log_deleted_memories ON memoria_tui.audit_log (id)
    WHERE entity = 'memory' AND action = 'deleted';

CREATE OR REPLACE FUNCTION memoria_tui.refuse_change() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the history is append-only: % refused', TG_OP USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE OR REPLACE TRIGGER audit_log_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON memoria_tui.audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION memoria_tui.refuse_change();

-- Vectors of a state before a change, so that taking the change back need not embed again.
CREATE TABLE IF NOT EXISTS memoria_tui.kept_vectors (
    change_id  bigint PRIMARY KEY REFERENCES memoria_tui.audit_log (id),
    model      text NOT NULL,
    dimensions integer NOT NULL CHECK (dimensions > 0),
    vectors    bytea NOT NULL
);
COMMENT ON COLUMN memoria_tui.kept_vectors.vectors IS
    'All chunks'' vectors one after the other, little-endian 32-bit floats';
ALTER TABLE memoria_tui.kept_vectors ALTER COLUMN vectors SET STORAGE EXTERNAL;

-- Work promised together with a change and not yet done: bring the memory's points to the state of the change.
CREATE TABLE IF NOT EXISTS memoria_tui.embedding_schedule (
    memory_id    uuid PRIMARY KEY,
    change_id    bigint NOT NULL REFERENCES memoria_tui.audit_log (id),
    attempts     integer NOT NULL DEFAULT 0,
    last_error   text,
    next_attempt timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS embedding_schedule_by_change ON memoria_tui.embedding_schedule (change_id);
