"""Composes the year: memories, how they relate, the hours that were worked. One seed and moment, one year."""

from __future__ import annotations

import random
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Any

from services.demo.sessions import sessions_of
from services.model import MemoryDraft, MemoryType, RelationType, counted
from services.ports import NewRelation
from services.times import WriterZone
from services.transfer.reader_parts.source_ids import id_of

SEED = 7
_DAYS = 364
_TRAINS = 26
_HANDOVERS = 40

EPISODIC, SEMANTIC, PROCEDURAL = MemoryType


@dataclass(frozen=True, slots=True)
class DemoYear:
    """All that the demo store holds."""

    memories: tuple[MemoryDraft, ...]
    relations: tuple[NewRelation, ...]
    sessions: tuple[Mapping[str, object], ...]
    """Rows of `work_sessions`, with `client` and `project` as names."""


@cache
def company() -> Mapping[str, Any]:
    """The matter of the year, as it stands in `company.toml`."""
    return tomllib.loads(files("services.demo").joinpath("company.toml").read_text("utf-8"))


def compose(now: datetime, zone: WriterZone, seed: int = SEED) -> DemoYear:
    """The year that ends `now`; pauses are written in `zone`."""
    return _Year(now, zone, random.Random(seed)).composed()


class _Year:
    """The parts of the year, one after another, each memory under a short key: later ones refer to earlier ones."""

    def __init__(self, now: datetime, zone: WriterZone, dice: random.Random) -> None:
        self.now = now
        self.dice = dice
        self.memories: dict[str, MemoryDraft] = {}
        self.relations: dict[tuple[str, str, RelationType], NewRelation] = {}
        self._zone = zone

    def composed(self) -> DemoYear:
        self._incidents()
        self._runbooks()
        self._decisions()
        self._knowledge()
        self._trains()
        self._handovers()
        self._diary()
        self._digests()
        memories = sorted(self.memories.values(), key=lambda memory: (memory.created_at or self.now, memory.id))
        sessions = sessions_of(company(), self.now, self._zone, self.dice)
        return DemoYear(tuple(memories), tuple(self.relations.values()), tuple(sessions))

    def remember(
        self,
        key: str,
        kind: MemoryType,
        text: str,
        day: datetime,
        tags: Sequence[str],
        project: str | None,
        importance: float,
        **metadata: object,
    ) -> str:
        self.memories[key] = MemoryDraft(
            content=text,
            type=kind,
            id=_id(key),
            tags=tuple(dict.fromkeys(tags)),
            importance=importance,
            project=project,
            created_at=min(day, self.now),
            metadata=metadata,
        )
        return key

    def relate(self, source: str, target: str, kind: RelationType) -> None:
        made = max(self.memories[key].created_at or self.now for key in (source, target))
        self.relations[source, target, kind] = NewRelation(
            _id(source),
            _id(target),
            kind,
            weight=self.dice.choice((1.0, 1.0, 0.9, 0.75)),
            created_at=made,
            id=_id(f"{source} {kind} {target}"),
        )

    def at(self, days_ago: float) -> datetime:
        """A moment of a working day about so many days ago."""
        day = self.now.astimezone(UTC) - timedelta(days=max(1.0, days_ago))
        day -= timedelta(days=max(0, day.weekday() - 4))
        return day.replace(
            hour=self.dice.randrange(7, 17), minute=self.dice.randrange(60), second=self.dice.randrange(60)
        )

    def joined(self, keys: Sequence[str]) -> str:
        return "\n\n".join(self.memories[key].content for key in keys)

    def keys(self, prefix: str) -> list[str]:
        return [key for key in self.memories if key.startswith(prefix)]

    def _incidents(self) -> None:
        incidents = company()["incidents"]
        for number, incident in enumerate(incidents):
            title, project = incident["title"], incident["project"]
            day = self.at(_DAYS - 6 - number * (_DAYS - 12) / len(incidents))
            tags = (*incident["tags"].split(), "incident")
            seen = self.remember(
                f"seen {title}",
                EPISODIC,
                f"{title}\n\n{incident['seen']}",
                day,
                tags,
                project,
                0.6,
                user_action="incident note",
            )
            cause = self.remember(
                f"cause {title}",
                SEMANTIC,
                incident["cause"],
                day + timedelta(hours=5),
                tags,
                project,
                0.8,
                domain="root cause",
                source="incident note",
            )
            steps = "\n".join(f"{n}. {step}" for n, step in enumerate(incident["steps"], 1))
            repair = self.remember(
                f"repair {title}",
                PROCEDURAL,
                f"{incident['repair']}\n\n{steps}",
                day + timedelta(hours=27),
                (*incident["tags"].split(), "fix"),
                project,
                0.7,
                category="repair",
                steps=list(incident["steps"]),
            )
            self.relate(cause, seen, RelationType.CAUSES)
            self.relate(repair, cause, RelationType.FIXES)
            if number % 3 == 0:
                self.relate(repair, seen, RelationType.FIXES)

    def _runbooks(self) -> None:
        for number, runbook in enumerate(company()["runbooks"]):
            taught = [f"repair {title}" for title in runbook["draws_on"]]
            first = max((self.memories[key].created_at or self.now for key in taught), default=self.at(330 - number))
            steps = "\n".join(f"{n}. {step}" for n, step in enumerate(runbook["steps"], 1))
            text = f"# {runbook['title']}\n\n**When:** {runbook['when']}\n\n{steps}\n\n**Beware:** {runbook['beware']}"
            key = self.remember(
                f"runbook {runbook['title']}",
                PROCEDURAL,
                text,
                min(first + timedelta(days=6), self.now),
                runbook["tags"].split(),
                runbook.get("project"),
                0.9,
                category=runbook["category"],
                steps=list(runbook["steps"]),
                success_rate=self.dice.choice((1.0, 0.95, 0.9)),
            )
            for repair in taught:
                self.relate(key, repair, RelationType.DERIVES)

    def _decisions(self) -> None:
        causes = self.keys("cause ")
        for number, decision in enumerate(company()["decisions"]):
            project, tags = decision.get("project"), (*decision["tags"].split(), "decision")
            day = self.at(350 - number * 15)
            text = f"Decision: {decision['choice']}.\n\nWhy: {decision['reason']}. We looked at {decision['rival']}."
            key = self.remember(f"decision {number}", SEMANTIC, text, day, tags, project, 0.85, domain="decision")
            name = self.dice.choice(("Marta", "Tariq", "Ben", "Sofia", "Lucía"))
            objection = f"{name} argued for {decision['rival']} and still would, but goes along."
            rival = self.remember(f"rival {number}", EPISODIC, objection, day - timedelta(hours=20), tags, project, 0.3)
            self.relate(rival, key, RelationType.OPPOSES)
            for cause in causes:
                if set(self.memories[cause].tags[:1]) & set(tags) and self.memories[cause].project == project:
                    self.relate(cause, key, RelationType.SUPPORTS)
        for number, decision in enumerate(company()["decisions"]):
            self._former_decisions(f"decision {number}", decision)

    def _former_decisions(self, key: str, decision: Mapping[str, Any]) -> None:
        """What was decided on the same before, the newest first: each is superseded by the one after it."""
        for former in decision.get("before", ()):
            now = self.memories[key]
            text = f"Decision: {former['choice']}.\n\nWhy: {former['reason']}."
            day = (now.created_at or self.now) - timedelta(days=former["days"])
            earlier = self.remember(f"{key} before", SEMANTIC, text, day, now.tags, now.project, 0.5, domain="decision")
            self.relate(key, earlier, RelationType.SUPERSEDES)
            key = earlier

    def _knowledge(self) -> None:
        for number, fact in enumerate(company()["facts"]):
            key = self.remember(
                f"fact {number}",
                SEMANTIC,
                fact["text"],
                self.at(345 - number * 9.3),
                fact["tags"].split(),
                fact.get("project"),
                self.dice.choice((0.5, 0.6, 0.7)),
                domain="system",
                confidence=0.9,
            )
            for runbook in self.keys("runbook "):
                memory = self.memories[runbook]
                if memory.project == fact.get("project") and fact["tags"].split()[0] in memory.tags:
                    self.relate(key, runbook, RelationType.SUPPORTS)
        for number, person in enumerate(company()["people"]):
            self.remember(
                f"person {number}",
                SEMANTIC,
                person["text"],
                self.at(320 - number * 21),
                ("preferences", person["name"]),
                None,
                0.55,
                domain="people",
                confidence=0.8,
            )

    def _trains(self) -> None:
        changes: list[str] = list(company()["changes"])
        self.dice.shuffle(changes)
        for number in range(_TRAINS):
            carried = changes[number * 2 : number * 2 + 2]
            late = self.dice.choice(
                ("", "", "", " It left 20 minutes late, a browser test was flaky.", " Rolled forward once.")
            )
            text = f"Release train {number + 1} left with:\n\n" + "\n".join(f"- {change}" for change in carried)
            pulls, reverts = self.dice.randrange(9, 31), self.dice.randrange(0, 4)
            text += f"\n\n{pulls} pull requests, {counted(reverts, 'revert')} on main.{late}"
            projects = sorted({change.partition(":")[0] for change in carried})
            key = self.remember(
                f"train {number}",
                EPISODIC,
                text,
                self.at(_DAYS - 4 - number * 14),
                ("release", *projects),
                "infra",
                0.4,
                user_action="release",
            )
            if number:
                self.relate(key, f"train {number - 1}", RelationType.FOLLOWS)

    def _handovers(self) -> None:
        people = ("Sofia", "Tariq", "Marta", "Ben", "Lucía", "Priya")
        seen = self.keys("seen ")
        for number in range(_HANDOVERS):
            day = self.at(_DAYS - 8 - number * 8.9)
            week = [
                key for key in seen if timedelta(0) <= day - (self.memories[key].created_at or day) < timedelta(days=9)
            ]
            one, other = people[number % 6], people[(number + 1) % 6]
            pages = self.dice.randrange(0, 6) + 3 * len(week) + (30 if day < self.at(240) else 0)
            what = "; ".join(self.memories[key].content.splitlines()[0] for key in week) or self.dice.choice(_QUIET)
            tail = f"{self.dice.randrange(0, 40)} jobs in the parking lot, {self.dice.choice(_TAIL)}"
            text = f"On-call, {one} to {other}: {pages} pages. {what}. {tail}."
            key = self.remember(f"handover {number}", EPISODIC, text, day, ("oncall", "handover"), "infra", 0.35)
            for incident in week[:1]:
                self.relate(key, incident, RelationType.RELATED)

    def _diary(self) -> None:
        for number, call in enumerate(company()["calls"]):
            text = f"Call with {call['client']}. {call['asked']}\n\n{call['answered']}"
            tags = ("call", call["client"].split()[0].lower())
            key = self.remember(
                f"call {number}",
                EPISODIC,
                text,
                self.at(340 - number * 18.5),
                tags,
                call["project"],
                0.5,
                client=call["client"],
            )
            if number >= 3 and number % 3 == 0:
                self.relate(key, f"call {number - 3}", RelationType.RELATED)
        for number, note in enumerate(company()["notes"]):
            self.remember(
                f"note {number}",
                EPISODIC,
                note["text"],
                self.at(336 - number * 10.4),
                note["tags"].split(),
                note.get("project"),
                0.45,
            )

    def _digests(self) -> None:
        """Long texts made of earlier ones, each a part of them."""
        for project in ("portal", "ledger", "queue", "beacon", "infra", "mobile"):
            parts, seen, causes, repairs, decisions = (
                [key for key in self.keys(kind) if self.memories[key].project == project]
                for kind in ("fact ", "seen ", "cause ", "repair ", "decision ")
            )
            text = f"# How {project} works\n\n" + self.joined(parts)
            text += "\n\n## What we decided\n\n" + self.joined(decisions)
            text += "\n\n## What went wrong\n\n" + self.joined(seen) + "\n\n## Why\n\n" + self.joined(causes)
            text += "\n\n## How it was repaired\n\n" + self.joined(repairs)
            digest = self.remember(
                f"digest {project}",
                SEMANTIC,
                text,
                self.at(9 - len(project)),
                (project, "handbook"),
                project,
                0.95,
                domain="handbook",
            )
            for key in parts[:4]:
                self.relate(key, digest, RelationType.PART_OF)
        titles = self.keys("runbook ")[:8]
        guide = "# On-call guide\n\n" + "\n\n".join(
            self.memories[key].content.replace("# ", "## ", 1) for key in titles
        )
        key = self.remember("guide", PROCEDURAL, guide, self.at(5), ("oncall", "handbook"), "infra", 0.95)
        for title in titles:
            self.relate(title, key, RelationType.PART_OF)


def _id(key: str) -> str:
    return id_of(f"memoria-tui demo: {key}")


_QUIET = (
    "A quiet week",
    "Nothing that woke anybody",
    "One flaky probe, restarted",
    "The usual certificate reminder",
    "A customer's own proxy, not us",
    "Two disk warnings, both from the build agents",
)
_TAIL = (
    "all from one mailbox",
    "none older than a day",
    "half of them the PDF of one customer",
    "I dropped the duplicates",
    "please look at the webhooks first",
    "nothing urgent among them",
)
