"""Roles of the embedded server: one owns the server, the other the program's database and nothing else."""

from __future__ import annotations

OWNER = "memoria"
"""The superuser with which the data was created; only for what `PREPARE` does."""
PROGRAM = "memoria_program"
"""The role of this program: no superuser, so that no statement of it reaches files or programs of the machine.

No schema has that name, which would come before `public`."""

PREPARE = f"""
DO $$
DECLARE
    v_statement text;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{PROGRAM}') THEN
        CREATE ROLE {PROGRAM} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
    END IF;
    IF (SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()) <> '{PROGRAM}' THEN
        EXECUTE format('ALTER DATABASE %I OWNER TO {PROGRAM}', current_database());
    END IF;
    FOR v_statement IN
        WITH ours AS (SELECT oid, nspname, nspowner FROM pg_namespace WHERE nspname IN ('public', 'memoria_tui')),
             things (kind, name, owner) AS (
            SELECT 'SCHEMA', quote_ident(nspname), nspowner FROM ours WHERE nspname = 'memoria_tui'
            UNION ALL
            SELECT CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE'
                                  ELSE 'TABLE' END, c.oid::regclass::text, c.relowner
            FROM pg_class c JOIN ours ON ours.oid = c.relnamespace
            WHERE c.relkind IN ('r', 'p', 'v', 'm')
               OR (c.relkind = 'S' AND NOT EXISTS (
                       SELECT FROM pg_depend d
                       WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i')))
            UNION ALL
            SELECT 'ROUTINE', p.oid::regprocedure::text, p.proowner
            FROM pg_proc p JOIN ours ON ours.oid = p.pronamespace
            UNION ALL
            SELECT 'TYPE', t.oid::regtype::text, t.typowner
            FROM pg_type t JOIN ours ON ours.oid = t.typnamespace
            WHERE t.typtype IN ('d', 'e')
        )
        SELECT format('ALTER %s %s OWNER TO {PROGRAM}', kind, name)
        FROM things WHERE pg_get_userbyid(owner) <> '{PROGRAM}'
    LOOP
        EXECUTE v_statement;
    END LOOP;
END
$$
"""
"""Makes the program's role and gives it what programs of earlier versions made as the superuser; can be repeated."""
