"""A week of agents' work, triaged in the app by keys alone: 300 memories, of which 30 are duplicates, 10 contradict
what is known, 5 have secrets and 20 are outdated. Counts keys and texts that are read, and looks into the stores at the
end.

The memories come through the door of the agents, the keys go into the real app without a terminal. A person's time is
that of the keystroke-level model (Card, Moran, Newell: The Keystroke-Level Model for User Performance Time, CACM 23(7),
1980): each key takes the 0.28 s of an average typist, and each but the letters of a typed text 1.35 s of thought before
it. Texts are read at 238 words a minute, the mean of silent readers (Brysbaert: How many words do we read per minute?,
Journal of Memory and Language 109, 2019). Of what is decided on alone both texts are read, of lists the lines. What the
inbox finds nothing in is kept unread: how much time is left for it is a figure of its own.
"""

from __future__ import annotations

import random
import time
from argparse import Namespace
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, cast

from textual.pilot import Pilot

from memoria_tui.agents.tool_calls import Door
from memoria_tui.agents.tools import TOOLS
from memoria_tui.dialogs.confirm import ConfirmDialog
from memoria_tui.dialogs.duplicates import DuplicatesDialog
from memoria_tui.modes.health.screen import HealthScreen
from memoria_tui.modes.inbox.screen import InboxScreen
from services.acting import Actor
from services.container import Services, open_services
from services.curation.inbox import Finding, InboxItem
from services.distinctive_words import words_that_differ
from services.errors import NotFound
from services.integrity.checks import SECRETS
from services.model import AGENT, MemoryDraft, MemoryType, RelationType
from services.secret_texts import find_secrets
from tests.benchmarks.figures import Figure, limited
from tests.benchmarks.seeded import memories
from tests.benchmarks.stores import empty_stores
from tests.tui.conftest import press, settle
from tests.tui.plain_app import plain_app

_KEY, _THOUGHT = 0.28, 1.35
"""Seconds."""
_WORDS = 238 / 60
"""That are read in a second."""
_LIMIT = 600
"""Seconds of a person's time."""
_WEEK, _COPIES, _OUTDATED = 300, 30, 20
_AGENTS = ("claude-code", "cursor")
_TAG = "status"
_FACTS = (
    ("The access token of the web client lives for {} minutes before it is renewed", "30", "45"),
    ("Invoices are sent on day {} of each month by the billing job", "1", "5"),
    ("The nightly backup of the main database begins at {} in the morning", "2", "4"),
    ("Search results stay in the cache of the gateway for {} seconds", "60", "300"),
    ("Since the audit nobody may choose fewer than {} characters to sign in with", "10", "14"),
    ("An import that fails is tried {} times, then it is left to a person", "3", "5"),
    ("Staging {} deployed from the branch of the release each evening", "is", "is not"),
    ("The oldest mobile app that the server still answers has version {}", "4.2", "5.0"),
    ("Support promises to call customers back within {} hours on working days", "4", "8"),
    ("A customer may upload files of up to {} MB each in the portal", "25", "100"),
)
"""A sentence, what is known, and what an agent says."""
_WRONG = 3
"""Of the agents' sentences so many are wrong; the others tell of a change."""


@dataclass(slots=True)
class Week:
    """The ids of what was written, by what a person is to do about it."""

    kept: list[str] = field(default_factory=list)
    copies: dict[str, str] = field(default_factory=dict)
    """Each with the one that it is a copy of."""
    newer: dict[str, str] = field(default_factory=dict)
    """Each with what is outdated by it."""
    wrong: dict[str, str] = field(default_factory=dict)
    """Each with what is true."""
    secret: list[str] = field(default_factory=list)
    outdated: list[str] = field(default_factory=list)


class Person:
    """Presses keys, counts them and what is read."""

    def __init__(self, pilot: Pilot[None]) -> None:
        self._pilot = pilot
        self.keys = self.letters = self.words = self.texts = 0
        self.waited = 0.0
        """Seconds until the program had done what the keys asked for."""

    @property
    def screen(self) -> Any:
        return self._pilot.app.screen

    @property
    def seconds(self) -> float:
        return (self.keys + self.letters) * _KEY + self.keys * _THOUGHT + self.words / _WORDS

    async def press(self, *keys: str) -> None:
        self.keys += len(keys)
        await self._press(*keys)

    async def type(self, text: str) -> None:
        self.letters += len(text)
        await self._press(*text)

    async def _press(self, *keys: str) -> None:
        began = time.perf_counter()
        await press(self._pilot, *keys)
        self.waited += time.perf_counter() - began

    def read(self, *texts: str) -> None:
        self.texts += len(texts)
        self.words += sum(len(one.split()) for one in texts)


