"""How a person wants files to be read: a field an option of `import` and `sync add`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields


@dataclass(frozen=True, slots=True)
class ReadingOptions:
    """What a person asks for."""

    format: str | None = None
    """The name of a reader; None for the one that recognises the content."""
    templates: bool = False
    """Also notes that are templates."""
    names: Mapping[str, str] = field(default_factory=dict)
    """By field of a memory, the name that it has in the objects or columns of the source."""

    def as_json(self) -> str:
        """All fields, as a synced source is remembered with, and told apart by."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> ReadingOptions:
        """What `as_json` gave, also of an earlier or later version."""
        told = json.loads(text)
        return cls(**{one.name: told[one.name] for one in fields(cls) if one.name in told})

    def renamed(self, given: Mapping[str, object]) -> dict[str, object]:
        """The object with the fields that a person mapped under the names of a memory."""
        found = {key: value for key, value in given.items() if key not in self.names.values()}
        return found | {name: given[key] for name, key in self.names.items() if key in given}
