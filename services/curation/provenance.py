"""Who wrote a memory, who reviewed or confirmed which version of it, and who changed it last. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile

from services.model import AGENT, Action, Change, Kind, Memory
from services.model.trust_keys import TRUST_KEYS, VERIFIED_BY
from services.ports import Review

_OF_STORES = frozenset({"updated_at", "accessed_at", "access_count"})


@dataclass(frozen=True, slots=True)
class Mark:
    """Who did something, and when."""

    actor: str
    at: datetime

    @property
    def name(self) -> str:
        """«claude-code, an agent», «anna»."""
        name = self.actor.removeprefix(AGENT)
        return f"{name}, an agent" if self.actor.startswith(AGENT) else name


@dataclass(frozen=True, slots=True)
class Provenance:
    """As far as the history tells; None where it does not, and where nobody did."""

    written: Mark | None = None
    reviewed: Mark | None = None
    """The last decision of a person on what agents or imports wrote, whatever it was."""
    confirmed: Mark | None = None
    """The last verification."""
    version: int = 0
    """The one that a person looked at last, or wrote over it, counted from 1; 0: the history does not tell."""
    versions: int = 0
    """What it was written as, and each change of text, tags, project, type or importance since."""
    changed: Mark | None = None
    """The last change of text, tags, project, type or importance."""
    waits: bool = False
    """Whether a person is still to review what agents or imports wrote."""

    def parts(self, when: Callable[[datetime], str]) -> list[str]:
        """«reviewed by anna 3 d ago, version 2 of 4», «changed by codex, an agent, 2 h ago», «not reviewed yet»."""
        parts = []
        if (looked := _later(self.reviewed, self.confirmed)) is not None:
            done = "confirmed" if looked is self.confirmed else "reviewed"
            of = f", version {self.version} of {self.versions}" if self.version else ""
            parts.append(f"{done} by {looked.name} {when(looked.at)}{of}")
        if self.changed is not None:
            parts.append(f"changed by {self.changed.name} {when(self.changed.at)}")
        return [*parts, "not reviewed yet"] if self.waits else parts


def provenance(memory: Memory, changes: Sequence[Change], review: Review | None) -> Provenance:
    """`changes` of the memory, the newest first; the last hundred at most."""
    complete = bool(changes) and changes[-1].action is Action.CREATED
    made = changes[-1] if complete and changes[-1].kind is not Kind.OUTSIDE else None
    edits = [one for one in changes if one.before and one.after and _edits(one.before, one.after)]
    edit = edits[0] if edits else None
    by = memory.metadata.get(VERIFIED_BY)
    confirmed = Mark(by, memory.last_verified) if memory.last_verified and isinstance(by, str) else None
    reviewed = Mark(review.by, review.at) if review and review.by and review.at else None
    looked = _later(reviewed, confirmed)
    return Provenance(
        written=Mark(made.actor, made.at) if made else None,
        reviewed=reviewed,
        confirmed=confirmed,
        version=1 + _known(edits, looked) if complete and looked else 0,
        versions=1 + len(edits) if complete else 0,
        changed=Mark(edit.actor, edit.at) if edit else None,
        waits=review is not None and review.waits,
    )


def _known(edits: Sequence[Change], looked: Mark) -> int:
    """How many edits, the newest first, who looked knows: those until then, and own ones of what they knew."""
    return sum(1 for _ in takewhile(lambda one: one.at <= looked.at or one.actor == looked.actor, reversed(edits)))


def _later(reviewed: Mark | None, confirmed: Mark | None) -> Mark | None:
    if reviewed is None or confirmed is None:
        return reviewed or confirmed
    return confirmed if confirmed.at >= reviewed.at else reviewed


def _edits(before: Mapping[str, object], after: Mapping[str, object]) -> bool:
    was, will = _payload(before), _payload(after)
    ignored = TRUST_KEYS | _OF_STORES
    differ = {key for key in {*was, *will} - ignored if was.get(key) != will.get(key)}
    return bool(differ) or before.get("type") != after.get("type")


def _payload(state: Mapping[str, object] | None) -> Mapping[str, object]:
    payload = (state or {}).get("payload")
    return payload if isinstance(payload, Mapping) else {}
