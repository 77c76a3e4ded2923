"""An export of Slack: `users.json`, the lists of channels, and a folder a channel with a file a day."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import PurePosixPath

from services.transfer.reader_parts.conversations import Conversation, Timeline
from services.transfer.reader_parts.imported_records import BadRecord, MemoryRecord, Record, RelationRecord
from services.transfer.reader_parts.json_items import Item, json_items
from services.transfer.reader_parts.opened_source import Opened
from services.transfer.reader_parts.reader import Reader
from services.transfer.reader_parts.several_files import Part, within
from services.transfer.reader_parts.type_names import typed_relation
from services.transfer.readers.slack_blocks import attached, shown_in
from services.transfer.readers.unpacked import parts_of

_USERS = "users.json"
_UNKNOWN = "unknown"
_LISTS = ("channels.json", "groups.json", "mpims.json", "dms.json")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}\.json")
_MENTION = re.compile(r"<([@#!]?)([^<>|\s]{1,2000})(?:\|([^<>]{0,2000}))?>")
_SAYS_NOTHING = re.compile(r"(channel|group)_(join|leave|topic|purpose|name|archive|unarchive)|(un)?pinned_item")
"""Kinds of messages that tell of the channel alone."""


def is_export(parts: Sequence[Part]) -> bool:
    """Whether these files are an export of Slack: by their names."""
    return _root(parts) is not None


def _root(parts: Sequence[Part]) -> str | None:
    """The folder in which the export lies, with its slash."""
    names = {part.name for part in parts}
    roots = (name.removesuffix(_USERS) for name in names if PurePosixPath(name).name == _USERS)
    listed = (root for root in roots if any(f"{root}{one}" in names for one in _LISTS))
    return min((root for root in listed if any(_is_day(one, root) for one in names)), key=len, default=None)


def _is_day(name: str, root: str) -> bool:
    """Whether it is the file of a day of a channel."""
    folder, slash, file = name.removeprefix(root).rpartition("/")
    return bool(slash) and "/" not in folder and name.startswith(root) and _DAY.fullmatch(file) is not None


def records_of_export(export: Opened, parts: Sequence[Part]) -> Iterator[Record]:
    """The records of the files of an export, channel by channel."""
    root = _root(parts) or ""
    below = {part.name.removeprefix(root): part for part in parts if part.name.startswith(root)}
    names: dict[str, str] = {}
    channels: dict[str, Mapping[str, object]] = {}
    for name in (_USERS, *_LISTS):
        for item in _items(export, below[name]) if name in below else ():
            if isinstance(item, BadRecord):
                yield item
            elif name == _USERS:
                names[str(item.value.get("id"))] = _name_of(item.value)
            else:
                channel = str(item.value.get("name") or item.value.get("id"))
                channels[channel] = item.value
                names[str(item.value.get("id"))] = channel
    days: dict[str, list[Part]] = {}
    for name in sorted(below):
        if _is_day(name, ""):
            days.setdefault(name.partition("/")[0], []).append(below[name])
    for folder, files in days.items():
        told = channels.get(folder, {})
        own_id = str(told.get("id") or f"{export.source} {folder}")
        yield from _Channel(folder, own_id, _title(folder, told, names), names, export).records(files)


def _title(folder: str, channel: Mapping[str, object], names: Mapping[str, str]) -> str:
    """`#general`, and the people of a direct message."""
    members = channel.get("members")
    if channel and not channel.get("name") and isinstance(members, list):
        return ", ".join(names.get(str(one), str(one)) for one in members)
    return f"#{folder}"


def _items(export: Opened, part: Part) -> Iterator[Item | BadRecord]:
    def items() -> Iterator[Item | BadRecord]:
        with part.open() as stream:
            yield from json_items(part.opened(export, stream), lambda *_: True)

    return within(part.name, items())


def _name_of(user: Mapping[str, object]) -> str:
    profile = user.get("profile")
    known = [profile if isinstance(profile, Mapping) else {}, user]
    keys = ("display_name", "real_name", "name", "id")
    return next((name for key in keys for one in known if isinstance(name := one.get(key), str) and name), _UNKNOWN)


@dataclass(slots=True)
class _Channel:
    folder: str
    id: str
    title: str
    names: Mapping[str, str]
    """Of people and channels, by their ids."""
    export: Opened
    threads: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    """What was said, by the time of the first message of the thread."""
    begun: set[str] = field(default_factory=set)
    """The threads whose first message is in a day."""
    days: dict[str, str] = field(default_factory=dict)
    """The first memory of each day."""

    def records(self, files: Sequence[Part]) -> Iterator[Record]:
        timeline = Timeline(self.export.source)
        for part in files:
            day = PurePosixPath(part.name).stem
            turns: list[tuple[str, str]] = []
            yield from self._day(part, turns)
            if turns:
                for record in timeline.records(self._conversation(day, day, turns)):
                    if isinstance(record, MemoryRecord):
                        self.days.setdefault(day, record.id)
                    yield record
        yield from timeline.relations()
        for began, turns in sorted(self.threads.items()):
            yield from self._thread(began, turns)

    def _day(self, part: Part, turns: list[tuple[str, str]]) -> Iterator[Record]:
        """Puts what is said outside of threads into `turns`; gives what cannot be read."""
        for item in _items(self.export, part):
            if isinstance(item, BadRecord):
                yield item
                continue
            said = self._said(item.value)
            began = item.value.get("thread_ts")
            if said is None:
                continue
            if isinstance(began, str):
                self.threads.setdefault(began, []).append(said)
            if not isinstance(began, str) or began == item.value.get("ts"):
                turns.append(said)
                self.begun.add(str(began))

    def _said(self, message: Mapping[str, object]) -> tuple[str, str] | None:
        """Who said what; None for what is no message of anybody."""
        if _SAYS_NOTHING.fullmatch(str(message.get("subtype"))):
            return None
        text, files = message.get("text"), message.get("files")
        parts = [self._plain(text if isinstance(text, str) and text.strip() else shown_in(message.get("blocks")))]
        parts += [self._plain(one) for one in attached(message.get("attachments"))]
        parts += [
            f"[{one.get('name') or one.get('title') or 'file'}]"
            for one in (files if isinstance(files, list) else ())
            if isinstance(one, Mapping)
        ]
        profile = message.get("user_profile") or message.get("bot_profile")
        told = _name_of(profile) if isinstance(profile, Mapping) else str(message.get("username") or _UNKNOWN)
        if told == _UNKNOWN:  # two of them are not one
            told = " ".join([_UNKNOWN, *(str(message[key]) for key in ("user", "bot_id") if message.get(key))][:2])
        return self.names.get(str(message.get("user")), told), "\n".join(filter(None, parts))

    def _plain(self, text: str) -> str:
        """The text as it was shown: names for ids, addresses beside the words that led to them."""

        def shown(found: re.Match[str]) -> str:
            sign, target, words = found.groups()
            if sign == "!":
                return f"@{(words or target).removeprefix('@')}"
            if sign:
                return f"{sign}{words or self.names.get(target, target)}"
            return f"{words} ({target})" if words and words != target else target

        return html.unescape(_MENTION.sub(shown, text))

    def _conversation(self, key: str, day: str, turns: Sequence[tuple[str, str]], what: str = "") -> Conversation:
        people = list(dict.fromkeys(who for who, _ in turns))
        metadata = {"origin": "Slack", "channel": self.title, "people": people}
        own_id = f"slack {self.id} {key}"
        return Conversation(f"{self.folder}: {key}", own_id, f"{self.title} {what}{day}", turns, day, None, metadata)

    def _thread(self, began: str, turns: Sequence[tuple[str, str]]) -> Iterator[Record]:
        """A thread that somebody answered in, also to what is not in the export; part of the day of its beginning."""
        if len(turns) < 2 and began in self.begun:
            return
        try:
            day = datetime.fromtimestamp(float(began), UTC).date().isoformat()
        except (ValueError, OverflowError, OSError):
            day = ""
        where = f"{self.folder}: thread {began}"
        thread = self._conversation(f"thread {began}", day, turns, "thread ")
        for record in Timeline(self.export.source).records(thread):
            yield record
            if isinstance(record, MemoryRecord) and day in self.days:
                yield RelationRecord(where, typed_relation(record.id, self.days[day], "part of"))


def _recognises(opened: Opened) -> bool:
    if not opened.is_folder or opened.path is None or not (opened.path / _USERS).is_file():
        return False
    return is_export(parts_of(opened)[0])


def _records(opened: Opened) -> Iterator[Record]:
    parts, links = parts_of(opened)
    for link in links:
        yield BadRecord(link.name, "a link; it is not followed")
    yield from records_of_export(opened, parts)


READER = Reader(
    "slack",
    "an export of Slack: its zip, or the folder to which it was unpacked",
    "each day of a channel as an episodic memory, turn by turn, with the names of people and channels; it `follows` "
    "the day before; each thread, `part_of` its first day; attachments, and blocks where a message has no other text",
    "content of files (their names are kept), previews of links, reactions, edits, profiles, who joined and left",
    _recognises,
    _records,
)
