"""Any number of believable memories and relations from a seed: the same seed gives the same ones, on every machine."""
# ruff: noqa: SIM905 - lists of words read better as text

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from services.model import MemoryDraft, MemoryType, RelationType
from services.ports import NewRelation

NEWEST = datetime(2026, 11, 20, 12, tzinfo=UTC)
_SPAN = timedelta(days=3 * 365)
_TYPES = (MemoryType.SEMANTIC,) * 6 + (MemoryType.EPISODIC,) * 3 + (MemoryType.PROCEDURAL,)
_PEOPLE = "Anna Ben Carla David Elif Farid Greta Hugo Ines Jonas Kira Luca Mara Noor Otto Priya".split()
_DID = "fixed broke moved measured renamed removed added reviewed deployed rolled-back tested documented split".split()
_HOW = "slowly twice again early late silently by-hand at-night under-load after-lunch in-staging on-Friday".split()
_WHERE = "login checkout search billing export import queue cache gateway scheduler parser dashboard mailer".split()
_THING = (
    "token session index migration timeout retry lock connection certificate invoice schema backup webhook key "
    "report pipeline container replica message thread column password endpoint payload deadline budget alert"
).split()
_BECAUSE = "since because although until once when".split()
_ENDINGS = "ing ed er tion ment able ness ity ful ly".split()
_SYLLABLES = [a + b for a in "bdfgklmnprstvz" for b in ("a", "e", "i", "o", "u", "ar", "en", "il", "or", "un")]


def memories(count: int, seed: int = 1) -> Iterator[MemoryDraft]:
    """Drafts with ids, oldest first: three years of them, 1 in 40 long enough to be chunked, words by Zipf's law."""
    dice = random.Random(seed)
    words = _Words(dice)
    tags = [words.rare() for _ in range(200)]
    projects = [f"{dice.choice(_WHERE)}-{words.rare()}" for _ in range(40)]
    for number in range(count):
        sentences = dice.randrange(25, 60) if dice.random() < 1 / 40 else dice.randrange(1, 5)
        created = NEWEST - _SPAN * (1 - (number + dice.random()) / count)
        yield MemoryDraft(
            content=" ".join(words.sentence() for _ in range(sentences)),
            type=dice.choice(_TYPES),
            id=str(UUID(int=dice.getrandbits(128), version=4)),
            tags=tuple(dict.fromkeys(tags[_zipf(dice, len(tags))] for _ in range(dice.randrange(5)))),
            importance=round(dice.random(), 2),
            project=projects[_zipf(dice, len(projects))] if dice.random() < 0.8 else None,
            created_at=created,
        )


def relations(ids: Sequence[str], count: int, seed: int = 2) -> Iterator[NewRelation]:
    """`count` relations between these ids, mostly between neighbours in time, a few memories with very many."""
    dice = random.Random(seed)
    types = tuple(RelationType)
    seen: set[tuple[str, str, RelationType]] = set()
    for _ in itertools.count():
        if len(seen) == count:
            return
        source = _zipf(dice, len(ids)) if dice.random() < 0.05 else dice.randrange(len(ids))
        target = (source + dice.randrange(1, 50)) % len(ids)
        kind = dice.choice(types)
        edge = (ids[source], ids[target], kind)
        if source == target or edge in seen:
            continue
        seen.add(edge)
        yield NewRelation(*edge, weight=round(dice.uniform(0.3, 1), 2))


def questions(count: int, seed: int = 3) -> list[str]:
    """Texts that a person might type: two to five words that occur in the memories."""
    dice = random.Random(seed)
    words = _Words(random.Random(1))
    return [" ".join(words.any(dice) for _ in range(dice.randrange(2, 6))) for _ in range(count)]


def _zipf(dice: random.Random, size: int) -> int:
    """A place from 0 to size − 1; the nth is chosen about 1/n as often as the first."""
    return min(size - 1, int(size ** dice.random()) - 1)


class _Words:
    """A vocabulary of some 20,000 words, most of them rare."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        stems = ["".join(dice.choice(_SYLLABLES) for _ in range(dice.randrange(2, 4))) for _ in range(4000)]
        inflected = (stem + ending for stem in stems for ending in ("", *dice.sample(_ENDINGS, 4)))
        self._all = [*_THING, *_WHERE, *_DID, *_HOW, *inflected]

    def any(self, dice: random.Random) -> str:
        return self._all[_zipf(dice, len(self._all))]

    def rare(self) -> str:
        return self._all[self._dice.randrange(200, len(self._all))]

    def sentence(self) -> str:
        dice = self._dice
        more = " ".join(self.any(dice) for _ in range(dice.randrange(2, 9)))
        return (
            f"{dice.choice(_PEOPLE)} {dice.choice(_DID)} the {dice.choice(_THING)} of the {dice.choice(_WHERE)} "
            f"{dice.choice(_HOW)} {dice.choice(_BECAUSE)} the {dice.choice(_THING)} {more}."
        )
