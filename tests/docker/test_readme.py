"""What the README says about the stack, the settings and the keys is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from textual.binding import Binding
from textual.dom import DOMNode

from memoria_tui.app import MemoriaApp
from memoria_tui.dialogs.clients_and_projects import ClientsDialog
from memoria_tui.modes.graph.screen import GraphScreen
from memoria_tui.modes.health.screen import HealthScreen
from memoria_tui.modes.memories.screen import MemoriesScreen
from memoria_tui.modes.summary.screen import SummaryScreen
from memoria_tui.modes.work.screen import WorkScreen
from services.settings import VARIABLES
from tests.docker.stack import CENTRAL, DOCKER, compose

ROOT = DOCKER.parent
README = (ROOT / "README.md").read_text("utf-8")
LIBPQ = {
    "server does not support SSL, but SSL was required",
    "unsupported startup parameter",
    "too many clients already",
}
"""Messages that are handed on as PostgreSQL, libpq or PgBouncer word them."""


def section(title: str) -> str:
    """Text below a headline, up to the next one of its kind."""
    return README.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def test_messages_that_are_explained_are_said_somewhere() -> None:
    rows = section("The central stack").partition("**When it says …**")[2].splitlines()
    messages = [cell for row in rows if row.startswith("| `") for cell in re.findall(r"`([^`]+)`", row.split(" | ")[0])]
    sources = [*(ROOT / "services").rglob("*.py"), DOCKER / "start.sh"]
    said = "\n".join(path.read_text("utf-8") for path in sources)
    explained = [message for message in messages if message not in LIBPQ and not docker_says(message)]
    assert len(explained) > 15
    assert [message for message in explained if not all(part.strip() in said for part in message.split("…"))] == []


def docker_says(message: str) -> bool:
    return any(row.startswith(f"| `{message}` (Docker)") for row in README.splitlines())


def test_every_setting_of_the_program_is_in_the_table() -> None:
    rows = [row.split(" | ")[0] for row in section("Configuration").splitlines() if row.startswith("| `")]
    assert set(re.findall(r"`([A-Z_]+)`", " ".join(rows))) == set(VARIABLES.values())


def test_ports_volumes_and_files_of_the_stack_exist() -> None:
    text, central = section("The central stack"), compose(CENTRAL)
    ports = {port.rpartition(":")[2] for service in central["services"].values() for port in service["ports"]}
    assert all(port in text for port in ports)
    assert {volume["name"] for volume in central["volumes"].values()} >= set(re.findall(r"memoria-\w+-data", text))
    named = set(re.findall(r"(?<![\w./])(docker/[\w.-]+)", text)) - {"docker/.env"}
    assert all(Path(ROOT, name).exists() for name in named)
    variables = set(re.findall(r"\b((?:MEMORIA|QDRANT|POSTGRES|PGBOUNCER|OLLAMA)_[A-Z_]+)\b", text))
    assert variables <= set(re.findall(r"[A-Z][A-Z_]+", (DOCKER / ".env.example").read_text("utf-8")))


def table_row(where: str) -> str:
    """What the table of keys says of a place."""
    (row,) = [line for line in section("Keys").splitlines() if line.startswith(f"| {where} |")]
    return row


@pytest.mark.parametrize(
    ("where", "owner"),
    [
        ("everywhere", MemoriaApp),
        ("Memories", MemoriesScreen),
        ("Graph", GraphScreen),
        ("Work", WorkScreen),
        ("Clients (`c` in Work)", ClientsDialog),
        ("Summary", SummaryScreen),
        ("Health", HealthScreen),
    ],
)
def test_every_key_is_in_the_table(where: str, owner: type[DOMNode]) -> None:
    shown = set(re.findall(r"`([^`]+)`", table_row(where)))
    names = {"slash": "/", "question_mark": "?", "escape": "esc", "plus": "+", "minus": "-", "full_stop": ".",
             "left_square_bracket": "[", "right_square_bracket": "]"}  # fmt: skip
    keys = {key for one in owner.BINDINGS if isinstance(one, Binding) for key in one.key.split(",")} - {"equals_sign"}
    assert {names.get(key, key) for key in keys} - shown == set()
