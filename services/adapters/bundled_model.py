"""WordLlama, whose weights come inside its wheel: the model that needs nothing installed or started. Blocking."""

from __future__ import annotations

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
_MOST_WORDS, _LONGEST_WORD = 50_000, 40
"""Words whose tokens are kept, some 10 MB of them, and their length in characters."""
_WEIGHTS, _TOKENIZER = "l2_supercat_256.safetensors", "l2_supercat_tokenizer_config.json"


@dataclass(frozen=True, slots=True)
class _Weights:
    """What the package has of the model."""

    embedding: Vectors
    """One row a token."""
    tokenizer: Tokenizer
    _tokens: dict[str, list[int]] = field(default_factory=dict)
    """Of the words that were met."""

    def by_words(self, texts: Sequence[Sequence[str]]) -> list[list[int]]:
        """The tokens of each text, given in words; none of them reaches over two words, so each is cut up once."""
        if len(self._tokens) > _MOST_WORDS:
            self._tokens.clear()
        found = {}
        for word in {word for words in texts for word in words}:
            if (ids := self._tokens.get(word)) is None:
                ids = self.tokenizer.encode(word, add_special_tokens=False).ids
                if len(word) <= _LONGEST_WORD:
                    self._tokens[word] = ids
            found[word] = ids
        return [[token for word in words for token in found[word]] for words in texts]


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
            sums[row] += model.embedding[tokens.ids].sum(axis=0)
        vectors: list[Vector] = _unit(sums).tolist()
        return vectors

    def embed_words(self, weights: Mapping[str, float]) -> Vector:
        """The sum of the words' vectors by their weights."""
        import numpy as np

        total = np.array(list(weights.values()), dtype=np.float32) @ self._word_vectors(list(weights))
        vector: list[float] = _unit(total).tolist()
        return vector

    def closeness(self, weights: Mapping[str, float], passages: Sequence[str]) -> list[float]:
        """Late interaction (Khattab and Zaharia, ColBERT, 2020) with static vectors.

        For each word of the question the highest cosine with a token of the passage; the mean of them, 0..1, by the
        squares of the weights, since a telling word tells on both sides.
        """
        import numpy as np

        model = self._loaded()
        question = _unit(self._word_vectors(list(weights)))
        shares = np.square(np.array(list(weights.values()), dtype=np.float32))
        shares /= shares.sum()
        encoded = model.by_words([next(_pieces(passage.lower())).split() for passage in passages])
        tokens, places = np.unique(np.concatenate([*encoded, []]).astype(np.int32), return_inverse=True)
        # Not `@`: its threads would wait in a busy loop for longer than the whole takes.
        cosines = np.einsum("td,wd->tw", _unit(model.embedding[tokens]), question)
        ends = np.cumsum([len(ids) for ids in encoded])
        return [float(cosines[mine].max(axis=0, initial=0.0) @ shares) for mine in np.split(places, ends)[:-1]]

    def _word_vectors(self, words: Sequence[str]) -> Vectors:
        """One row a word, the sum of its tokens."""
        import numpy as np

        model = self._loaded()
        return np.stack([model.embedding[ids].sum(axis=0) for ids in model.by_words([[word] for word in words])])

    def _loaded(self) -> _Weights:
        with self._loading:
            if self._model is None:
                self._model = _load()
            return self._model


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
        embedding = load_file(folder / "weights" / _WEIGHTS)["embedding.weight"]
    except SafetensorError as error:
        raise ValueError(str(error)) from error
    return _Weights(np.ascontiguousarray(embedding.astype(np.float32)), tokenizer)


def _pieces(text: str) -> Iterator[str]:
    whole = text or " "
    for start in range(0, len(whole), _PIECE_CHARACTERS):
        yield whole[start : start + _PIECE_CHARACTERS]
