"""`conversations.json` of ChatGPT: each conversation is a tree of messages, of which one branch is current."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from services.transfer.reader_parts.conversations import Conversation, Timeline
from services.transfer.reader_parts.imported_records import BadRecord, Record
from services.transfer.reader_parts.json_items import Item, json_items
from services.transfer.reader_parts.opened_source import Opened
from services.transfer.reader_parts.reader import Reader

_SPEAKERS = frozenset({"user", "assistant"})


def _recognises(opened: Opened) -> bool:
    return opened.shape.has("mapping") and opened.shape.has("title", "current_node", "create_time", "conversation_id")


def _records(opened: Opened) -> Iterator[Record]:
    timeline = Timeline(opened.source)
    for item in json_items(opened, lambda _, first: "mapping" in first):
        if isinstance(item, BadRecord):
            yield item
        else:
            yield from timeline.records(_conversation(item))
    yield from timeline.relations()


def _conversation(item: Item) -> Conversation:
    value = item.value
    title, mapping = value.get("title"), value.get("mapping")
    nodes = mapping if isinstance(mapping, Mapping) else {}
    metadata = {key: value[key] for key in ("default_model_slug", "gizmo_id", "is_archived") if value.get(key)}
    return Conversation(
        item.where,
        value.get("conversation_id") or value.get("id"),
        title if isinstance(title, str) else "",
        [turn for node in _branch(nodes, value.get("current_node")) if (turn := _turn(node)) is not None],
        value.get("create_time"),
        value.get("update_time"),
        {"origin": "ChatGPT", **metadata},
    )


def _branch(nodes: Mapping[str, object], last: object) -> list[Mapping[str, object]]:
    """The nodes from the root to the current one; without that, to the newest one. A cycle ends where it closes."""
    if not isinstance(last, str) or last not in nodes:
        leaves = [key for key, node in nodes.items() if isinstance(node, Mapping) and not node.get("children")]
        last = leaves[-1] if leaves else next(reversed(list(nodes)), None)
    branch: list[Mapping[str, object]] = []
    seen: set[object] = set()
    while isinstance(last, str) and last not in seen and isinstance(node := nodes.get(last), Mapping):
        seen.add(last)
        branch.append(node)
        last = node.get("parent")
    return branch[::-1]


def _turn(node: Mapping[str, object]) -> tuple[str, str] | None:
    """Who said what; None for what no one said: the system's messages, results of tools, hidden ones."""
    message = node.get("message")
    if not isinstance(message, Mapping):
        return None
    author, content, about = message.get("author"), message.get("content"), message.get("metadata")
    role = author.get("role") if isinstance(author, Mapping) else None
    hidden = isinstance(about, Mapping) and about.get("is_visually_hidden_from_conversation")
    if not isinstance(role, str) or role not in _SPEAKERS or hidden or not isinstance(content, Mapping):
        return None
    parts = content.get("parts")
    said = [part if isinstance(part, str) else _media(part) for part in parts] if isinstance(parts, list) else []
    text = content.get("text")
    return str(role), "\n\n".join(filter(None, said or [text if isinstance(text, str) else ""]))


def _media(part: object) -> str:
    """A part that is no text, by its kind; what was said aloud has its words."""
    if not isinstance(part, Mapping):
        return ""
    if isinstance(words := part.get("text"), str):
        return words
    kind = str(part.get("content_type") or "attachment").removesuffix("_asset_pointer").replace("_", " ")
    return f"[{kind}]"


READER = Reader(
    "chatgpt",
    "an export of ChatGPT: its zip or `conversations.json`",
    "each conversation as episodic memories, turn by turn, with title and dates; it `follows` the one before it, and a "
    "long one is divided into parts that follow each other",
    "images and files (their place is marked), results of tools, branches that were left",
    _recognises,
    _records,
)
