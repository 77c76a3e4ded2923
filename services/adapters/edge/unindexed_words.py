"""Words that Edge's index drops: numbers, those longer than it keeps, and parts of what it takes for one word.

Its tokenizer `Multilingual` cuts Chinese and Japanese into words and drops digits; `Word` keeps digits and makes one
word of a Chinese sentence. The former has the index, and for the rest Edge looks through the texts that a condition
lets through (0.4 s for 100,000): for `4711`, `2026-03-14`, `1.18.3` as they were typed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import qdrant_edge as edge

from services.adapters.collections import CJK, MAX_TOKEN, TEXT_KEY, point_id, storable_text
from services.adapters.edge.edge_filters import edge_filter
from services.points import BM25_B, BM25_K, EVERYTHING, Condition, Contains, Filter, HasId, ScoredPoint, TextSearch

_DROPPED = re.compile(
    rf"(?<![^\W_])\d+(?:[.,:/-]\d+)*(?![^\W_])|(?<![^\W_])[^\W_]{{{MAX_TOKEN + 1},}}(?![^\W_])|[{CJK}]+"
)
_PAGE = 1000
_MOST = 20_000
"""Texts with such a word that are looked at; what more have is as common as a stop word."""


def dropped(text: str) -> tuple[str, ...]:
    """Those of the words that the index does not tell."""
    return tuple(dict.fromkeys(_DROPPED.findall(storable_text(text))))


def holding(
    shard: edge.EdgeShard, words: Sequence[str], where: Filter = EVERYTHING, whole: str = ""
) -> dict[str, list[str]]:
    """Ids of the points that have them, by word; those of Chinese, Japanese and Korean anywhere.

    Only texts in which `whole` occurs, whatever its case and blanks.
    """
    forms = {form for word in words for form in (word, word.lower(), word.upper())}
    condition = edge.Filter(should=[edge.FieldCondition(TEXT_KEY, match=edge.MatchSubstring(one)) for one in forms])
    if narrowed := edge_filter(answerable(shard, where)):
        condition = edge.Filter(must=[condition, narrowed])
    found: dict[str, list[str]] = {word: [] for word in words}
    offset, seen, sought = None, 0, _folded(whole)
    while seen < _MOST:
        records, offset = shard.scroll(
            edge.ScrollRequest(offset=offset, limit=_PAGE, filter=condition, with_payload=[TEXT_KEY])
        )
        for record in records:
            text = str((record.payload or {}).get(TEXT_KEY, ""))
            for word in words if sought in _folded(text) else ():
                if _occurs(word, text):
                    found[word].append(str(record.id))
        seen += len(records)
        if offset is None:
            break
    return found


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())


def _occurs(word: str, text: str) -> bool:
    if re.match(f"[{CJK}]", word):
        return word in text
    return re.search(rf"(?<![^\W_]){re.escape(word)}(?![^\W_])", text, re.IGNORECASE) is not None


def answerable(shard: edge.EdgeShard, where: Filter) -> Filter:
    """The same condition, where texts that the index cannot tell apart are named by their ids."""

    def of(condition: Condition) -> Condition:
        match condition:
            case Contains(key, text) if key == TEXT_KEY and (words := dropped(text)):
                return _holding_all(shard, condition, words)
            case Filter():
                return answerable(shard, condition)
        return condition

    return Filter(tuple(map(of, where.must)), tuple(map(of, where.must_not)), tuple(map(of, where.any_of)))


def _holding_all(shard: edge.EdgeShard, condition: Contains, words: Sequence[str]) -> Condition:
    """A phrase stands whole in the text; of the others each word does, and those of the index are asked of it."""
    found = holding(shard, words, whole=condition.text if condition.phrase else "")
    here = HasId(frozenset.intersection(*map(frozenset, found.values())))
    rest = _DROPPED.sub(" ", condition.text)
    if condition.phrase or not re.search(r"[^\W_]", rest):
        cut = not condition.phrase and all(re.match(f"[{CJK}]", word) for word in words)
        return Filter(any_of=(condition, here)) if cut else here
    return Filter((here, Contains(condition.key, rest)))


def scored(shard: edge.EdgeShard, request: TextSearch, hits: Sequence[ScoredPoint]) -> list[ScoredPoint]:
    """`hits` by the words that the index knows, with those by the others: what has them gets their weight beside."""
    words = dropped(request.text)
    if not words:
        return list(hits)
    found = holding(shard, words, request.where)
    total = shard.count(edge.CountRequest(exact=True))
    extra: dict[str, float] = {}
    for ids in found.values():
        weight = math.log1p((total - len(ids) + 0.5) / (len(ids) + 0.5))
        for one in ids:
            extra[one] = extra.get(one, 0.0) + weight
    best = sorted(extra, key=lambda one: -extra[one])[: request.limit]
    known = _by_index(shard, request, best)
    scores = {hit.id: hit for hit in hits} | {
        record.id: ScoredPoint(record.id, record.payload, known.get(record.id, 0.0) + extra[record.id])
        for record in _read(shard, request, best)
    }
    return sorted(scores.values(), key=lambda hit: -hit.score)[: request.limit]


def _by_index(shard: edge.EdgeShard, request: TextSearch, ids: Sequence[str]) -> dict[str, float]:
    query = edge.TextQuery(TEXT_KEY, storable_text(request.text), edge.Bm25Params(k=BM25_K, b=BM25_B))
    where = edge_filter(Filter((HasId(frozenset(ids)),)))
    asked = edge.QueryRequest(limit=max(1, len(ids)), query=query, filter=where, with_payload=False)
    return {str(hit.id): hit.score for hit in shard.query(asked)}


def _read(shard: edge.EdgeShard, request: TextSearch, ids: Sequence[str]) -> list[ScoredPoint]:
    records = shard.retrieve([one for one in map(point_id, ids) if one is not None], True, False)
    keys = request.payload_keys
    return [
        ScoredPoint(
            str(record.id),
            {key: value for key, value in (record.payload or {}).items() if keys is None or key in keys},
            0.0,
        )
        for record in records
    ]
