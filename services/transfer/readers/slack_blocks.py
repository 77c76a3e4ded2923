"""What a message of Slack shows beside its text, as programs write it: blocks and attachments. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

_MOST_LEVELS = 8
"""Of elements within elements."""
_ONE_LINE = frozenset({"rich_text_section", "rich_text_quote", "rich_text_preformatted"})
"""Elements whose parts are words of one text."""
_PREVIEW = ("from_url", "original_url")
"""Keys of an attachment that only shows what a link in the text leads to."""


def attached(attachments: object) -> Iterator[str]:
    """The text of each attachment, as it is written: with `<@U1>` for people."""
    for one in attachments if isinstance(attachments, list) else ():
        if isinstance(one, Mapping) and not any(one.get(key) for key in _PREVIEW):
            lines = [_text(one.get(key)) for key in ("pretext", "title", "text")]
            fields = one.get("fields")
            lines += [
                ": ".join(filter(None, (_text(field.get("title")), _text(field.get("value")))))
                for field in (fields if isinstance(fields, list) else ())
                if isinstance(field, Mapping)
            ]
            lines.append(shown_in(one.get("blocks")))
            yield "\n".join(filter(None, lines)) or _text(one.get("fallback"))


def shown_in(blocks: object, levels: int = _MOST_LEVELS) -> str:
    """The text of blocks, one a line, as it is written."""
    found = [_shown(one, levels) for one in blocks] if isinstance(blocks, list) and levels else []
    return "\n".join(filter(None, found))


def _shown(block: object, levels: int) -> str:
    match block:
        case {"type": "actions"}:
            return ""
        case {"type": "user", "user_id": str(who)}:
            return f"<@{who}>"
        case {"type": "channel", "channel_id": str(channel)}:
            return f"<#{channel}>"
        case {"type": "link", "url": str(address), "text": str(words)}:
            return f"<{address}|{words}>"
        case {"type": "link", "url": str(address)}:
            return address
        case {"type": "emoji", "name": str(name)}:
            return f":{name}:"
        case {"type": str(kind), "elements": list(inner)} if kind in _ONE_LINE and levels:
            return "".join(_shown(one, levels - 1) for one in inner)
        case Mapping():
            own = [_text(block.get("title")), _text(block.get("text"))]
            inner = [shown_in(block.get(key), levels - 1) for key in ("fields", "elements") if levels]
            return "\n".join(filter(None, own + inner))
        case _:
            return ""


def _text(value: object) -> str:
    """A text, or an object that has it."""
    value = value.get("text") if isinstance(value, Mapping) else value
    return value if isinstance(value, str) else ""
