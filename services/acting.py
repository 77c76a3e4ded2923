"""Who acts, and what they may do: the person of the settings, unless a task acts for somebody else, as a server does.

What they may do is kept in two places that all services pass, `services.permitted_stores`: the store of points shows
those of their projects alone, and the database refuses who may not write. To who is kept to some projects it is closed,
so that nothing is forgotten: a service that has seen to it itself what they read and write opens it, by `seeing_all`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import StrEnum

from services.errors import Forbidden
from services.settings import Settings
from services.unknown_ids import MEMORY_ID, unknown_id


class Scope(StrEnum):
    """How much somebody may do; each may do what those before it may."""

    READ = "read"
    WRITE = "write"
    """What can be undone."""
    ADMIN = "admin"
    """Also files of this machine, what is gone for good, access tokens; what others did, the person alone undoes."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody for whom a task acts."""

    name: str
    """As the history names them: «agent:claude-code»."""
    scope: Scope = Scope.ADMIN
    projects: frozenset[str] | None = None
    """The projects whose memories they can read and write; None: all memories."""
    session: list[str] | None = field(default=None, compare=False)
    """The groups of what they did in a session of theirs, in order; None: there are no sessions, or nobody asks."""


_actor: ContextVar[Actor | None] = ContextVar("actor", default=None)
_seeing_all: ContextVar[bool] = ContextVar("seeing_all", default=False)
_SCOPES = list(Scope)
_done_here: dict[str, None] = {}
_REMEMBERED = 10_000
"""Groups of which this process knows that it did them."""


@contextlib.contextmanager
def acting_as(actor: Actor) -> Iterator[None]:
    """What this task, and those that it starts, writes meanwhile is theirs in the history; so is what it can undo."""
    before = _actor.set(actor)
    try:
        yield
    finally:
        _actor.reset(before)


@contextlib.contextmanager
def seeing_all() -> Iterator[None]:
    """For who checks itself that nobody reads or writes beyond their projects. Never around a generator's `yield`."""
    before = _seeing_all.set(True)
    try:
        yield
    finally:
        _seeing_all.reset(before)


def actor_of(settings: Settings) -> str:
    """Who the history names for a change that is made now."""
    actor = _actor.get()
    return actor.name if actor else settings.actor


def note_act(group: str) -> None:
    """Who acts does something in this group."""
    _done_here[group] = None
    if len(_done_here) > _REMEMBERED:
        del _done_here[next(iter(_done_here))]
    actor = _actor.get()
    if actor and actor.session is not None and group not in actor.session[-1:]:
        actor.session.append(group)


def is_done_here(group: str) -> bool:
    """Whether this process did what is in a group, not long ago."""
    return group in _done_here


def acts_of_session() -> Sequence[str] | None:
    """The groups of what who acts did in this session; None: there is none, and all of their name is theirs."""
    actor = _actor.get()
    return None if actor is None or actor.session is None else actor.session


def require(scope: Scope, what: str) -> None:
    """Raises Forbidden when who acts may do less; `what` completes «may not …»."""
    actor = _actor.get()
    if actor and _SCOPES.index(actor.scope) < _SCOPES.index(scope):
        raise Forbidden(f"{actor.name} may not {what}: that needs the scope {scope}, and it has {actor.scope}")


def projects_seen() -> frozenset[str] | None:
    """The projects to which who acts is kept where they read now; None: nothing is hidden from them."""
    actor = _actor.get()
    return None if actor is None or _seeing_all.get() else actor.projects


def permitted_projects() -> frozenset[str] | None:
    """The projects to which who acts is kept, whoever checks it; None: all memories."""
    actor = _actor.get()
    return actor.projects if actor else None


def is_owner(name: str) -> bool:
    """Whether who acts may undo what this one did: the person all, everybody else, of any scope, their own."""
    actor = _actor.get()
    return actor is None or actor.name == name


def may_see(*payloads: Mapping[str, object] | None) -> bool:
    """Whether who acts may read all of these payloads of memories; None is no memory, which they may."""
    projects = permitted_projects()
    return projects is None or all(one is None or one.get("project") in [*projects] for one in payloads)


def require_seen(memory_id: str, payload: Mapping[str, object] | None) -> None:
    """Raises NotFound when who acts may not know of the memory."""
    if not may_see(payload):
        raise unknown_id(MEMORY_ID, memory_id)


def require_all_seen(wanted: Collection[str], seen: Collection[str]) -> None:
    """Raises NotFound when who acts is kept to projects and does not see one of these memories."""
    if permitted_projects() is not None:
        for one in wanted:
            if one not in seen:
                require_seen(one, {})


def require_writable(payload: Mapping[str, object] | None) -> None:
    """Raises Forbidden when who acts may not make a memory so."""
    if not may_see(payload):
        names = ", ".join(sorted(permitted_projects() or ()))
        raise Forbidden(f"only memories of these projects may be written with this token: {names}; give one as project")
