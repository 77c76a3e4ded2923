"""What the store's folder says about itself, in `store.json`: which set of collections is in use, which lie beside it.

The set in use is named in that one file, so that putting another in its place is one rename.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from services.errors import StoreMismatch, StoreTooNew
from services.files import write_file

FORMAT = 2
"""Version of the folder's layout; a store with a higher one is left alone."""
_FILE = "store.json"
_PLAIN = 1
"""Format of a store whose collections lie in the folder itself: what older programs read and write."""


@dataclass(frozen=True, slots=True)
class KeptSet:
    """One set of the three collections."""

    place: str
    """Folder inside the store's, "" for the store's own."""
    dimensions: int
    model: str
    purpose: str = ""


@dataclass(frozen=True, slots=True)
class Marker:
    """The sets that the folder holds; what is not named here is left over."""

    in_use: KeptSet | None = None
    draft: KeptSet | None = None
    former: KeptSet | None = None

    @property
    def sets(self) -> Iterator[KeptSet]:
        """Those that there are."""
        return (one for one in (self.in_use, self.draft, self.former) if one)


def read_marker(folder: Path) -> Marker:
    """The marker of the folder, an empty one when there is none. Raises StoreMismatch or StoreTooNew."""
    path = folder / _FILE
    try:
        data = json.loads(path.read_text("utf-8"))
        written = int(data["format"])
        marker = Marker(_read(data), _read(data.get("draft")), _read(data.get("former")))
    except FileNotFoundError:
        return Marker()
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise StoreMismatch(f"{path} cannot be read ({error}); restore it from a backup") from error
    if written > FORMAT:
        raise StoreTooNew(
            f"the store in {folder} was written by a newer memoria-tui (format {written}, this one "
            f"knows {FORMAT}); update memoria-tui"
        )
    return marker


def write_marker(folder: Path, marker: Marker) -> None:
    """Replaces the marker; on disk, with its name, when this returns. Raises StorageFull."""
    in_use = marker.in_use
    plain = in_use is not None and not in_use.place
    data = {
        "format": _PLAIN if plain else FORMAT,
        **(asdict(in_use) if in_use else {}),
        "draft": asdict(marker.draft) if marker.draft else None,
        "former": asdict(marker.former) if marker.former else None,
    }
    write_file(folder / _FILE, json.dumps(data))


def _read(data: dict[str, object] | None) -> KeptSet | None:
    """A store that has only a draft names no model; one in which something is missing is damaged."""
    if data is None or ("format" in data and data["format"] == FORMAT and "model" not in data):
        return None
    return KeptSet(
        str(data.get("place", "")), int(str(data["dimensions"])), str(data["model"]), str(data.get("purpose", ""))
    )
