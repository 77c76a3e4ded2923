"""What a screen shows that it must ask the stores for: one of four states, each with all that is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from services.errors import MemoriaError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Idle:
    """The stores are being opened; nothing can be asked yet."""


@dataclass(frozen=True, slots=True)
class Loading:
    """An answer is on its way; what was there before stays on screen."""


@dataclass(frozen=True, slots=True)
class Loaded(Generic[T]):
    """The answer is on screen."""

    value: T


@dataclass(frozen=True, slots=True)
class Failed:
    """There is no answer, and this is why."""

    error: MemoriaError


Loadable = Idle | Loading | Loaded[T] | Failed
