"""The command line on a database of MCP Memoria's: asks on a terminal, refuses in a pipe, tells what only reads."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from memoria_tui.cli import main
from memoria_tui.cli.terminal import Terminal
from tests.services.edge_here import services_here
from tests.services.servers import as_superuser, as_user, query, restore_upstream


class Screen(io.StringIO):
    """An output that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@contextmanager
def typed(answer: str) -> Iterator[io.BufferedReader]:
    """A terminal's input on which this was typed."""
    ours, theirs = os.openpty()
    os.write(ours, answer.encode())
    with open(theirs, "rb") as terminal:
        yield terminal
    os.close(ours)


@pytest.fixture
def environment(empty_url: str, tmp_path: Path) -> dict[str, str]:
    restore_upstream(empty_url)
    return {"MEMORIA_HOME": str(tmp_path), "MEMORIA_LINGER": "3", "MEMORIA_DATABASE_URL": empty_url}


def upgraded(url: str) -> bool:
    return query(url, "SELECT to_regclass('memoria_tui.audit_log') IS NOT NULL") == [(True,)]


def test_the_first_write_asks_on_a_terminal_and_is_refused_in_a_pipe(environment: dict[str, str]) -> None:
    def run(*arguments: str, answer: str | None) -> tuple[int, str, str]:
        out, err = (Screen(), Screen()) if answer is not None else (io.StringIO(), io.StringIO())
        with typed(answer or "") as stdin:
            used = stdin if answer is not None else io.BytesIO()
            status = main(arguments, Terminal(environment, used, out, err, open_services=services_here))
        return status, out.getvalue(), err.getvalue()

    url = environment["MEMORIA_DATABASE_URL"]
    status, out, complaint = run("work", "start", "a task", answer=None)
    assert (status, out, complaint.count("\n")) == (1, "", 1)
    assert "`memoria-tui db upgrade` adds it" in complaint

    status, out, asked = run("work", "start", "a task", answer="\n")
    assert status == 1
    assert "  + table memoria_tui.audit_log\n" in asked
    assert "  ~ view public.client_statistics" in asked
    assert "Add this now? [y/N] " in asked
    status, _, asked = run("db", "upgrade", answer="n\n")
    assert (status, "Add this now?" in asked) == (1, True)
    assert not upgraded(url)

    status, out, asked = run("add", "hello", answer="y\n")
    assert status == 0
    assert "Add this now?" in asked
    assert upgraded(url)
    assert run("db", "upgrade", answer="")[:2] == (0, "the database is up to date\n")


def test_an_upgrade_asks_nobody_with_yes_or_in_a_pipe_and_a_reader_is_told(environment: dict[str, str]) -> None:
    url = environment["MEMORIA_DATABASE_URL"]
    query(as_superuser(url), "DO $$ BEGIN CREATE ROLE reader LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    query(url, "GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader")
    reading = {**environment, "MEMORIA_DATABASE_URL": as_user(url, "reader")}
    for arguments in (("db", "upgrade", "--yes"), ("add", "text"), ("work", "start", "task")):
        out, err = io.StringIO(), io.StringIO()
        assert main(arguments, Terminal(reading, io.BytesIO(), out, err, open_services=services_here)) == 1
        assert "read-only for the role reader" in err.getvalue()
        assert "nothing was written" in err.getvalue()
    out = io.StringIO()
    assert main(["doctor"], Terminal(reading, io.BytesIO(), out, io.StringIO(), open_services=services_here)) == 0
    assert "160 sessions · read-only\n" in out.getvalue()

    out, screen = Screen(), Screen()
    with typed("") as stdin:
        assert (
            main(["db", "upgrade", "--yes"], Terminal(environment, stdin, out, screen, open_services=services_here))
            == 0
        )
    assert (out.getvalue(), screen.getvalue()) == ("the database was upgraded\n", "")
    assert upgraded(url)
