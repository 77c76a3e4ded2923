"""What mem0 and OpenMemory list and export: memories whose text is `memory`, with a state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from services.storable_text import quoted
from services.transfer.reader_parts.field_aliases import has_text
from services.transfer.reader_parts.imported_records import BadRecord, Record, RecordNote
from services.transfer.reader_parts.json_items import Item, json_items
from services.transfer.reader_parts.opened_source import Opened
from services.transfer.reader_parts.reader import Reader
from services.transfer.readers.json_records import memory_of

_OWNED_BY = ("user_id", "app_id", "app_name", "agent_id", "run_id")
_NAMED = frozenset({"categories", "apps"})
"""Lists of OpenMemory's zip that name what its memories have as ids."""
_PAIRS = "memory_categories"
_USER = "user"
"""The object of OpenMemory's zip that names the one whose memories these are."""


def _recognises(opened: Opened) -> bool:
    shape = opened.shape
    stated = shape.has("state") and shape.has(*_OWNED_BY, "created_at", "categories")
    owned = shape.has("memory") and shape.has("hash", "user_id", "created_at", "score", "categories", "metadata", "id")
    return owned or stated or ("results" in shape.keys and shape.has("memory"))


def _records(opened: Opened) -> Iterator[Record]:
    names, waiting = _Names(), list[Item]()
    for item in json_items(opened, _wanted, (_USER,)):
        if isinstance(item, BadRecord):
            yield item
        elif item.part == _USER:
            if names.add_user(item.value):
                name = quoted(names.user["user_name"])
                yield RecordNote(item.where, f"{name} is kept with each memory, as user_name")
        elif item.part in _NAMED or item.part == _PAIRS:
            names.add(item)
        elif names.lack(item.value):
            waiting.append(item)
        else:
            yield memory_of(names.named(item), opened.source)
    yield from (memory_of(names.named(item), opened.source) for item in waiting)


def _wanted(name: str, first: Mapping[str, object]) -> bool:
    return name in ("results", "memories", "items", _PAIRS) or name in _NAMED or has_text(first)


@dataclass(slots=True)
class _Names:
    """The names of categories and apps, which a document lists before or after its memories."""

    known: dict[str, str] = field(default_factory=dict)
    """By id."""
    pairs: dict[str, list[str]] = field(default_factory=dict)
    """Ids of categories by the id of their memory."""
    user_id: str = ""
    user: dict[str, str] = field(default_factory=dict)
    """What each memory of that user is to say of them."""

    def add_user(self, user: Mapping[str, object]) -> bool:
        """Gives whether the user has a name."""
        given = [user.get(key) for key in ("name", "user_id", "email")]
        names = list(dict.fromkeys(one for one in given if isinstance(one, str) and one.strip()))
        self.user_id, self.user = str(user.get("id")), dict(zip(("user_name", "user_handle"), names, strict=False))
        return bool(names)

    def add(self, item: Item) -> None:
        value = item.value
        if item.part == _PAIRS:
            self.pairs.setdefault(str(value.get("memory_id")), []).append(str(value.get("category_id")))
        elif isinstance(name := value.get("name"), str) and name.strip():
            self.known[str(value.get("id"))] = name

    def lack(self, memory: Mapping[str, object]) -> bool:
        """Whether the memory has an id whose name did not come yet."""
        app, user = memory.get("app_id"), memory.get("user_id")
        ids = {*_ids(memory), *([str(app)] if app else [])}
        return "category_ids" in memory and not (ids <= self.known.keys() and user in (None, self.user_id))

    def named(self, item: Item) -> Item:
        """The memory with names for its ids, as far as they are known."""
        value = dict(item.value)
        ids = list(dict.fromkeys([*_ids(value), *self.pairs.get(str(value.get("id")), ())]))
        if found := [self.known[one] for one in ids if one in self.known]:
            value["categories"] = found
            value["category_ids"] = [one for one in ids if one not in self.known] or None
        if app := self.known.get(str(value.get("app_id"))):
            value.setdefault("app_name", app)
        if str(value.get("user_id")) == self.user_id:
            value = {**self.user, **value}
        return replace(item, value=value)


def _ids(memory: Mapping[str, object]) -> list[str]:
    given = memory.get("category_ids")
    return [str(one) for one in given] if isinstance(given, list) else []


READER = Reader(
    "mem0",
    "what mem0 and OpenMemory list or export (`results`, `memories`, `items`; a list; lines; OpenMemory's zip)",
    "text, id, dates, categories as tags, user, app (by their names where the file has these) and every other key as "
    "metadata; archived and paused as tags",
    "deleted ones and relations between names (reported); access rules, history of states",
    _recognises,
    _records,
)
