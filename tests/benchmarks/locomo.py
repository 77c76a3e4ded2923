"""Recall on conversations of LoCoMo: each turn is one episodic memory, each conversation a store of its own.

For a folder of files with `turns` and `questions`, the mean share of a question's evidence among its first k hits,
asked through the search service over embedded stores as they are by default.

What each step of `services/search/fusion.py` brought, as R@10 of four conversations, the same with `follows`, how often
of the 40 questions of `tests/data/demo_questions.toml` that share a word with what answers them that came first, and of
the 20 that share none how often it was among the first ten (on a model of the search, the last lines measured):

    shares of the best BM25, all words read closely     0.695  0.767  27   1
    shares of what the question's telling words give    0.701  0.759  27   7
    stop words not read closely                         0.708  0.764  28   6
    later chunks count less, by 1 / (1 + 0.15 ln n)     0.708  0.764  31   6
    few words in common count less than their share     0.711  0.762  34   8
    activation from what sets the best hits apart       0.713  0.775  35   9
    early words, wholes without their middle, questions 0.714  0.787  37  11
    words that stand together, what is asked for        0.724  0.795  38  12

The weights of the last two steps were chosen on two conversations and tried on the others, and the other way round: the
others gain 0.003 to 0.022, `follows` from 0.004 less to 0.024 more. With all-MiniLM-L6-v2: 0.731, 0.801.

Tried without a gain that both R@10 and the questions show: irregular forms beside what was typed; vectors, or words,
without their common directions; more hits read closely (0.003 for twice the time); near words by other powers, or those
of the first hits; the question's vector without stop words; soft matches of words instead of the cosine; windows and
best sentences instead of wholes; wholes by rare words, by their length, or as a share near the question; letters in
common, for misspelt words; "because" where "why" is asked; capitals of the question; tags read with the passages, or as
a leg of their own; other static models, and the bundled one turned to or trained on the vectors of all-MiniLM-L6-v2.
"""

from __future__ import annotations

import itertools
import json
from argparse import ArgumentParser, Namespace
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from services.model import MemoryDraft, MemoryType, Query, RelationType, SearchMode
from services.ports import NewRelation
from services.search.search_service import SearchService
from tests.benchmarks.figures import Figure
from tests.benchmarks.stores import empty_stores

CUTS = (5, 10, 25)
GOALS: Mapping[str, float] = {"hybrid": 0.72, "hybrid + follows": 0.785}
"""Recall wanted among the first ten hits."""
_RRF = 60


@dataclass(frozen=True, slots=True)
class Conversation:
    """One file."""

    drafts: tuple[MemoryDraft, ...]
    questions: tuple[tuple[str, frozenset[str]], ...]
    """Text and the ids of the memories that answer it."""

    @classmethod
    def read(cls, file: Path) -> Conversation:
        data = json.loads(file.read_text("utf-8"))
        ids = {turn["id"]: str(uuid5(NAMESPACE_URL, f"{file.name}/{turn['id']}")) for turn in data["turns"]}
        drafts = tuple(MemoryDraft(turn["text"], MemoryType.EPISODIC, ids[turn["id"]]) for turn in data["turns"])
        questions = tuple(
            (question["question"], frozenset(ids[turn] for turn in question["evidence"] if turn in ids))
            for question in data["questions"]
        )
        return cls(drafts, tuple(question for question in questions if question[1]))

    def follows(self) -> list[NewRelation]:
        """A relation from each turn to the one before."""
        ids = [str(draft.id) for draft in self.drafts]
        return [NewRelation(new, old, RelationType.FOLLOWS) for old, new in itertools.pairwise(ids)]


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--model", default="", help="onnx:NAME or onnx:FOLDER, instead of the bundled one")
    parser.add_argument("--data", type=Path, required=True, help="folder of conversations, one JSON file each")


async def run(args: Namespace) -> list[Figure]:
    recalls: defaultdict[str, list[tuple[float, ...]]] = defaultdict(list)
    if not (files := sorted(args.data.glob("*.json"))):
        raise SystemExit(f"{args.data}: no conversation is here; name the folder that has their JSON files")
    for file in files:
        conversation = Conversation.read(file)
        async with empty_stores(model=args.model) as stores:
            await stores.write(conversation.drafts)
            search = stores.search()
            for text, evidence in conversation.questions:
                for ranking, found in (await _rankings(search, text)).items():
                    recalls[ranking].append(_recall(found, evidence))
            await stores.relate(conversation.follows())
            for text, evidence in conversation.questions:
                found = await _found(search, text, SearchMode.HYBRID)
                recalls["hybrid + follows"].append(_recall(found, evidence))
    return [figure for ranking, values in recalls.items() for figure in _figures(ranking, values, recalls["keyword"])]


async def _rankings(search: SearchService, text: str) -> dict[str, Sequence[str]]:
    dense = await _found(search, text, SearchMode.SEMANTIC)
    keyword = await _found(search, text, SearchMode.KEYWORD)
    ranks: defaultdict[str, float] = defaultdict(float)
    for found in (dense, keyword):
        for place, memory_id in enumerate(found, start=1):
            ranks[memory_id] += 1 / (_RRF + place)
    return {
        "dense": dense,
        "keyword": keyword,
        "reciprocal ranks": sorted(ranks, key=lambda one: -ranks[one]),
        "hybrid": await _found(search, text, SearchMode.HYBRID),
    }


async def _found(search: SearchService, text: str, mode: SearchMode) -> list[str]:
    result = await search.search(Query(raw=text, text=text, mode=mode))
    return [hit.memory.id for hit in result.hits]


def _recall(found: Sequence[str], evidence: frozenset[str]) -> tuple[float, ...]:
    return tuple(len(evidence.intersection(found[:cut])) / len(evidence) for cut in CUTS)


def _figures(ranking: str, values: Sequence[tuple[float, ...]], baseline: Sequence[tuple[float, ...]]) -> list[Figure]:
    figures = []
    for place, cut in enumerate(CUTS):
        recall, other = (sum(value[place] for value in series) / len(series) for series in (values, baseline))
        goal = GOALS.get(ranking) if cut == 10 else None
        figures.append(
            Figure(
                f"{ranking}: R@{cut}",
                round(recall, 4),
                "",
                "keyword (BM25 alone)",
                recall / other if other else None,
                f"≥ {goal}" if goal else None,
                recall >= goal if goal else None,
            )
        )
    return figures
