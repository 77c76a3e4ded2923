"""WordLlama, whose weights come inside its wheel: the model that needs nothing installed or started. Blocking."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from services.errors import EmbeddingFailed
from services.points import Vector

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from tokenizers import Tokenizer

    Vectors = NDArray[np.float32]

DIMENSIONS = 256
_PIECE_CHARACTERS = 10_000
"""Longer texts are tokenised in pieces: the tokenizer's time grows faster than the text."""
_QUICK_CHARACTERS = 1000
_WORD = re.compile(r"[^\W_]+")
_EARLY = 10.0
"""Words of a passage after which one counts e times less than at its beginning."""
_PAIR_DISTANCE = 8
"""Words of a passage that stand near one another are at most so many apart."""
_FEW_PASSAGES = 20
"""From so many on their middle tells more of what all have in common than of what is asked for."""
_MOST_WORDS, _LONGEST_WORD = 50_000, 40
"""Words whose tokens are kept, some 10 MB of them, and their length in characters."""
_WEIGHTS, _TOKENIZER = "l2_supercat_256.safetensors", "l2_supercat_tokenizer_config.json"


@dataclass(frozen=True, slots=True)
class _Weights:
    """What the package has of the model."""

    halves: NDArray[np.float16]
    """One row a token, as the file has them."""
    tokenizer: Tokenizer
    _rows: Vectors
    """Those that were met, as numbers of 32 bits: to read all of them takes longer than to load all the rest."""
    _met: NDArray[np.bool_]
    _tokens: dict[str, list[int]] = field(default_factory=dict)
    """Of the words that were met."""

    def rows(self, tokens: Sequence[int]) -> Vectors:
        """One row a token."""
        import numpy as np

        places = np.array(tokens, np.intp)
        if not (met := self._met[places]).all():
            new = places[~met]
            self._rows[new] = self.halves[new]
            self._met[new] = True
        rows: Vectors = self._rows[places]
        return rows

    def by_words(self, words: Sequence[str]) -> list[list[int]]:
        """The tokens of each; none of them reaches over two words, so each word is cut up once."""
        if len(self._tokens) > _MOST_WORDS:
            self._tokens.clear()
        found = []
        for word in words:
            if (ids := self._tokens.get(word)) is None:
                ids = self.tokenizer.encode(word, add_special_tokens=False).ids
                if len(word) <= _LONGEST_WORD:
                    self._tokens[word] = ids
            found.append(ids)
        return found


