"""How near a model puts what has nothing to do with one another: what a cosine of it tells is told from there.

Models differ: 0.3 is much with one, and less than any two texts have with another. So each is measured by a few
questions and texts of which none answers another, once, and a cosine counts by the deviations that it is above them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, pstdev
from typing import NamedTuple

from services.concurrency import together
from services.ports import Embedder

_QUESTIONS = (
    "how do I cancel my gym membership",
    "what should a newborn kitten eat",
    "why is the roof leaking",
    "when does the night bus leave",
    "who won the chess tournament",
    "how much did the new sofa cost",
    "which tree grows fastest",
    "what makes bread dough rise",
)
_TEXTS = (
    "Mrs Okafor teaches the little ones to play the piano.",
    "After the wedding they travelled to Crete for two weeks.",
    "The museum stays closed on the first day of the week.",
    "Red wine comes out of a carpet with salt and cold water.",
    "The server restarts by itself after an update of the kernel.",
    "Our neighbour keeps bees behind the old mill.",
    "The court dismissed the claim because it came too late.",
    "Two goals in the second half decided the match.",
    "The glacier has lost a third of its length since 1900.",
    "She prefers to read the newspaper on paper.",
    "Invoices are paid within thirty days of their date.",
    "The violin was tuned a little too high that evening.",
)
_LEAST_DEVIATION = 0.01


class Unrelated(NamedTuple):
    """Cosines of questions with texts that do not answer them."""

    mean: float
    deviation: float

    def above(self, cosine: float) -> float:
        """By how many deviations it is more than is usual among these, 0 at least."""
        return max(0.0, (cosine - self.mean - self.deviation) / self.deviation)


BUNDLED = Unrelated(0.015, 0.075)
TYPICAL = Unrelated(0.05, 0.09)
"""Of a model that cannot be asked."""


async def measured(embedder: Embedder) -> Unrelated:
    """Asks the model for twenty vectors. Raises EmbeddingFailed or StoreUnavailable."""
    texts = await embedder.embed_documents(_TEXTS)
    questions = await together(*map(embedder.embed_query, _QUESTIONS))
    cosines = [_cosine(question, text) for question in questions for text in texts]
    return Unrelated(fmean(cosines), max(_LEAST_DEVIATION, pstdev(cosines)))


def _cosine(one: Sequence[float], other: Sequence[float]) -> float:
    lengths = math.hypot(*one) * math.hypot(*other)
    return sum(a * b for a, b in zip(one, other, strict=True)) / lengths if lengths else 0.0