async def run(args: Namespace) -> list[Figure]:
    async with empty_stores() as stores:
        settings = replace(stores.settings, actor="anna")

        async with open_services(settings) as services:
            week = await _written(services)
        app = plain_app(lambda: open_services(settings))
        async with app.run_test(size=(120, 40), notifications=True) as pilot:
            await settle(pilot)
            person, parts = Person(pilot), dict[str, int]()
            for name, act in _STEPS.items():
                before = person.keys + person.letters
                await act(person, week)
                parts[name] = person.keys + person.letters - before
        async with open_services(settings) as services:
            wrong = await _not_as_wanted(services, week)
    keys, seconds = person.keys + person.letters, person.seconds
    left = max(0.0, _LIMIT - seconds) / len(week.kept)
    return [
        limited(f"a person's time for {_WEEK} memories", seconds, "s", _LIMIT),
        Figure("memories that are not as they should be", len(wrong), "", goal="none", ok=not wrong),
        Figure("keys", keys, ""),
        *(Figure(f"keys: {name}", number, "") for name, number in parts.items()),
        Figure("texts read", person.texts, ""),
        Figure("words read", person.words, ""),
        Figure(f"time left for each of the {len(week.kept)} others", left, "s"),
        Figure("the program's answers to all keys", person.waited, "s"),
    ]


# what a person does


async def _merge(person: Person, week: Week) -> None:
    """All that need no look at once; of each other pair one text is read, and of the other what is set off in it."""
    await person.press("1", "M", "asterisk", "n")
    await _sure(person)
    dialog = cast("DuplicatesDialog", person.screen)
    while (pair := dialog._pair) is not None:
        stays, goes = (one.content for one in pair)
        person.read(stays, " ".join(word for both in words_that_differ(stays, goes) for word in both))
        ids = {one.id for one in pair}
        is_copy = any({copy, of} == ids for copy, of in week.copies.items())
        await person.press("M" if is_copy else "enter")
    await person.press("escape")


def _lines(person: Person) -> Iterator[str]:
    """What a question says."""
    for one in person.screen.query("#dialog Static").results():
        yield from str(one.content).splitlines()


async def _mask(person: Person, week: Week) -> None:
    await person.press("6")
    screen = cast("HealthScreen", person.screen)
    while screen.section is not SECRETS:
        await person.press("down")
    await person.press("F")
    person.read(*_lines(person))
    await person.press("y")


async def _retire(person: Person, week: Week) -> None:
    await person.press("1", "slash")
    await person.type(f"is:unreviewed tag:{_TAG}")
    await person.press("enter")
    person.read(*(hit.memory.title for hit in person.screen.memory_list.hits()))
    await person.press("a", "full_stop")
    await _sure(person)


async def _review(person: Person, week: Week) -> None:
    """What the inbox found something in one by one, all else by one key."""
    await person.press("2", "o", "o", "o")
    screen = cast("InboxScreen", person.screen)
    while (item := screen.item) is not None:
        assert screen.waiting is not None
        assert screen.waiting.group is not None
        if screen.waiting.group.name == Finding.NOTHING:
            await person.press("asterisk")
            await _sure(person)
        else:
            await _decide(person, week, screen, item)


async def _sure(person: Person) -> None:
    """Answers the question that comes before many things are changed at once."""
    if isinstance(person.screen, ConfirmDialog):
        person.read(str(person.screen.query_one("#dialog").border_title), *_lines(person))
        await person.press("y")


async def _decide(person: Person, week: Week, screen: InboxScreen, item: InboxItem) -> None:
    id_ = item.memory.id
    other = week.newer.get(id_) or week.copies.get(id_)
    while other is not None and screen.near is not None and screen.near.memory.id != other:
        await person.press("down")
    person.read(item.memory.content, *([screen.near.memory.content] if screen.near else []))
    if id_ in week.newer:
        await person.press("greater_than_sign")
    elif id_ in week.wrong:
        await person.press("d")
    else:
        await person.press("M" if id_ in week.copies else "enter")


_STEPS: Mapping[str, Callable[[Person, Week], Any]] = {
    "merge duplicates": _merge,
    "mask secrets": _mask,
    "retire what is outdated": _retire,
    "review the rest": _review,
}


# what the agents wrote


