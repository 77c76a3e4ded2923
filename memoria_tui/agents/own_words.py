"""What services say, as agents read it: they have tools, and no commands of a shell."""

from __future__ import annotations

import re
from collections.abc import Mapping

_TOOL_OF: Mapping[str, str] = {
    "list": "memoria_search",
    "show": "memoria_get",
    "relations": "memoria_related",
    "link": "memoria_link",
    "undo --list": "memoria_history",
    "work log": "memoria_work_report",
}
"""What does for agents what these commands do."""
_COMMAND = re.compile(r"`memoria-tui (?P<quoted>[^`]+)`|(?:(?<=: )|\()memoria-tui [a-z].*")
_CLAUSE = re.compile(r"(; |, |: (?=`memoria-tui ))")
_PERSON = "a person can help, on the machine of the stores"
_NEEDS_NO_HELP = ("trash", "restore", "inbox", "sync", "models", "purge")


def in_tools(text: str) -> str:
    """A line of the program with the tool in the place of each command that has one; what needs another is left out."""
    if "memoria-tui " not in text:
        return text
    first, *others = _CLAUSE.split(text)
    said, left_out = [first], False
    if found := _COMMAND.search(first):
        tool = _tool(found["quoted"])
        said, left_out = [_replaced(first, tool) if tool else first[: found.start()].rstrip(": (")], tool is None
    for sign, clause in zip(others[::2], others[1::2], strict=True):
        if (found := _COMMAND.search(clause)) is None:
            said += [sign, clause]
        elif tool := _tool(found["quoted"]):
            said += [sign, _replaced(clause, tool)]
        else:
            left_out |= not (found["quoted"] or "").startswith(_NEEDS_NO_HELP)
    kept = "".join(said)
    return "; ".join(filter(None, (kept, _PERSON if left_out else "")))


def _tool(command: str | None) -> str | None:
    known = (tool for start, tool in _TOOL_OF.items() if f"{command} ".startswith(f"{start} "))
    return next(known, None) if command else None


def _replaced(clause: str, tool: str) -> str:
    return _COMMAND.sub(tool, clause)
