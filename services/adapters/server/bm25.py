"""BM25 over a few candidate texts, for servers that cannot score their text index."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence

from services.adapters.collections import CJK, MAX_TOKEN, MIN_TOKEN
from services.points import BM25_B, BM25_K

_WORD = re.compile(r"[^\W_]+")
_SUFFIX = re.compile(r"(?:ies|ied|ing|es|ed|s|y|e)$")
_SHORTEST_STEM = 3
_CUT = re.compile(f"[{CJK}]")


def all_words(text: str) -> list[str]:
    """The words of a text as Qdrant's tokenizer `word` cuts them, lowercase, without accents, however long."""
    if not text.isascii():
        text = "".join(one for one in unicodedata.normalize("NFD", text) if not "\u0300" <= one <= "\u036f")
        text = unicodedata.normalize("NFC", text)
    return _WORD.findall(text.lower())


def is_cut(word: str) -> bool:
    """Whether it is Chinese, Japanese or Korean, where the tokenizer takes a sentence for a word."""
    return _CUT.search(word) is not None


def words(text: str) -> list[str]:
    """Those of them that our index holds."""
    return [word for word in all_words(text) if MIN_TOKEN <= len(word) <= MAX_TOKEN]


def stem(word: str) -> str:
    """Roughly what the index makes of a word: "deliveries" and "delivered" are found by "delivery"."""
    stemmed = _SUFFIX.sub("", word)
    return stemmed if len(stemmed) >= _SHORTEST_STEM else word


def bm25(texts: Sequence[str], frequencies: Mapping[str, int], total: int) -> list[float]:
    """One score a text: Σ idf · tf(k+1) / (tf + k(1-b+b·length/mean)) over the words of the question.

    `frequencies` tells for each word in how many of the `total` texts of the collection it occurs; the mean length is
    that of the given texts (Robertson and Zaragoza, The Probabilistic Relevance Framework, 2009).
    """
    counted = [Counter(map(stem, words(text))) for text in texts]
    lengths = [counts.total() for counts in counted]
    mean = sum(lengths) / len(lengths) if sum(lengths) else 1.0
    idf = {word: math.log(1 + (max(total, found) - found + 0.5) / (found + 0.5)) for word, found in frequencies.items()}
    stems = {word: stem(word) for word in idf}
    return [
        sum(
            weight * counts[stems[word]] * (BM25_K + 1) / (counts[stems[word]] + BM25_K * (1 - BM25_B + BM25_B * long))
            for word, weight in idf.items()
        )
        for counts, long in ((counts, length / mean) for counts, length in zip(counted, lengths, strict=True))
    ]
