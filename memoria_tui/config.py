"""What a person sets for the terminal program: theme, keys, editor. A bad file is told in one line, never fatal."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from memoria_tui.clipboard import Clipboard, clipboards

KNOWN = ("theme", "editor", "keymap", "services")
"""Top-level names of `config.toml`; `services` is read by the service layer."""


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of the terminal program, checked as far as the file alone allows."""

    theme: str = "memoria-dark"
    editor: str | None = None
    """Command line of the editor for long texts; None when neither file nor environment names one."""
    keymap: Mapping[str, str] = field(default_factory=dict)
    """Id of a binding → keys, separated by commas."""
    clipboards: tuple[Clipboard, ...] = ()
    """Programs here that take what is copied, the best one first."""
    problems: tuple[str, ...] = ()
    """One line each: what could not be used; the default holds instead."""


def load_config(file: Path | None, environment: Mapping[str, str]) -> Config:
    """Reads `config.toml`; without `editor` in it, `VISUAL` and then `EDITOR` of the environment name the editor."""
    editor = environment.get("VISUAL", "").strip() or environment.get("EDITOR", "").strip() or None
    here = clipboards(environment)
    try:
        table = tomllib.loads(file.read_text("utf-8")) if file is not None and file.exists() else {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        return Config(
            editor=editor, clipboards=here, problems=(f"{file}: cannot be read: {error}; the defaults are used",)
        )
    problems = [f"{file}: {name!r} is unknown; known are {', '.join(KNOWN)}" for name in table if name not in KNOWN]
    theme = _text(table, "theme", file, problems)
    keymap = table.get("keymap", {})
    if not isinstance(keymap, dict):
        problems.append(f"{file}: keymap must be a table, written [keymap]")
        keymap = {}
    keys = {}
    for name, value in keymap.items():
        if isinstance(value, str) and all(key.strip() for key in value.split(",")):
            keys[name] = value
        else:
            problems.append(f'{file}: keymap.{name} must name keys, such as "ctrl+e" or "j,down"')
    return Config(
        theme=theme or Config().theme,
        editor=_text(table, "editor", file, problems) or editor,
        keymap=keys,
        clipboards=here,
        problems=tuple(problems),
    )


def _text(table: Mapping[str, object], name: str, file: Path | None, problems: list[str]) -> str | None:
    value = table.get(name)
    if value is None or (isinstance(value, str) and value.strip()):
        return value
    problems.append(f"{file}: {name} must be a text that is not empty")
    return None
