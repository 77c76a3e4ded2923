"""How keys are written, in the footer, in the help and in messages alike: «ctrl+s», «enter», «?»."""

from __future__ import annotations

from textual.keys import KEY_NAME_REPLACEMENTS, Keys, format_key, key_to_character

QUIT, QUIT_KEY = "app.quit", "ctrl+q"
"""The id of the key that leaves the program, and that key."""
_NAMES = {
    "escape": "esc",
    "enter": "enter",
    "tab": "tab",
    "backspace": "backspace",
    "delete": "del",
    "pageup": "pgup",
    "pagedown": "pgdn",
    "home": "home",
    "end": "end",
}
"""What Textual draws as signs that few people can read, and what people shorten."""
_MODIFIERS = {"ctrl", "alt", "shift", "super", "hyper", "meta"}
_NAMED = {one.value for one in Keys} | set(KEY_NAME_REPLACEMENTS.values())


def key_name(key: str) -> str:
    """«ctrl+s» for «ctrl+s», «/» for «slash», «esc» for «escape», «↑» for «up» and «alt+left» for «alt+left»."""
    *modifiers, last = key.split("+")
    return "+".join((*modifiers, last if modifiers and len(last) > 1 else _NAMES.get(last) or format_key(last)))


def key_names(keys: str) -> set[str]:
    """Of several keys with commas between them, as a keymap has them."""
    return {key_name(key.strip()) for key in keys.split(",")}


def is_key(key: str) -> bool:
    """Whether there is a key of that name: «N», «ctrl+e», «f3», «slash»."""
    *modifiers, last = key.split("+") if len(key) > 1 else [key]
    known = len(last) == 1 or last in _NAMED or key_to_character(last) is not None
    return known and set(modifiers) <= _MODIFIERS
