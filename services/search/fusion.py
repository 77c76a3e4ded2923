"""How the legs of a search become one score. Pure.

A memory's own score is its BM25, as a share of what all telling words of the question could give, and its cosine,
added with fixed weights. On top comes what its relations bring: activation spreads from what sets the best hits apart
from the last of them over at most two relations, less by each, by weak relations and by memories that are related to
very many (Anderson's fan effect: a hub tells little about a neighbour). The best are then read word by word, where the
embedder knows words, or the bundled model is there beside it: near words count, telling ones and early ones most, stop
words not at all, and more where neighbours of the question stand together; the passage as a whole counts by what sets
it apart from the others that are read; one that has what the question's own word asks for, a time or a name, counts
more, one that ends with a question less. What was asked for by its title goes first.

What each step brings, and what was tried besides, is in `tests/benchmarks/locomo.py`, which measures it.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from services.model import Why
from services.ports import Link, Nearness
from services.search.unrelated import BUNDLED, Unrelated
from services.stop_words import STOP_WORDS

DENSE_WEIGHT, KEYWORD_WEIGHT = 1.0, 1.4
"""Weights of the cosine and of the keyword score; from 1.2 to 1.5 for the latter the recall is the same."""
SENTENCE_WEIGHT = 1.4
"""Of the cosine of a model that reads sentences; with all-MiniLM-L6-v2 1.0 loses 0.004, and 1.6 `follows` 0.009."""
_FEW_WORDS = 1.5
"""Power of a keyword score: a few of the words, by chance, count less than their share; with 2 `follows` loses 0.01."""
_LATER_CHUNK = 0.15
"""How much less a later chunk counts, by the logarithm of how many its memory has: each is one more chance."""
NEAR_WORDS, NEAR_LEAD, NEAR_WHOLE, NEAR_PAIRS = 0.18, 0.15, 0.3, 0.25
"""Weights of the parts of a `Nearness` beside a whole score of at most 1."""
ASKED_FOR = 0.12
"""What a passage counts more that has what the question's own word asks for: a time, a number, a name, a place."""
ASKING = 0.06
"""What a passage that ends with a question of its own counts less: what follows it would answer."""
CLOSELY_READ = 30
"""Best hits whose passages are read word by word; from 40 on `follows` gains 0.001."""
DEPTH = 100
"""Points that each leg asks a collection for and that are fused, unless more hits are wanted; deeper the recall hardly
grows."""
ENOUGH = 75
"""Memories of a leg that are enough, where one of them has so many chunks that it takes the places of others."""
SEEDS = 30
"""Best hits whose relations are followed; from 20 on the recall is the same."""
MIDDLES = 60
"""Neighbours whose relations are followed further, the most active ones."""
SPREAD = 0.8
"""Share of a score that passes over a relation of weight 1; more helps where all are related (`follows`), and puts
neighbours before what was asked for where few are."""
SUPERSEDED = 0.5
"""Share of its scores that a memory keeps which another supersedes."""
FREE_FAN = 2
"""Relations that a memory may have before each of them passes on less."""


_OF_MEANING = 0.5
"""What a memory's words count for in place of its cosine, where there is none."""
_OF_WORDS, _OF_DEVIATIONS, _OF_NEAR_WORDS, _OF_LEAD = 0.25, 0.08, 0.13, 0.63
"""What makes a hit relevant; a cosine by its deviations above what is not related. Shares of the questions that nothing
answers and of the others without a hit of `GOOD_RELEVANCE`: of `tests/data/demo_questions.toml`, and of LoCoMo's four
conversations asked the demo's questions and their own.

    the bundled model          0.83  0.18  0.86  0.06
    all-MiniLM-L6-v2           0.80  0.08  0.89  0.00
    paraphrase-MiniLM-L3-v2    0.83  0.20  0.88  0.00

The 11 of the demo that the bundled one loses share no word with their answers, and those are mostly not found
either. A rule trained on LoCoMo, of these parts and of how far the best hit is above the others, how near all that
were read come, which words no memory has, and how near the nearest of all words are, loses 0.15 to 0.18 where it
tells 0.8 apart. The median cosine of a question's own hits instead of measured ones lost 0.28 with all-MiniLM-L6-v2."""


@dataclass(frozen=True, slots=True)
class Closely:
    """What reading a hit tells."""

    near: Nearness | None = None
    """None: its words were not compared."""
    has_asked: bool = False
    """Whether its passage has what the question's word asks for."""
    asks: bool = False
    """Whether its passage ends with a question."""
    titled: bool = False
    """Whether what was asked for is its title."""

    @property
    def bonus(self) -> float:
        """Never less than nothing: what is not read closely comes after what is."""
        if self.near is None:
            return 0.0
        words, lead, whole, pairs = self.near
        near = NEAR_WORDS * words + NEAR_LEAD * lead + NEAR_WHOLE * whole + NEAR_PAIRS * pairs
        return max(0.0, near + ASKED_FOR * self.has_asked - ASKING * self.asks)


_UNREAD = Closely()


@dataclass(frozen=True, slots=True)
class Scored:
    """A memory's score with its parts."""

    score: float
    """0..1: 1 is the best hit's."""
    relevance: float
    """0..1, absolute."""
    why: Why


def folded(score: float, place: int, chunks: int) -> float:
    """What the score of a chunk, the `place`th from 0 of so many, counts for its memory."""
    return score / (1 + _LATER_CHUNK * math.log(chunks)) if place and chunks > 1 and score > 0 else score


def telling(weights: Mapping[str, float]) -> dict[str, float]:
    """The words that are no stop words, with their weights; all, where there are no others."""
    return {word: weight for word, weight in weights.items() if word not in STOP_WORDS} or dict(weights)


