"""Runs the revisions on the connection that `services.adapters.postgres.schema` opened, in its transaction."""

from __future__ import annotations

from alembic import context
from sqlalchemy import text

SCHEMA = "memoria_tui"
CREATE_SCHEMA = f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"

if context.is_offline_mode():
    context.configure(dialect_name="postgresql", version_table_schema=SCHEMA)
    context.get_context().impl.static_output(f"{CREATE_SCHEMA};")
    context.run_migrations()
else:
    connection = context.config.attributes["connection"]
    connection.execute(text(CREATE_SCHEMA))
    context.configure(connection=connection, version_table_schema=SCHEMA)
    context.run_migrations()
