"""What a database is made of, object by object, from PostgreSQL's catalogues."""

from __future__ import annotations

from tests.services.servers import query

_OURS = "n.nspname IN ('public', 'memoria_tui')"
_KINDS = {
    "schema": f"SELECT n.nspname, n.nspacl::text, pg_get_userbyid(n.nspowner) FROM pg_namespace n WHERE {_OURS}",
    "relation": f"""
        SELECT c.oid::regclass::text, c.relkind, c.relpersistence, c.relrowsecurity, c.reloptions::text, c.relacl::text,
               pg_get_userbyid(c.relowner), CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {_OURS} AND c.relkind <> 'i'""",
    "column": f"""
        SELECT a.attrelid::regclass::text || '.' || a.attname, a.attnum, format_type(a.atttypid, a.atttypmod),
               a.attnotnull, a.attidentity, a.attgenerated, pg_get_expr(d.adbin, d.adrelid), a.attstorage,
               a.attcompression, a.attcollation::regcollation::text, a.attstattarget, a.attacl::text
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        WHERE {_OURS} AND c.relkind IN ('r', 'v', 'm', 'p') AND a.attnum > 0 AND NOT a.attisdropped""",
    "sequence": f"""
        SELECT s.seqrelid::regclass::text, s.seqtypid::regtype::text, s.seqstart, s.seqincrement, s.seqmax, s.seqmin,
               s.seqcycle
        FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE {_OURS}""",
    "constraint": f"""
        SELECT t.conrelid::regclass::text || '.' || t.conname, t.contype, pg_get_constraintdef(t.oid), t.convalidated
        FROM pg_constraint t JOIN pg_namespace n ON n.oid = t.connamespace WHERE {_OURS}""",
    "index": f"""
        SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid), i.indisvalid, i.indisunique,
               i.indisreplident
        FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE {_OURS}""",
    "enum": f"""
        SELECT t.oid::regtype::text, t.typacl::text, pg_get_userbyid(t.typowner),
               string_agg(e.enumlabel, ' ' ORDER BY e.enumsortorder)
        FROM pg_enum e JOIN pg_type t ON t.oid = e.enumtypid JOIN pg_namespace n ON n.oid = t.typnamespace
        WHERE {_OURS} GROUP BY t.oid""",
    "function": f"""
        SELECT p.oid::regprocedure::text, pg_get_functiondef(p.oid), p.proacl::text, pg_get_userbyid(p.proowner)
        FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE {_OURS}""",
    "trigger": f"""
        SELECT t.tgrelid::regclass::text || '.' || t.tgname, pg_get_triggerdef(t.oid), t.tgenabled
        FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE {_OURS} AND NOT t.tgisinternal""",
    "comment": """
        SELECT pg_describe_object(d.classoid, d.objoid, d.objsubid), d.description
        FROM pg_description d WHERE d.objoid >= 16384""",
    "default privilege": "SELECT defaclrole::regrole::text, defaclobjtype, defaclacl::text FROM pg_default_acl",
    "extension": "SELECT extname, extversion FROM pg_extension",
}
"""By kind, a query of the objects' names and of all that defines them."""

Catalogue = dict[str, dict[str, tuple[object, ...]]]


def catalogue(url: str) -> Catalogue:
    """Definitions of all objects of the schemas `public` and `memoria_tui`, by kind and name."""
    return {kind: {str(name): tuple(rest) for name, *rest in query(url, sql)} for kind, sql in _KINDS.items()}