def shares(bm25: Mapping[str, float], weights: Mapping[str, float]) -> dict[str, float]:
    """Keyword scores 0..1: BM25 as a share of the weights of the question's telling words, once each.

    Where none are known, as a share of the best.
    """
    whole = sum(telling(weights).values()) or max(bm25.values(), default=0.0) or 1.0
    return {one: min(1.0, score / whole) for one, score in bm25.items()}


def share_of(words: Iterable[str], weights: Mapping[str, float]) -> float:
    """What words of a question give of the weights of all its telling ones."""
    telling_words = telling(weights)
    return sum(telling_words.get(word, 0.0) for word in words) / (sum(telling_words.values()) or 1.0)


def own_scores(
    dense: Mapping[str, float], keyword: Mapping[str, float], dense_weight: float = DENSE_WEIGHT
) -> tuple[dict[str, float], float]:
    """Scores 0..1 of the memories that a leg found, from cosines and from `shares`, and that of all others.

    A memory that the dense leg did not find is given the least cosine that it saw: it has at most that.
    """
    least = max(0.0, min(dense.values(), default=0.0))
    words, meaning = (KEYWORD_WEIGHT if keyword else 0.0), (dense_weight if dense else 0.0)
    whole = (words + meaning) or 1.0
    own = {
        one: (words * keyword.get(one, 0.0) ** _FEW_WORDS + meaning * max(0.0, dense.get(one, least))) / whole
        for one in dense.keys() | keyword.keys()
    }
    return own, meaning * least / whole


def seeds(own: Mapping[str, float]) -> dict[str, float]:
    """The best, with what sets them apart from the last of them: what all have says nothing about their relations."""
    best = dict(sorted(own.items(), key=lambda one: -one[1])[:SEEDS])
    least = min(best.values()) if len(best) == SEEDS else 0.0
    return {one: score - least for one, score in best.items()}


def activation(seeds: Mapping[str, float], links: Iterable[Link]) -> dict[str, float]:
    """What each memory gets: the most that comes over one relation, and the most that comes over two."""
    links_of: defaultdict[str, list[Link]] = defaultdict(list)
    for link in links:
        links_of[link.memory_id].append(link)
    first: dict[str, float] = {}
    second: dict[str, float] = {}
    for seed, score in seeds.items():
        for middle, passed in _passed(score, links_of.get(seed, ())):
            first[middle] = max(first.get(middle, 0.0), passed)
            for neighbour, value in _passed(passed, links_of.get(middle, ())):
                if neighbour != seed:
                    second[neighbour] = max(second.get(neighbour, 0.0), value)
    return {one: first.get(one, 0.0) + second.get(one, 0.0) for one in first.keys() | second.keys()}


def _passed(score: float, links: Sequence[Link]) -> Iterable[tuple[str, float]]:
    share = SPREAD * score * math.sqrt(FREE_FAN / max(FREE_FAN, len(links)))
    return ((link.neighbour_id, share * link.weight) for link in links)


def scaled(scores: Mapping[str, float], shares: Mapping[str, float]) -> dict[str, float]:
    """The scores, of some only a share."""
    return {one: score * shares.get(one, 1.0) for one, score in scores.items()}


def totals(own: Mapping[str, float], graph: Mapping[str, float]) -> dict[str, float]:
    """What a memory has by itself and by its relations, best first; equal ones in the order of their ids."""
    summed = {one: own.get(one, 0.0) + graph.get(one, 0.0) for one in own.keys() | graph.keys()}
    return {one: summed[one] for one in sorted(summed, key=lambda one: (-summed[one], one))}


def explained(
    totals: Mapping[str, float],
    closely: Mapping[str, Closely],
    dense: Mapping[str, float],
    keyword: Mapping[str, float],
    graph: Mapping[str, float],
    unrelated: Unrelated = BUNDLED,
    *,
    worded: bool = True,
) -> dict[str, Scored]:
    """Every memory with its final score and the parts of it, best first: what was asked for by its title.

    `closely` is known of the best ones only. `unrelated` is what the model tells of what is not related, and `worded`
    whether words were looked for.
    """
    read = {one: closely.get(one, _UNREAD) for one in totals}
    final = {one: total + read[one].bonus for one, total in totals.items()}
    best = max(final.values(), default=0.0) or 1.0
    return {
        one: Scored(
            1.0 if read[one].titled else final[one] / best,
            _relevance(one, dense, keyword if worded else None, read[one].near, unrelated),
            Why(
                dense=_meaning(dense[one], read[one].near) if one in dense else None,
                keyword=keyword.get(one),
                graph=min(1.0, graph[one]) if one in graph else None,
            ),
        )
        for one in sorted(final, key=lambda one: (not read[one].titled, -final[one], one))
    }


def _meaning(cosine: float, near: Nearness | None) -> float:
    """The cosine of the whole and the nearness word by word, by their weights."""
    within = min(1.0, max(0.0, cosine))
    if near is None:
        return within
    whole = DENSE_WEIGHT / (1 + DENSE_WEIGHT)
    return (whole * within + NEAR_WORDS * near.words) / (whole + NEAR_WORDS)


def _relevance(
    one: str,
    dense: Mapping[str, float],
    keyword: Mapping[str, float] | None,
    near: Nearness | None,
    unrelated: Unrelated,
) -> float:
    """A part that is not known counts as the words do."""
    words = keyword.get(one, 0.0) if keyword is not None else near.words if near else 0.0
    meaning = _OF_DEVIATIONS * unrelated.above(dense.get(one, 0.0)) if dense else _OF_MEANING * words
    close = _OF_NEAR_WORDS * near.words + _OF_LEAD * near.lead if near else (_OF_NEAR_WORDS + _OF_LEAD) * words
    return min(1.0, _OF_WORDS * words + meaning + close)
