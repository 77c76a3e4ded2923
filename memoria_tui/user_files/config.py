"""What a person sets for the terminal program: theme, keys, editor. A bad file is told in one line, never fatal."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from memoria_tui.keys.key_names import QUIT, QUIT_KEY, is_key, key_names
from memoria_tui.terminal.clipboard import Clipboard, clipboards
from memoria_tui.user_files.views import View, unreadable, views_of
from services.errors import InvalidInput
from services.file_locks import only_writer
from services.files import write_file
from services.settings import settings_table, settings_text
from services.storable_text import quoted

TOP_LEVEL_NAMES = ("theme", "mode", "editor", "keymap", "views", "services")
"""Top-level names of `config.toml`; `services` is read by the service layer."""

DEFAULT_THEME = "memoria-dark"
DEFAULT_MODE = "memories"


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of the terminal program, checked as far as the file alone allows."""

    theme: str = DEFAULT_THEME
    mode: str = DEFAULT_MODE
    """The first one that is shown."""
    editor: str | None = None
    """Command line of the editor for long texts; None when neither file nor environment names one."""
    keymap: Mapping[str, str] = field(default_factory=dict)
    """Id of a binding → keys, separated by commas."""
    views: tuple[View, ...] = ()
    """Saved searches, as they are when the file is read; who uses one reads them again."""
    clipboards: tuple[Clipboard, ...] = ()
    """Programs here that take what is copied, the best one first."""
    problems: tuple[str, ...] = ()
    """One line each: what could not be used; the default holds instead."""
    file: Path | None = None
    """Where a theme that the person chooses is written; None: it is forgotten."""


def load_config(file: Path | None, environment: Mapping[str, str]) -> Config:
    """Reads `config.toml`; without `editor` in it, `VISUAL` and then `EDITOR` of the environment name the editor."""
    editor = environment.get("VISUAL", "").strip() or environment.get("EDITOR", "").strip() or None
    here = clipboards(environment)
    try:
        table = settings_table(settings_text(file), file) if file is not None else {}
    except InvalidInput as error:
        told = f"{error}; the defaults are used"
        return Config(editor=editor, clipboards=here, problems=(told,), file=file)
    known = ", ".join(TOP_LEVEL_NAMES)
    others = [name for name in table if name not in TOP_LEVEL_NAMES]
    problems = [f"{file}: {quoted(name)} is unknown; known are {known}" for name in others]
    theme = _text(table, "theme", file, problems)
    keymap = table.get("keymap", {})
    if not isinstance(keymap, dict):
        problems.append(f"{file}: keymap must be a table, written [keymap]")
        keymap = {}
    keys = {}
    for name, value in keymap.items():
        wrong = [key for key in value.split(",") if not is_key(key.strip())] if isinstance(value, str) else [value]
        if not wrong:
            keys[name] = value
        else:
            told = f'{quoted(wrong[0])} is no key; keys are such as "ctrl+e" or "j,down"'
            problems.append(f"{file}: keymap.{name}: {told}")
    for name, taken in _takes_quit(keys):
        del keys[name]
        told = f"{taken} is the key of {QUIT}, which leaves the program; {name} has its own key as before"
        problems.append(f"{file}: keymap.{name}: {told}")
    views, wrong_views = views_of(table)
    problems += [f"{file}: {wrong}" for wrong in (*wrong_views, *unreadable(views).values())]
    return Config(
        theme=theme or DEFAULT_THEME,
        mode=_text(table, "mode", file, problems) or DEFAULT_MODE,
        editor=_text(table, "editor", file, problems) or editor,
        keymap=keys,
        views=views,
        clipboards=here,
        problems=tuple(problems),
        file=file,
    )


TEMPLATE = """\
# Settings of memoria-tui. What begins with # is the default, or an example.

# theme = "memoria-dark"           # memoria-light, memoria-distinct, or any of Textual's
# mode = "memories"                # the first one: or inbox, graph, work, summary, health
# editor = "nvim"                  # else $VISUAL, $EDITOR

[keymap]                           # memoria-tui config keys lists the ids
# "memories.new" = "N"
# "app.undo" = "u,ctrl+z"

[views]                            # saved searches: @ in Memories, search --view NAME
# unread = "is:unreviewed sort:created"

[services]                         # the variables of README, in small letters and without MEMORIA_
# database_url = "postgresql://memoria@localhost/memoria"
"""
_THEME = re.compile(r"^theme\s*=.*$", re.MULTILINE)


def _takes_quit(keys: Mapping[str, str]) -> list[tuple[str, str]]:
    """The ids of a keymap that would take the key that leaves the program, each with that key."""
    quits = key_names(keys.get(QUIT, QUIT_KEY))
    return [(name, min(taken)) for name, value in keys.items() if name != QUIT and (taken := key_names(value) & quits)]


def remember_theme(file: Path, theme: Callable[[], str]) -> None:
    """Writes the theme that holds by then into `config.toml`, and leaves all else in it as it stands.

    Raises InvalidInput, StorageFull, OSError; ValueError when the file is no TOML.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with only_writer(file):
        write_file(file, _with_theme(settings_text(file), theme()))


def _with_theme(text: str, theme: str) -> str:
    before = tomllib.loads(text)
    line = f'theme = "{theme}"'
    head = re.split(r"^(?=\s*\[)", text, maxsplit=1, flags=re.MULTILINE)[0]
    rest = text[len(head) :]
    head = _THEME.sub(line, head, count=1) if "theme" in before else f"{line}\n{head}"
    after = head + rest
    if tomllib.loads(after) != {**before, "theme": theme}:
        raise ValueError("theme is written in a way that cannot be replaced")
    return after


def _text(table: Mapping[str, object], name: str, file: Path | None, problems: list[str]) -> str | None:
    value = table.get(name)
    if value is None or (isinstance(value, str) and value.strip()):
        return value
    problems.append(f"{file}: {name} must be a text that is not empty")
    return None
