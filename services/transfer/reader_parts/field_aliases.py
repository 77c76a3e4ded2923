"""The names that programs and people give to the same field: `createdAt`, `date created`, `created` are one. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

NAMES_OF_A_TEXT = ("content", "memory", "text", "fact", "document", "body", "value")
"""The best one first."""
_DATES: Mapping[str, tuple[str, ...]] = {
    "created_at": ("createdat", "created", "datecreated", "createddate", "creationdate", "createdtime", "createtime",
                   "createdon", "date", "timestamp"),
    "updated_at": ("updatedat", "updated", "modified", "lastmodified", "datemodified", "modifiedat", "lastupdated",
                   "dateupdated", "updatetime", "modifieddate", "updatedtime", "lastupdatedat"),
}  # fmt: skip
"""By field, the names that stand for it, bare, the best one first."""
_OTHERS: Mapping[str, tuple[str, ...]] = {
    "content": NAMES_OF_A_TEXT,
    "id": ("id", "uuid", "memoryid", "contenthash"),
    "tags": ("tags", "tag", "categories", "labels", "keywords"),
    "type": ("type", "memorytype", "kind"),
}  # fmt: skip


def date_keys(given: Mapping[str, object], field: str) -> list[str]:
    """The keys that can tell the date `created_at` or `updated_at`, the best one first; not those without a value."""
    names = {name: rank for rank, name in enumerate(_DATES[field])}
    found = [key for key, value in given.items() if _bare(key) in names and value not in (None, "")]
    return sorted(found, key=lambda key: names[_bare(key)])


def with_fields(given: Mapping[str, object]) -> dict[str, object]:
    """The values under the names that a memory has."""
    return _renamed(given, {**_DATES, **_OTHERS})


def has_text(given: Iterable[str]) -> bool:
    """Whether one of the names can be that of the text of a memory."""
    return not set(_OTHERS["content"]).isdisjoint(map(_bare, given))


def _renamed(given: Mapping[str, object], names: Mapping[str, tuple[str, ...]]) -> dict[str, object]:
    found = dict(given)
    by_name: dict[str, str] = {}
    for key, value in given.items():
        if value not in (None, ""):
            by_name.setdefault(_bare(key), key)
    for field, others in names.items():
        if found.get(field) in (None, ""):
            named = next((by_name[one] for one in others if by_name.get(one) in found), None)
            if named is not None:
                found[field] = found.pop(named)
    return found


def _bare(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).casefold()
