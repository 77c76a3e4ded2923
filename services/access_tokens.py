"""Access tokens: made once, kept as hashes, and what they let their holders do."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Sequence
from datetime import datetime

from services.acting import Actor, Scope, actor_of, require
from services.errors import Conflict, InvalidInput, Malformed, NotFound
from services.model import AGENT, TOKEN, any_of
from services.ports import Clock
from services.records import Records
from services.records.access_tokens import AccessToken
from services.settings import Settings
from services.storable_text import quoted
from services.unknown_names import instead

_PREFIX = "memoria_"
"""What tokens begin with, for people and for programs that look for secrets."""
_BYTES = 32
"""Of chance: nobody guesses them, so that a plain hash is enough."""
_NAME = re.compile(r"[^\W_][\w.-]{0,59}")


def check_name(name: str) -> None:
    """Raises InvalidInput for what no token can be called."""
    if not _NAME.fullmatch(name):
        raise Malformed(f"{quoted(name)} is no name of a token: up to 60 letters, digits, '.', '_' and '-'")


def check_expiry(expires: datetime, now: datetime) -> None:
    """Raises InvalidInput for a time that is over."""
    if expires <= now:
        raise InvalidInput(f"the token would have expired at {expires:%Y-%m-%d %H:%M}; give a later time")


def check_projects(projects: Sequence[str], scope: Scope) -> None:
    """Raises InvalidInput for projects to which no token of that scope can be kept."""
    if any(not one.strip() for one in projects):
        raise Malformed("a project has a name; leave --project out for all memories")
    if projects and scope is Scope.ADMIN:
        others = any_of(one for one in Scope if one is not Scope.ADMIN)
        raise Malformed(f"a token of the scope admin is for all projects; choose {others}")


class AccessTokenService:
    """Makes, lists and revokes tokens, which needs the scope admin, and tells what one is good for."""

    def __init__(self, records: Records, settings: Settings, clock: Clock) -> None:
        self._records = records
        self._settings = settings
        self._clock = clock

    async def create(
        self, name: str, scope: Scope, projects: Sequence[str] = (), expires: datetime | None = None
    ) -> tuple[AccessToken, str]:
        """A new token, and its text, which is kept nowhere. No `projects`: all memories.

        Raises InvalidInput, Conflict when there is or was one of that name.
        """
        require(Scope.ADMIN, "make access tokens")
        check_name(name)
        check_projects(projects, scope)
        if expires is not None:
            check_expiry(expires, self._clock())
        text = _PREFIX + secrets.token_urlsafe(_BYTES)
        by = actor_of(self._settings)
        made = await self._records.tokens.add(name, _hash(text), scope, projects, by, expires)
        if made is None:
            said = f"there is or was a token {quoted(name)}, and the history may name acts by it; choose another name"
            raise Conflict(said, None)
        return made, text

    async def all(self) -> list[AccessToken]:
        """Newest first, revoked and expired ones too."""
        require(Scope.ADMIN, "list access tokens")
        return await self._records.tokens.all()

    async def revoke(self, name: str) -> AccessToken:
        """Makes a token worthless at once. Raises NotFound."""
        require(Scope.ADMIN, "revoke access tokens")
        if (revoked := await self._records.tokens.revoke(name)) is None:
            known = [one.name for one in await self._records.tokens.all() if one.is_valid(self._clock())]
            raise NotFound(f"there is no token {quoted(name)}; {instead(name, known)}")
        return revoked

    async def actor(self, text: str) -> Actor | None:
        """Who holds this token, with what they may do; None when it is worthless."""
        token = await self._records.tokens.valid(_hash(text))
        return Actor(AGENT + TOKEN + token.name, token.scope, token.projects) if token else None


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
