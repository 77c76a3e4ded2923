"""Live counts beside the list: types, tags, projects, dates; choosing one narrows the query."""

from __future__ import annotations

from dataclasses import dataclass

from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView

from services.model import Facets


class FacetPanel(ScrollView, can_focus=True):
    """Groups of values with their counts; active ones are marked."""

    facets: reactive[Facets] = reactive(Facets)
    active: reactive[frozenset[tuple[str, str]]] = reactive(frozenset)
    """(kind, value) of what the query already asks for; kind is type, tag, project or date."""

    @dataclass
    class Toggled(Message):
        """A value was chosen or taken back."""

        kind: str
        value: str
