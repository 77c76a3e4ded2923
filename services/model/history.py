"""What was changed, by whom, and what was undone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

AGENT = "agent:"
"""What the history writes before the name of a client through which an agent acts."""
TOKEN = "token/"
"""What follows where the client showed an access token of that name: no other client is called so."""


class Action(StrEnum):
    """What a change did."""

    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"
    RESTORED = "restored"


class Entity(StrEnum):
    """What a change was made to."""

    MEMORY = "memory"
    RELATION = "relation"
    SESSION = "session"
    CLIENT = "client"
    PROJECT = "project"
    REVIEW = "review"
    """A person's look at a memory, whose id it has."""


class Kind(StrEnum):
    """What kind of act a change belongs to."""

    EDIT = "edit"
    """A person's own: made, edited, deleted, brought back from the trash, linked, worked."""
    IMPORT = "import"
    RESTORE = "restore"
    """From a backup."""
    REPAIR = "repair"
    MERGE = "merge"
    RULE = "rule"
    """What a rule of a person did; they looked at none of it."""
    UNDO = "undo"
    REDO = "redo"
    PURGE = "purge"
    OUTSIDE = "outside"
    """Another program's, which this one met and wrote down."""

    @classmethod
    def _missing_(cls, value: object) -> Kind:
        """A kind that only a newer program knows counts as an edit."""
        return cls.EDIT


@dataclass(frozen=True, slots=True)
class Change:
    """One row of the history."""

    id: int
    """Grows with every change of the store."""
    group: str
    """Changes of one act share it; undo undoes a complete group."""
    entity: Entity
    entity_id: str
    action: Action
    actor: str
    program: str
    at: datetime
    before: Mapping[str, object] | None
    """State before as JSON; for a memory `{"type", "payload"}` with the whole text in `payload.content`."""
    after: Mapping[str, object] | None
    content_hash: str | None = None
    """SHA-256 of the memory's text after the change, else before it."""
    undoes: str | None = None
    """Group that this change undoes."""
    summary: str = ""
    """One line for a person: «edited text», «tags +auth −old»."""
    kind: Kind = Kind.EDIT
    imported: bool = False
    """True for history that came with an import or a restore: shown, and never undone by itself."""


@dataclass(frozen=True, slots=True)
class ChangedSince:
    """Something of an act that is no longer as the act left it."""

    entity: Entity
    entity_id: str
    title: str
    """First line of the memory, description of the session, name of the client or project."""
    what: str
    """«text, tags», «was deleted», «is used by other work»."""
    goal: Mapping[str, object] | None = None
    """What an undo would bring back, as JSON; None: it would remove it."""
    now: Mapping[str, object] | None = None
    """What is there now; None: nothing."""
    forceable: bool = True
    """False where even force cannot undo it."""

    @property
    def line(self) -> str:
        """«memory "The first line": text, tags»."""
        return f'{self.entity} "{self.title}": {self.what}' if self.title else f"a {self.entity}: {self.what}"


@dataclass(frozen=True, slots=True)
class Act:
    """One act of the history: all changes of a group."""

    group: str
    change_id: int
    """Number of its first change."""
    kind: Kind
    actor: str
    program: str
    at: datetime
    """When it began."""
    summary: str
    """What was done, in one line: «imported 307 memories, 253 sessions»."""
    counts: Mapping[Entity, int]
    """How many things of each kind it changed."""
    titles: tuple[str, ...] = ()
    """The first of them, for a person."""
    undone: bool = False
    """True when it is undone at the moment."""
    undoes: str | None = None
    """Group that it undid."""
    origin: Kind | None = None
    """Of an undo or a redo: the kind of what was undone or done again."""
    merged: tuple[int, int] = (0, 0)
    """Of a merge: memories that went into others, and these."""

    @property
    def total(self) -> int:
        return sum(self.counts.values())


ASKS_ABOVE = 20
"""Things above which a change of all of them asks first, and an undo."""
A_WHILE = timedelta(minutes=5)
"""Age above which the command line asks first."""


@dataclass(frozen=True, slots=True)
class UndoPreview:
    """What an undo, or a redo, would do."""

    act: Act
    """The act that would be undone; of a redo the one that would be done again."""
    group: str
    """The group that would be undone: the newest in the line of undo and redo of the act."""
    redo: bool = False
    effects: int = 0
    """How many things it would change now."""
    changed: tuple[ChangedSince, ...] = ()
    """What was changed since: stays unless the undo is forced."""
    kept: tuple[ChangedSince, ...] = ()
    """What stays in any case."""
    after_purge: bool = False
    """Whether who would undo it has erased something for good since, and done nothing else after that."""

    def reasons(
        self, actor: str, program: str, now: datetime | None = None, *, elsewhere: bool = False
    ) -> tuple[str, ...]:
        """Why to ask a person first; with `now` also because it was long ago. Empty: no need to ask.

        `elsewhere`: another process of that program did it.
        """
        act, found = self.act, []
        if act.total > ASKS_ABOVE:
            found.append(f"it changes {act.total:,} things")
        kind = act.kind if self.redo else act.origin or act.kind
        if kind in (Kind.IMPORT, Kind.RESTORE, Kind.REPAIR):
            article = "an" if kind is Kind.IMPORT else "a"
            found.append(f"it was {article} {kind}")
        if act.actor != actor:
            found.append(f"it was done by {act.actor}")
        if act.program != program:
            found.append(f"it was done in {act.program}")
        elif elsewhere:
            found.append(f"it was done in another window of {act.program}")
        if self.after_purge:
            found.append("something was erased for good since, which cannot be undone")
        if now is not None and now - act.at > A_WHILE:
            found.append("it was a while ago")
        return tuple(found)


class IfChanged(StrEnum):
    """What an undo does where something was changed since."""

    REFUSE = "refuse"
    """Undo nothing."""
    LEAVE = "leave"
    """Undo the rest."""
    FORCE = "force"
    """Undo it all the same."""


@dataclass(frozen=True, slots=True)
class Undone:
    """What an undo or a redo did, for the toast."""

    summary: str
    entity_ids: tuple[str, ...] = ()
    redo: bool = False
    left: tuple[ChangedSince, ...] = ()
    """What stays as it is: changed since, or used by other work."""

    @property
    def line(self) -> str:
        """«Undone: deleted "The first line"»."""
        said = f"{'Redone' if self.redo else 'Undone'}: {self.summary}"
        if not self.left:
            return said
        more = f" and {len(self.left) - 1} more" if len(self.left) > 1 else ""
        return f"{said} · kept: {self.left[0].line}{more}"


def net_changes(changes: Iterable[Change], *entities: Entity) -> list[Change]:
    """One change a thing of these kinds: from before the first of its changes to after the last, in their order."""
    net: dict[str, Change] = {}
    for change in changes:
        if change.entity in entities:
            first = net.pop(change.entity_id, None)
            net[change.entity_id] = change if first is None else replace(change, before=first.before)
    return [change for change in net.values() if change.before or change.after]


_PREFIXES = ("undone: ", "redone: ", "took back: ")
"""Before the summary of what was undone; the last one stands in histories that earlier versions wrote."""


def plain_summary(change: Change) -> str:
    """What the act did to the thing, also of a change that undoes it."""
    text = change.summary or str(change.action)
    for prefix in _PREFIXES:
        text = text.removeprefix(prefix)
    return text


def undone_summary(change: Change) -> str:
    """The summary of the change that undoes this one."""
    return f"{'redone' if change.kind is Kind.UNDO else 'undone'}: {plain_summary(change)}"
