"""BM25 over a few candidate texts, for servers that cannot score their text index."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence

from services.adapters.collections import MAX_TOKEN, MIN_TOKEN
from services.points import BM25_B, BM25_K

_WORD = re.compile(r"[^\W_]+")


def all_words(text: str) -> list[str]:
    """The words of a text as Qdrant's tokenizer `word` cuts them, lowercase, however long."""
    return _WORD.findall(text.lower())


def words(text: str) -> list[str]:
    """Those of them that our index holds."""
    return [word for word in all_words(text) if MIN_TOKEN <= len(word) <= MAX_TOKEN]


def bm25(texts: Sequence[str], frequencies: Mapping[str, int], total: int) -> list[float]:
    """One score a text: Σ idf · tf(k+1) / (tf + k(1-b+b·length/mean)) over the words of the question.

    `frequencies` tells for each word in how many of the `total` texts of the collection it occurs; the mean length is
    that of the given texts (Robertson and Zaragoza, The Probabilistic Relevance Framework, 2009).
    """
    counted = [Counter(words(text)) for text in texts]
    lengths = [counts.total() for counts in counted]
    mean = sum(lengths) / len(lengths) if sum(lengths) else 1.0
    idf = {word: math.log(1 + (max(total, found) - found + 0.5) / (found + 0.5)) for word, found in frequencies.items()}
    return [
        sum(
            weight * counts[word] * (BM25_K + 1) / (counts[word] + BM25_K * (1 - BM25_B + BM25_B * length / mean))
            for word, weight in idf.items()
        )
        for counts, length in zip(counted, lengths, strict=True)
    ]
