"""Keys that wait for the screen: the text among them is kept, whatever becomes of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from enum import Enum, auto
from typing import TypeVar, cast

from textual import events

Typed = events.Key | events.Paste
Action = TypeVar("Action", bound=Callable[..., object])

_LETTERS = 4
"""Different characters from which on what is typed without a key that opens something is taken for text."""
_SHORTEST = 3
"""Characters from which on what is typed behind a key that opens something is worth keeping."""
_SAVES = "ctrl+s"
_ENDS = frozenset({_SAVES, "escape"})
"""Keys behind which no text is typed."""


class Act(Enum):
    """What a key does where no text is typed."""

    NOTHING = auto()
    ACTS = auto()
    TAKES_TEXT = auto()
    """It opens a field: what comes behind it is text."""


def takes_text(action: Action) -> Action:
    """An action that opens a field: what is typed behind its key is text."""
    cast("dict[str, object]", vars(action))["takes_text"] = True
    return action


class WaitingKeys:
    """What was typed and has had no effect yet, in order."""

    def __init__(self) -> None:
        self._keys: deque[Typed] = deque()
        self.clear, self.append, self.put_back = self._keys.clear, self._keys.append, self._keys.appendleft
        self.take = self._keys.popleft

    def __iter__(self) -> Iterator[Typed]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)

    @property
    def first(self) -> Typed | None:
        """The next one to have its effect."""
        return self._keys[0] if self._keys else None

    @property
    def last(self) -> Typed | None:
        return self._keys[-1] if self._keys else None

    @property
    def is_saved(self) -> bool:
        """Whether a key among them saves what is typed before it, however short, also where all is taken away."""
        return any(getattr(key, "key", "") == _SAVES for key in self._keys)

    def text(self, act_of: Callable[[Typed], Act], *, typing: bool) -> str:
        """What of it is text and not keys that act; "" where it hardly is one. `typing`: the first key is text."""
        text, opened = "", typing
        for key in self._keys:
            act = act_of(key)
            if typing or (act is Act.NOTHING and _text_of(key) != "\n"):
                text += _text_of(key)
                typing = getattr(key, "key", "") not in _ENDS
            else:
                typing = act is Act.TAKES_TEXT
                opened |= typing
        text = text.strip()
        shortest = 1 if self.is_saved else _SHORTEST
        return text if len(set(text)) >= _LETTERS or (opened and len(text) >= shortest) else ""


def _text_of(event: Typed) -> str:
    """As it stands in a field; what is no text ends a line."""
    if isinstance(event, events.Paste):
        return event.text
    return event.character if event.is_printable and event.character else "\n"
