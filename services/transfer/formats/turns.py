"""What was said in a conversation, however the program that kept it wrapped its messages."""

from __future__ import annotations

import json
from collections.abc import Mapping

_EXCHANGE = (("user", "user_input"), ("assistant", "ai_output"))
"""Keys of a message that holds a question with its answer."""


def turns(messages: object) -> list[str]:
    """One text a message, with who said it; what says nothing is left out."""
    return [said for said in map(_turn, _messages(messages)) if said]


def _messages(value: object) -> list[object]:
    """The messages, however the program that wrote them wrapped them."""
    if isinstance(value, Mapping):
        for key in ("messages", "turns", "history"):
            if isinstance(value.get(key), list):
                return list(value[key])
        return [value]
    return list(value) if isinstance(value, list) else [value]


def _turn(message: object) -> str:
    """One message with who said it; "" when it says nothing."""
    if not isinstance(message, Mapping):
        return _said(message)
    pairs = [(role, _said(message.get(key))) for role, key in _EXCHANGE if message.get(key) is not None]
    if not pairs:
        role = next((str(message[key]) for key in ("role", "speaker", "author", "type") if message.get(key)), "")
        said = next((_said(message[key]) for key in ("content", "text", "message") if message.get(key)), "")
        if not said and not {"content", "text", "message"} & set(message) and len(message) > bool(role):
            said = json.dumps(message, ensure_ascii=False)
        pairs = [(role, said)]
    return "\n\n".join(f"{role}: {said}" if role else said for role, said in pairs if said)


def _said(content: object) -> str:
    """The text of a message, also one that is made of parts."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content.strip()
    if isinstance(content, list):
        return "\n".join(said for said in map(_said, content) if said)
    if isinstance(content, Mapping):
        text = content.get("text", content.get("content"))
        return _said(text) if text is not None else json.dumps(content, ensure_ascii=False)
    return json.dumps(content, ensure_ascii=False, default=str)
