"""An export of Claude: `conversations.json`, `memories.json` and `projects.json`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from services.errors import UnreadableFile
from services.model import MemoryType
from services.transfer.reader_parts.conversations import Conversation, Timeline
from services.transfer.reader_parts.imported_records import BadRecord, Record
from services.transfer.reader_parts.json_items import Item, json_items
from services.transfer.reader_parts.json_reading import BrokenJson
from services.transfer.reader_parts.opened_source import Opened
from services.transfer.reader_parts.reader import Reader
from services.transfer.reader_parts.record_reading import memory_record
from services.transfer.reader_parts.source_ids import id_of

_MEMORIES = ("conversations_memory", "project_memories")


def _recognises(opened: Opened) -> bool:
    shape = opened.shape
    return (
        shape.has("chat_messages", *_MEMORIES)
        or not set(_MEMORIES).isdisjoint(shape.keys)
        or shape.has("prompt_template")
    )


def _records(opened: Opened) -> Iterator[Record]:
    timeline = Timeline(opened.source)
    if opened.shape.form == "document":
        items: Iterator[Item | BadRecord] = iter((_one(opened),))
    else:
        items = json_items(opened, lambda *_: True)
    for item in items:
        if isinstance(item, BadRecord):
            yield item
        elif "chat_messages" in item.value:
            yield from timeline.records(_conversation(item))
        elif not set(_MEMORIES).isdisjoint(item.value):
            yield from _memories(item)
        else:
            yield from _project(item, opened.source)
    yield from timeline.relations()


def _one(opened: Opened) -> Item:
    try:
        value = (document := opened.document()).value()
        document.require_end()
    except BrokenJson as error:
        raise UnreadableFile(f"{opened.name}: no readable JSON: {error}") from error
    return Item("record 1", "", value if isinstance(value, Mapping) else {})


def _conversation(item: Item) -> Conversation:
    value = item.value
    name, messages = value.get("name"), value.get("chat_messages")
    said = [_turn(one) for one in messages if isinstance(one, Mapping)] if isinstance(messages, list) else []
    return Conversation(
        item.where,
        value.get("uuid"),
        name if isinstance(name, str) else "",
        said,
        value.get("created_at"),
        value.get("updated_at"),
        {"origin": "Claude"},
    )


def _turn(message: Mapping[str, object]) -> tuple[str, str]:
    """Who said what: the parts that are text, else the text of the whole message, and the names of its files."""
    content, text = message.get("content"), message.get("text")
    parts = [one for one in content if isinstance(one, Mapping)] if isinstance(content, list) else []
    said = [str(one["text"]) for one in parts if one.get("type") == "text" and one.get("text")]
    files = [
        f"[{one.get('file_name')}]" for key in ("attachments", "files")
        for one in _mappings(message.get(key)) if one.get("file_name")
    ]  # fmt: skip
    return str(message.get("sender") or "unknown"), "\n\n".join(
        [*(said or [text if isinstance(text, str) else ""]), *files]
    )


def _mappings(value: object) -> list[Mapping[str, object]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def _memories(item: Item) -> Iterator[Record]:
    """What Claude remembers of its person, and for each project."""
    account = str(item.value.get("account_uuid") or "")
    general, projects = item.value.get("conversations_memory"), item.value.get("project_memories")
    found = [("", general), *(projects.items() if isinstance(projects, Mapping) else ())]
    for project, text in found:
        if isinstance(text, str) and text.strip():
            where = f"{item.where}, project {project}" if project else item.where
            payload = {"content": text, "origin": "Claude", "tags": ["memory"]} | (
                {"project_id": project} if project else {}
            )
            own_id = id_of(f"claude memory\0{account}\0{project}")
            yield memory_record(where, own_id, payload, collection=MemoryType.SEMANTIC, whole=False)


def _project(item: Item, source: str) -> Iterator[Record]:
    """A project's instructions; its documents are memories of their own."""
    value = item.value
    name = str(value.get("name") or "")
    texts: list[tuple[object, object, object, MemoryType]] = [
        (value.get("uuid"), name, value.get("prompt_template"), MemoryType.PROCEDURAL)
    ]
    texts += [
        (one.get("uuid"), one.get("filename"), one.get("content"), MemoryType.SEMANTIC)
        for one in _mappings(value.get("docs"))
    ]
    for own_id, title, text, kind in texts:
        if isinstance(text, str) and text.strip():
            payload = {
                "content": f"# {title}\n\n{text}",
                "project": name,
                "origin": "Claude",
                "created_at": value.get("created_at"),
            }
            yield memory_record(item.where, own_id, payload, source=source, collection=kind, whole=False)


READER = Reader(
    "claude",
    "an export of Claude: its zip, `conversations.json`, `memories.json` or `projects.json`",
    "conversations as of ChatGPT; memories as semantic ones, each project's apart; instructions and documents of "
    "projects",
    "content of attachments (their names are kept), thinking, use of tools",
    _recognises,
    _records,
)
