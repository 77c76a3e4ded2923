"""Memori's schema as its programs make it, with rows of every kind."""

from __future__ import annotations

import psycopg

SCHEMA = """
CREATE SCHEMA memori;
CREATE TABLE memori.memories (
    id serial PRIMARY KEY, user_id text, content text, category text, metadata jsonb,
    content_tsv tsvector GENERATED ALWAYS AS (to_tsvector('simple', coalesce(content, ''))) STORED,
    source_type text, confidence numeric(4, 3), lineage jsonb, last_used_at timestamptz, use_count integer DEFAULT 0,
    expires_at timestamptz, created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now());
CREATE TABLE memori.entities (
    id serial PRIMARY KEY, user_id text, entity_type text, entity_name text, content text, metadata jsonb,
    created_at timestamp DEFAULT '2026-02-01 12:00:00');
CREATE TABLE memori.relationships (
    id serial PRIMARY KEY, user_id text, source_entity_id integer, target_entity_id integer, relationship_type text,
    metadata jsonb, created_at timestamptz DEFAULT '2026-02-02 12:00:00+00');
CREATE TABLE memori.conversations (
    id serial PRIMARY KEY, user_id text, session_id text, messages jsonb, metadata jsonb,
    created_at timestamptz, updated_at timestamptz);
"""
ROWS = r"""
INSERT INTO memori.memories (user_id, content, category, metadata, source_type, confidence, lineage, use_count,
                             expires_at, created_at, updated_at) VALUES
    ('ana', 'The queue delivers twice', 'fact',
     '{"tags": ["queue"], "project": "api", "importance": 0.9, "content": "clash", "ticket": {"n": 7}}', 'chat', 0.875,
     '{"parents": [3]}', 4, '2020-01-01Z', '2026-01-01 10:00:00+02', '2026-01-02 10:00:00+02'),
    ('ana', 'Always roll back first', 'Rules', '[1, "two"]', NULL, NULL, NULL, NULL, 'infinity', NULL, NULL),
    (NULL, 'We met the customer', 'event', NULL, NULL, NULL, NULL, NULL, NULL, '0044-03-15 BC', '2026-01-03Z'),
    ('ana', E'odd \x1b[31m [b]x[/] 日本 👩‍💻', 'whatever', '"text"', NULL, NULL, NULL, NULL, NULL, '2026-01-04Z', NULL),
    ('ana', repeat('long text. ', 2000), NULL, NULL, NULL, NULL, NULL, NULL, NULL, '2026-01-05Z', NULL),
    ('ana', NULL, 'fact', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    ('ana', E' \n', 'fact', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO memori.entities (user_id, entity_type, entity_name, content, metadata) VALUES
    ('ana', 'person', 'Ana', 'Ana leads the team', NULL), ('ana', 'team', 'Payments', NULL, '{"size": 4}'),
    ('ana', 'tool', 'Kafka', 'a log', NULL), ('ana', NULL, '', NULL, NULL);
INSERT INTO memori.relationships (user_id, source_entity_id, target_entity_id, relationship_type, metadata) VALUES
    ('ana', 1, 2, 'worksFor', '{"since": 2024}'), ('ana', 2, 3, 'uses', NULL), ('ana', 2, 1, 'contains', NULL),
    ('ana', 1, 3, 'knows', NULL), ('ana', 3, 3, 'causes', NULL), ('ana', 1, 99, 'causes', NULL),
    ('ana', NULL, 1, 'causes', NULL), ('ana', 4, 1, 'causes', NULL);
INSERT INTO memori.conversations (user_id, session_id, messages, created_at) VALUES
    ('ana', 's', '[{"role": "user", "content": "second?"}, {"role": "assistant", "content": [{"text": "yes"}]}]',
     '2026-03-02Z'),
    ('ana', 's', '[{"user_input": "first?", "ai_output": "sure"}]', '2026-03-01Z'),
    ('ana', 's', '[]', '2026-03-03Z'),
    ('ana', 's', '{"messages": ["third"]}', '2026-03-04Z'),
    ('ben', 's', '"said alone"', '2026-03-05Z');
"""


def make(url: str) -> None:
    """Memori's tables with the rows above, in a database that has none."""
    run(url, SCHEMA + ROWS)


def run(url: str, sql: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql)


def everything(url: str) -> list[tuple[object, ...]]:
    """All rows as they stand, with the transaction that wrote each."""
    with psycopg.connect(url) as connection:
        return [
            row
            for table in ("memories", "entities", "relationships", "conversations")
            for row in connection.execute(f"SELECT xmin::text, ctid::text, t::text FROM memori.{table} t ORDER BY id")
        ]