class BundledModel:
    """Mean of static token vectors at unit length, 256 numbers; loaded at the first use. Raises EmbeddingFailed.

    A text without any token is read as a space, since a zero vector has no direction and would never be found.
    """

    def __init__(self) -> None:
        self._model: _Weights | None = None
        self._loading = threading.Lock()

    def is_quick(self, question: Sequence[str] | Mapping[str, float], passages: Sequence[str] = ()) -> bool:
        """Whether it takes less time than the way to a thread."""
        return self._model is not None and not passages and sum(map(len, question)) <= _QUICK_CHARACTERS

    def load(self) -> None:
        """Before anything is asked."""
        self._loaded()

    def embed(self, texts: Sequence[str]) -> list[Vector]:
        """One vector a text, in order."""
        import numpy as np

        model = self._loaded()
        pieces = [(row, piece) for row, text in enumerate(texts) for piece in _pieces(text)]
        encoded = model.tokenizer.encode_batch([piece for _, piece in pieces], add_special_tokens=False)
        sums = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
        for (row, _), tokens in zip(pieces, encoded, strict=True):
            sums[row] += model.rows(tokens.ids).sum(axis=0)
        vectors: list[Vector] = _unit(sums).tolist()
        return vectors

    def embed_words(self, weights: Mapping[str, float]) -> Vector:
        """The sum of the words' vectors by their weights."""
        import numpy as np

        total = np.array(list(weights.values()), dtype=np.float32) @ self._word_vectors(list(weights))
        vector: list[float] = _unit(total).tolist()
        return vector

    def closeness(self, weights: Mapping[str, float], passages: Sequence[str]) -> list[Vector]:
        """Late interaction (Khattab and Zaharia, ColBERT, 2020) with static vectors: a `Nearness` a passage.

        For each word of the question the highest cosine with a word of the passage; the mean of them by the weights,
        and, where a word counts less the later it stands, by their squares. The cosine of both as wholes is that
        from the middle of all passages, of which a few count less. Of two neighbours of the question the lower cosine
        counts, where words near one another have the highest.
        """
        import numpy as np

        texts = [_WORD.findall(next(_pieces(passage)).casefold()) for passage in passages]
        places = {word: place for place, word in enumerate(dict.fromkeys(word for words in texts for word in words))}
        if not places:
            return [[0.0] * 4 for _ in texts]
        lengths = np.array([len(words) for words in texts])
        starts = (np.cumsum(lengths) - lengths)[lengths > 0]
        at = np.fromiter((places[word] for words in texts for word in words), np.int32, lengths.sum())
        order = np.concatenate([np.arange(length, dtype=np.float32) for length in lengths])
        vectors, question = self._word_vectors(list(places)), self._word_vectors(list(weights))
        shares = np.array(list(weights.values()), dtype=np.float32)
        # Not `@`: its threads would wait in a busy loop for longer than the whole takes.
        cosines = np.einsum("td,wd->tw", _unit(vectors), _unit(question)).clip(0.0)[at]
        early = cosines * np.exp(order / -_EARLY)[:, None]
        squares = np.square(shares) / np.square(shares).sum()
        wholes = _unit(np.stack([vectors[mine].sum(axis=0) for mine in np.split(at, starts[1:])]))
        middle = wholes.sum(axis=0) / (len(wholes) + _FEW_PASSAGES)
        about = _unit(_unit(np.einsum("w,wd->d", shares, question)) - middle)
        both = np.minimum(cosines[:, :-1], _highest_near(cosines[:, 1:], lengths))
        pairs = (shares[:-1] + shares[1:]) / max(1e-9, (shares[:-1] + shares[1:]).sum())
        found = np.zeros((len(texts), 4), dtype=np.float32)
        found[lengths > 0] = np.stack(
            [
                np.einsum("pw,w->p", np.maximum.reduceat(cosines, starts), shares / shares.sum()),
                np.einsum("pw,w->p", np.maximum.reduceat(early, starts), squares),
                np.einsum("pd,d->p", _unit(wholes - middle), about),
                np.einsum("pw,w->p", np.maximum.reduceat(both, starts), pairs),
            ],
            axis=1,
        )
        nearness: list[Vector] = list(found.tolist())
        return nearness

    def _word_vectors(self, words: Sequence[str]) -> Vectors:
        """One row a word, the sum of its tokens."""
        import numpy as np

        model = self._loaded()
        tokens = model.by_words(words)
        sums: Vectors = np.zeros((len(words), DIMENSIONS), dtype=np.float32)
        for place in range(max(map(len, tokens), default=0)):
            rows = [row for row, ids in enumerate(tokens) if len(ids) > place]
            sums[rows] += model.rows([tokens[row][place] for row in rows])
        return sums

    def _loaded(self) -> _Weights:
        with self._loading:
            if self._model is None:
                self._model = _load()
            return self._model


def _highest_near(cosines: Vectors, lengths: NDArray[np.int_]) -> Vectors:
    """Of each column the highest within `_PAIR_DISTANCE` rows, of the same passage; `lengths` are rows of passages."""
    import numpy as np

    places = np.arange(len(cosines)) + np.repeat(np.arange(len(lengths)) * _PAIR_DISTANCE, lengths)
    highest = np.zeros((len(cosines) + (len(lengths) + 1) * _PAIR_DISTANCE, cosines.shape[1]), dtype=np.float32)
    highest[places + _PAIR_DISTANCE] = cosines  # nothing between the passages
    width = 1
    while width < 2 * _PAIR_DISTANCE + 1:
        more = min(width, 2 * _PAIR_DISTANCE + 1 - width)
        highest, width = np.maximum(highest[:-more], highest[more:]), width + more
    found: Vectors = highest[places]
    return found


def _unit(vectors: Vectors) -> Vectors:
    import numpy as np

    unit: Vectors = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    return unit


def _load() -> _Weights:
    try:
        return _read()
    except (ImportError, OSError, ValueError, KeyError) as error:
        raise EmbeddingFailed(f"The bundled model cannot be loaded: {error}; install wordllama again") from error


def _read() -> _Weights:
    """From the files of the package, without importing it, which takes longer than all the rest."""
    # Nothing here is multiplied by many threads, and those that wait for that take a core from who starts meanwhile.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    import numpy as np
    from safetensors import SafetensorError
    from safetensors.numpy import load_file
    from tokenizers import Tokenizer

    found = find_spec("wordllama")
    if found is None or found.origin is None:
        raise ImportError("wordllama is not installed")
    folder = Path(found.origin).parent
    tokenizer = Tokenizer.from_buffer((folder / "tokenizers" / _TOKENIZER).read_bytes())
    tokenizer.no_padding()
    tokenizer.no_truncation()
    try:
        halves = load_file(folder / "weights" / _WEIGHTS)["embedding.weight"]
    except SafetensorError as error:
        raise ValueError(str(error)) from error
    return _Weights(halves, tokenizer, np.zeros(halves.shape, np.float32), np.zeros(len(halves), np.bool_))


def _pieces(text: str) -> Iterator[str]:
    whole = text or " "
    for start in range(0, len(whole), _PIECE_CHARACTERS):
        yield whole[start : start + _PIECE_CHARACTERS]
