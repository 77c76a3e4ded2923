"""What the program is started with: one value, which the app and each of its modes get."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from memoria_tui.user_files.config import Config

if TYPE_CHECKING:
    from services.container import Services
    from services.model import Progress
    from services.ports import Clock

OpenStores = Callable[[], AbstractAsyncContextManager["Services"]]
"""After the first paint."""
LoadDemo = Callable[["Services", Callable[["Progress"], None]], Coroutine[object, object, str]]
"""Fills the store with the demo data, telling how far it is; answers with one line that says what is there now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """Nothing in it has a default: the type check fails where one is forgotten."""

    open_stores: OpenStores
    where: str
    """The stores, as the header names them."""
    clock: Clock
    config: Config
    """The person's settings, as they were at the start."""
    load_demo: LoadDemo | None
    """Fills an empty store when the person asks for it; None: that is not offered."""
    drafts: Path | None
    """The folder for what is typed and not saved; None: it is not kept."""
    searches: Path | None
    """The file of what was searched for; None: it is forgotten at the end."""
