"""Questions that the people of the demo's company might ask: whether the right memory comes first.

Asked through the search service over embedded stores as they are by default, with the demo's memories and relations.
The questions and their answers are `tests/data/demo_questions.toml`; of the wordless ones no word that tells anything
occurs in what answers them.
"""

from __future__ import annotations

import re
import tomllib
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from services.demo.year import DemoYear, compose
from services.model import Query, SearchResult
from services.stop_words import STOP_WORDS
from services.times import writer_zone
from tests.benchmarks.figures import Figure
from tests.benchmarks.stores import NOW, empty_stores

FILE = Path(__file__).parents[1] / "data" / "demo_questions.toml"
FIRST, FIRST_THREE = 0.70, 0.85
"""The goals: shares of the questions whose right memory comes first, or among the first three."""
TOLD, LOST = 0.80, 0.10
"""The goals: shares of the questions that nothing answers, and of the others, that are said to have no good match."""


@dataclass(frozen=True, slots=True)
class Question:
    ask: str
    right: frozenset[str] = frozenset()
    """Ids of the memories that answer it; any is right. Empty: nothing answers it."""
    wordless: bool = False


def questions(year: DemoYear) -> list[Question]:
    """All of the file. Raises ValueError where it does not fit the demo."""
    read = []
    for entry in tomllib.loads(FILE.read_text("utf-8"))["questions"]:
        found = [[one for one in year.memories if one.content.startswith(text)] for text in entry.get("right", ())]
        if any(len(memories) != 1 for memories in found):
            raise ValueError(f"{entry['ask']!r}: not every beginning is that of one memory")
        answers = [memories[0] for memories in found]
        wordless = entry.get("wordless", False)
        if wordless and (common := _telling(entry["ask"]) & _telling(" ".join(one.content for one in answers))):
            raise ValueError(f"{entry['ask']!r} shares {common} with its answers")
        read.append(Question(entry["ask"], frozenset(str(one.id) for one in answers), wordless))
    return read


def _telling(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.casefold())) - STOP_WORDS


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--model", default="", help="onnx:NAME or onnx:FOLDER, instead of the bundled one")


async def run(args: Namespace) -> list[Figure]:
    async with empty_stores(model=args.model) as stores:
        year = compose(NOW, writer_zone(stores.settings))
        await stores.write(year.memories)
        await stores.relate(year.relations)
        search = stores.search()
        answers = {one: await search.search(Query(one.ask, one.ask)) for one in questions(year)}
    places = {one: _place(answer, one) for one, answer in answers.items() if one.right}
    told = [not answer.answered for one, answer in answers.items() if not one.right]
    lost = {one: not answers[one].answered for one in places}
    sharing = [place for one, place in places.items() if not one.wordless]
    wordless = [place for one, place in places.items() if one.wordless]
    everything = [*sharing, *wordless]
    return [
        _goal("right memory first", _share(everything, 1), FIRST),
        _goal("right memory in the first three", _share(everything, 3), FIRST_THREE),
        Figure("with a common word: first", _share(sharing, 1), ""),
        Figure("with a common word: first three", _share(sharing, 3), ""),
        Figure("without one: first", _share(wordless, 1), ""),
        Figure("without one: first three", _share(wordless, 3), ""),
        _goal("unanswerable told apart", _of(told), TOLD),
        Figure("good ones taken for such", _of(lost.values()), "", goal=f"≤ {LOST}", ok=_of(lost.values()) <= LOST),
        Figure("of those with a common word", _of(lost[one] for one in lost if not one.wordless), ""),
    ]


def _place(answer: SearchResult, question: Question) -> int:
    """Of the first right memory, from 1; a large number when none was found."""
    return next((at for at, hit in enumerate(answer.hits, 1) if hit.memory.id in question.right), 10_000)


def _of(values: Iterable[bool]) -> float:
    told = list(values)
    return sum(told) / len(told)


def _share(places: Sequence[int], first: int) -> float:
    return sum(place <= first for place in places) / len(places)


def _goal(what: str, share: float, at_least: float) -> Figure:
    return Figure(what, share, "", goal=f"≥ {at_least}", ok=share >= at_least)
