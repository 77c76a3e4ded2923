"""Who wrote a memory, who confirmed which version of it, and who changed it last. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.curation.trust import TRUST_KEYS, VERIFIED_AT, VERIFIED_BY
from services.model import AGENT, Action, Change, Kind, Memory
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
    confirmed: Mark | None = None
    """The last review or verification by a person."""
    version: int = 0
    """The one that was confirmed, counted from 1; 0: the history does not tell."""
    versions: int = 0
    changed: Mark | None = None
    """The last change of text, tags, project, type or importance."""
    waits: bool = False
    """Whether a person is still to review what agents or imports wrote."""

    def parts(self, when: Callable[[datetime], str]) -> list[str]:
        """«confirmed by anna 3 d ago, version 2 of 4», «changed by codex, an agent, 2 h ago», «not reviewed yet»."""
        parts = []
        if self.confirmed is not None:
            of = f", version {self.version} of {self.versions}" if self.version else ""
            parts.append(f"confirmed by {self.confirmed.name} {when(self.confirmed.at)}{of}")
        if self.changed is not None:
            parts.append(f"changed by {self.changed.name} {when(self.changed.at)}")
        return [*parts, "not reviewed yet"] if self.waits else parts


def provenance(memory: Memory, changes: Sequence[Change], review: Review | None) -> Provenance:
    """`changes` of the memory, the newest first; the last hundred at most."""
    complete = bool(changes) and changes[-1].action is Action.CREATED
    made = changes[-1] if complete and changes[-1].kind is not Kind.OUTSIDE else None
    edit = next((one for one in changes if one.before and one.after and _edits(one.before, one.after)), None)
    confirmed = max(_confirmations(memory, review), key=lambda one: one.at, default=None)
    return Provenance(
        written=Mark(made.actor, made.at) if made else None,
        confirmed=confirmed,
        version=_version(changes, confirmed) if complete and confirmed else 0,
        versions=len(changes) if complete else 0,
        changed=Mark(edit.actor, edit.at) if edit else None,
        waits=review is not None and review.waits,
    )


def _confirmations(memory: Memory, review: Review | None) -> list[Mark]:
    by = memory.metadata.get(VERIFIED_BY)
    verified = [Mark(by, memory.last_verified)] if memory.last_verified and isinstance(by, str) else []
    return [*verified, Mark(review.by, review.at)] if review and review.by and review.at else verified


def _version(changes: Sequence[Change], confirmed: Mark) -> int:
    """A verification is a version itself, written a moment behind its stamp."""
    return sum(one.at <= confirmed.at or _verifies(one, confirmed) for one in changes)


def _verifies(change: Change, confirmed: Mark) -> bool:
    stamp = _payload(change.after).get(VERIFIED_AT)
    return stamp != _payload(change.before).get(VERIFIED_AT) and stamp == confirmed.at.isoformat()


def _edits(before: Mapping[str, object], after: Mapping[str, object]) -> bool:
    was, will = _payload(before), _payload(after)
    ignored = TRUST_KEYS | _OF_STORES
    differ = {key for key in {*was, *will} - ignored if was.get(key) != will.get(key)}
    return bool(differ) or before.get("type") != after.get("type")


def _payload(state: Mapping[str, object] | None) -> Mapping[str, object]:
    payload = (state or {}).get("payload")
    return payload if isinstance(payload, Mapping) else {}
