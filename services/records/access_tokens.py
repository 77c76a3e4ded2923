"""`access_tokens`: who may use the server from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from services.acting import Scope
from services.ports import SqlDatabase

_COLUMNS = "name, scope, projects, created_by, created_at, expires_at, revoked_at"
_ADD = f"""
INSERT INTO memoria_tui.access_tokens (name, hash, scope, projects, created_by, expires_at)
VALUES (:name, :hash, :scope, CAST(:projects AS text[]), :created_by, :expires_at)
ON CONFLICT (name) DO NOTHING RETURNING {_COLUMNS}
"""
_VALID = f"""
SELECT {_COLUMNS} FROM memoria_tui.access_tokens
WHERE hash = :hash AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
"""
_REVOKE = f"""
UPDATE memoria_tui.access_tokens SET revoked_at = coalesce(revoked_at, now()) WHERE name = :name RETURNING {_COLUMNS}
"""


@dataclass(frozen=True, slots=True)
class AccessToken:
    """What is known of a token, which itself is not kept."""

    name: str
    scope: Scope
    projects: frozenset[str] | None
    """None: all memories."""
    created_by: str
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    used_at: datetime | None = None
    """To within a few seconds; None: never, or that is not asked for."""

    @property
    def reach(self) -> str:
        """Whose memories it opens: «api, web», or «all memories»."""
        return "all memories" if self.projects is None else ", ".join(sorted(self.projects))

    def is_valid(self, now: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > now)


class AccessTokens:
    def __init__(self, database: SqlDatabase) -> None:
        self._database = database

    async def add(
        self, name: str, hashed: str, scope: Scope, projects: Sequence[str], by: str, expires: datetime | None
    ) -> AccessToken | None:
        """A new token; None when there was one of that name. No `projects`: all memories."""
        given = {"name": name, "hash": hashed, "scope": str(scope), "created_by": by, "expires_at": expires}
        async with self._database.transaction() as connection:
            rows = await connection.fetch(_ADD, projects=sorted(set(projects)) or None, **given)
        return _token(rows[0]) if rows else None

    async def all(self) -> list[AccessToken]:
        """Newest first, revoked and expired ones too."""
        rows = await self._database.fetch(f"SELECT {_COLUMNS} FROM memoria_tui.access_tokens ORDER BY created_at DESC")
        uses = await self._database.fetch("SELECT name, used_at FROM memoria_tui.token_uses")
        used = {row.name: row.used_at for row in uses}
        return [replace(_token(row), used_at=used.get(row.name)) for row in rows]

    async def valid(self, hashed: str) -> AccessToken | None:
        """The token of this hash, neither expired nor revoked."""
        rows = await self._database.fetch(_VALID, hash=hashed)
        return _token(rows[0]) if rows else None

    async def revoke(self, name: str) -> AccessToken | None:
        """The token that is not valid any more; None when there is none of that name."""
        async with self._database.transaction() as connection:
            rows = await connection.fetch(_REVOKE, name=name)
        return _token(rows[0]) if rows else None


def _token(row: Any) -> AccessToken:
    projects = None if row.projects is None else frozenset(row.projects)
    scope = Scope(row.scope)
    return AccessToken(row.name, scope, projects, row.created_by, row.created_at, row.expires_at, row.revoked_at)