async def _written(services: Services) -> Week:
    """A store of a person with what agents added in a week, in no order but that copies come after what they copy."""
    dice, week = random.Random(11), Week()
    texts = [(one.content, one.project or "", str(one.type)) for one in memories(2 * _WEEK) if len(one.content) < 500]
    known = [await _known(services, *one) for one in texts[:40]]
    facts = [await _known(services, text.format(was), "api", "semantic") for text, was, _ in _FACTS]
    others, writes = iter(texts[40:]), list[Callable[[Door], Any]]()

    async def store(door: Door, text: str, project: str, type_: str, *tags: str) -> str:
        given = {"content": text, "memory_type": type_, "project": project or None, "tags": list(tags)}
        (tool,) = (one for one in TOOLS if one.name == "memoria_store")
        return str(cast("Any", await door.call(tool, Actor(f"{AGENT}{dice.choice(_AGENTS)}"), given)).id)

    async def plain(door: Door) -> None:
        week.kept.append(await store(door, *next(others)))

    async def outdated(door: Door) -> None:
        text, *about = next(others)
        week.outdated.append(await store(door, f"For now: {text}", *about, _TAG))

    def contradicting(number: int) -> Callable[[Door], Any]:
        async def write(door: Door) -> None:
            made = await store(door, _FACTS[number][0].format(_FACTS[number][2]), "api", "semantic")
            (week.wrong if number < _WRONG else week.newer)[made] = facts[number]

        return write

    def secret(text: str) -> Callable[[Door], Any]:
        async def write(door: Door) -> None:
            sentence, *about = next(others)
            week.secret.append(await store(door, f"{sentence} {text}", *about))

        return write

    writes += [plain] * (_WEEK - _COPIES - _OUTDATED - len(_FACTS) - 5) + [outdated] * _OUTDATED
    writes += [contradicting(number) for number in range(len(_FACTS))]
    writes += [secret(text) for text in _secrets(dice)]
    dice.shuffle(writes)

    @asynccontextmanager
    async def opened() -> AsyncIterator[Services]:
        yield services

    async with Door(opened) as door:
        for write in writes:
            await write(door)
        own = dice.sample(week.kept, _COPIES // 2)
        for number, copied in enumerate([*own, *dice.sample(known, _COPIES - len(own))]):
            memory = await services.memories.get(copied)
            text = _copied(memory.content, number % 3, dice)
            week.copies[await store(door, text, memory.project or "", str(memory.type))] = copied
    return week


async def _known(services: Services, text: str, project: str, type_: str) -> str:
    return (await services.memories.create(MemoryDraft(text, MemoryType(type_), project=project or None))).id


def _copied(text: str, how: int, dice: random.Random) -> str:
    """In other blanks and case, with a word more, or with one in seven words in another form: the last ones are not
    merged unseen.
    """
    if how == 0:
        return text.lower().replace(" ", "  ", 3)
    if how == 1:
        return f"{text} Indeed."
    words = text.split()
    for place in dice.sample(range(len(words)), len(words) // 7):
        words[place] = f"{words[place]}ly"
    return " ".join(words)


def _secrets(dice: random.Random) -> tuple[str, ...]:
    """Made up at each run, in the form of real ones."""

    def signs(count: int, among: str = "ABCDEFGHIJKLMNPQRSTUVWXYZ23456789") -> str:
        return "".join(dice.choice(among) for _ in range(count))

    return (
        f"The key is AKIA{signs(16)}",
        f"It uses ghp_{signs(36)}",
        f"password: {signs(4).lower()}7{signs(6).lower()}",
        f"It connects to postgresql://app:{signs(12)}@db/app",
        f"Posted with xoxb-{signs(20)}",
    )


# what came of it


async def _not_as_wanted(services: Services, week: Week) -> list[str]:
    """Why each memory is not as it should be."""
    wrong = [f"{await services.inbox.count()} wait still"] if await services.inbox.count() else []
    for id_ in (*week.kept, *week.secret, *week.newer, *week.outdated):
        review = await services.inbox.review_of(id_)
        if not await _is_there(services, id_) or review is None or review.by != "anna":
            wrong.append(f"{id_} is not reviewed")
    for copy, of in week.copies.items():
        if await _is_there(services, copy) is await _is_there(services, of):
            wrong.append(f"{copy} is not merged")
    for new, old in week.newer.items():
        related = [one.relation for one in await services.memories.relations(new)]
        if (new, old, RelationType.SUPERSEDES) not in [(one.source_id, one.target_id, one.type) for one in related]:
            wrong.append(f"{new} does not supersede {old}")
    wrong += [f"{id_} is there still" for id_ in week.wrong if await _is_there(services, id_)]
    wrong += [f"{id_} is not masked" for id_ in week.secret if find_secrets((await services.memories.get(id_)).content)]
    for id_ in week.outdated:
        if (await services.memories.get(id_)).expires_at is None:
            wrong.append(f"{id_} does not expire")
    return wrong


async def _is_there(services: Services, id_: str) -> bool:
    try:
        await services.memories.get(id_)
    except NotFound:
        return False
    return True
