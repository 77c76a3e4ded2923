"""Work time from the command line: a day of it, what scripts read, and what it says when something cannot be done."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest

from memoria_tui.cli import main
from memoria_tui.cli.terminal import Terminal
from services.model import SESSION_DETAILS
from tests.forking import forked
from tests.services.edge_here import services_here

_SESSION = {
    "id", "description", "status", "elapsed_seconds", "paused_seconds", "client", "project", "category", "started_at",
    "ended_at", "pauses", *(one.json for one in SESSION_DETAILS), "billable", "billed", "notes", "memory_id",
}  # fmt: skip


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        assert self.status == 0, self.err
        return json.loads(self.out)

    @property
    def complaint(self) -> str:
        """The one line on stderr."""
        (line,) = self.err.splitlines()
        return line


class Screen(io.StringIO):
    """An output that says it is a terminal."""

    def isatty(self) -> bool:
        return True


Run = Callable[..., Ran]


@pytest.fixture
def run(tmp_path: Path, postgres_url: str) -> Run:
    """Runs `work …` in this process, or what begins with «!» and undo, on stores of its own, in Rome."""

    def run(*arguments: str, **variables: str) -> Ran:
        environment = {
            "MEMORIA_HOME": str(tmp_path / "home"),
            "MEMORIA_LINGER": "3",
            "MEMORIA_DATABASE_URL": postgres_url,
            "MEMORIA_TIMEZONE": "Europe/Rome",
            **variables,
        }
        terminal = Terminal(environment, io.BytesIO(), Screen(), io.StringIO(), open_services=services_here)
        first = arguments[0].removeprefix("!")
        outside = first != arguments[0] or first == "undo"
        status = main([*([] if outside else ["work"]), first, *arguments[1:]], terminal)
        return Ran(status, terminal.stdout.getvalue(), terminal.stderr.getvalue())  # type: ignore[attr-defined]

    return run


def test_a_day_of_work(run: Run) -> None:
    started = run(
        "start", "fix", "login", "--client", "acme", "--project", "api", "--issue", "7", "--at", "-2h", "--json"
    )
    assert set(started.json) == _SESSION
    assert started.json["description"] == "fix login"
    assert run("pause", "--reason", "lunch", "--at", "-90m").status == 0
    (paused,) = run("status", "--json").json["sessions"]
    assert set(paused) == _SESSION
    assert (paused["status"], paused["client"], paused["project"]) == ("paused", "acme", "api")
    assert paused["elapsed_seconds"] == pytest.approx(1800, abs=5)
    assert paused["paused_seconds"] == pytest.approx(5400, abs=10)
    assert datetime.fromisoformat(paused["started_at"]).tzinfo is not None
    assert run("resume", "--at", "-1h").status == 0
    assert run("note", "it", "was", "the", "clock").status == 0
    stopped = run("stop", "--note", "done", "--at", "-30m", "--json").json
    assert stopped["status"] == "completed"
    assert stopped["elapsed_seconds"] == pytest.approx(3600, abs=10)
    status = run("status", "--json").json
    assert (status["sessions"], status["warnings"]) == ([], [])
    (logged,) = run("log", "--json").json["sessions"]
    assert (logged["notes"], logged["issue"]) == (["it was the clock", "done"], 7)
    assert run("undo").status == 0
    assert run("status", "--json").json["sessions"][0]["status"] == "active"


def test_finished_work_is_added_while_as_many_run_as_may_and_undone_as_one(run: Run) -> None:
    assert run("start", "what", "runs", MEMORIA_WORK_MAX_PARALLEL_SESSIONS="1").status == 0
    added = run("add", "fix", "login", "--to", "now", "--duration", "1:30", "-c", "acme")
    assert added.status == 0, added.err
    assert 'added "fix login" · 1:30:00' in added.out
    assert "new: client acme" in added.out
    again = run("add", "review", "--from", "-80m", "--duration", "20m", "-c", "ACME")
    assert "new:" not in again.out
    assert 'overlaps "fix login" by 0:20:00' in again.out
    assert run("undo").status == run("undo").status == 0
    assert [one["description"] for one in run("log", "--json").json["sessions"]] == ["what runs"]
    assert [one["name"] for one in run("clients", "--json").json["clients"]] == [None]
    refused = run("add", "x", "--from", "yesterday 9:00", "--to", "tomorrow 9:00")
    assert (refused.status, "not a day" in refused.complaint) == (2, True)


def test_work_is_switched_and_continued(run: Run) -> None:
    assert run("start", "fix", "login", "-c", "acme", "--at", "-2h").status == 0
    switched = run("switch", "review", "--at", "-1h")
    assert 'started "review" · 1:00:0' in switched.out
    assert 'paused "fix login"' in switched.out
    assert 'continued "fix login"' in run("continue", "last-1").out, "it was paused"
    assert run("stop").status == 1, "two run"
    assert run("stop", "last").status == 0
    logged = {one["description"]: one["status"] for one in run("log", "--json").json["sessions"]}
    assert logged == {"review": "completed", "fix login": "active"}, "in either order, when midnight is between"
    assert run("continue", "last-1").complaint == '"fix login" is running already'
    again = run("continue")
    assert 'continued "review"' in again.out
    assert len(run("log", "--json").json["sessions"]) == 3
    assert run("edit", "last", "-d", "reviews").status == 0
    assert run("stop", "-s", "last").status == run("unstop", "last").status == run("delete", "last").status == 0
    assert run("delete", "last-7").complaint.endswith("there is no session last-7: 2 sessions in all")


def test_work_on_what_a_memory_says(run: Run, tmp_path: Path) -> None:
    added = run("!add", "# JWT expiry\nwas set to 10 s", "--project", "api", "--json").json
    assert run("add", "x", "--to", "now", "--duration", "1m", "-c", "acme", "-p", "api").status == 0
    started = run("start", "--memory", added["id"], "--json").json
    assert (started["description"], started["client"], started["project"]) == ("JWT expiry", "acme", "api")
    other = run("start", "write", "it", "down", "--memory", added["id"], "-c", "", "--json").json
    assert (other["description"], other["client"], other["project"]) == ("write it down", None, "api")


def test_a_report_for_scripts(run: Run) -> None:
    recorded(run, "2026-03-28T23:00", "2026-03-29T04:00", client="acme")
    made = run("report", "--from", "2026-03-28", "--to", "2026-03-29", "--by", "day", "--json").json
    assert (made["sessions"], made["days"], made["day_begins"]) == (1, 2, 0)
    assert (made["from"], made["to"], made["zone"], made["by"]) == ("2026-03-28", "2026-03-29", "Europe/Rome", "day")
    assert made["groups"] == [
        {"name": "2026-03-28", "seconds": 3600.0, "sessions": 1, "days": 1},
        {"name": "2026-03-29", "seconds": 3 * 3600.0, "sessions": 1, "days": 1},
    ]
    assert made["total_seconds"] == 4 * 3600.0
    month = run("report", "--from", "2026-03", "--to", "2026-03", "--json").json
    assert month["groups"] == [{"name": "acme", "seconds": 14400.0, "sessions": 1, "days": 2}]
    everything = run("report", "--to", "2026-04", "--json").json
    assert (everything["from"], everything["total_seconds"]) == ("2026-03-28", 14400.0)


def test_a_report_for_people_and_files(run: Run) -> None:
    recorded(run, "2026-03-02T09:00", "2026-03-02T10:30", client="=SUM(A1)")
    span = ("--from", "2026-03", "--to", "2026-03")
    assert "1:30:00" in run("report", *span).out
    rows = list(csv.DictReader(io.StringIO(run("report", *span, "--csv").out)))
    assert [(row["day"], row["client"], row["hours"]) for row in rows] == [("2026-03-02", "'=SUM(A1)", "1.50")]
    assert "| **Total** | 1:30:00 | 1.50 | 1 | 1 | 1:30:00 |" in run("report", *span, "--markdown").out
    for name in ("--day", "--week", "--month", "--year"):
        period = run("report", name, "--json").json
        assert period["from"] <= datetime.now(ZoneInfo("Europe/Rome")).date().isoformat() <= period["to"]


def test_with_several_running_one_has_to_be_named(run: Run) -> None:
    first, second = (run("start", name, "--json").json["id"] for name in ("one", "two"))
    ran = run("pause")
    assert ran.status == 1
    assert first[:8] in ran.complaint
    assert second[:8] in ran.complaint
    assert run("pause", "--session", first[:8]).status == 0
    assert run("stop", second, "--session", first).status == 2, "which of the two?"
    assert run("stop", second[:8]).status == 0
    assert [one["id"] for one in run("status", "--json").json["sessions"]] == [first]


def test_a_line_for_a_prompt(run: Run) -> None:
    assert run("status", "--format", "{elapsed}").out == ""
    run("start", "fix \x1b[31mlogin", "--client", "acme", "--at", "-65m")
    assert run("status", "--format", "{icon} {elapsed} {client}:{status}").out.startswith("▶ 1:05:0")
    assert "\x1b" not in run("status", "--format", "{description}").out + run("status").out + run("log").out
    ran = run("status", "--format", "{nope}")
    assert ran.status == 2
    assert "{elapsed}" in ran.complaint


def test_finished_work_is_entered_with_its_pauses_and_every_command_prints_them(run: Run) -> None:
    day = ("--from", "2026-03-02 9:00", "--to", "2026-03-02 13:00")
    added = run("add", "login", *day, "--pause", "12:00-12:30 lunch", "--pause", "10:00..10:15", "--json").json
    assert [(one["started_at"][11:16], one["reason"]) for one in added["pauses"]] == [
        ("09:00", None),
        ("11:00", "lunch"),
    ]
    assert (added["elapsed_seconds"], added["paused_seconds"]) == (3.25 * 3600, 0.75 * 3600)
    (logged,) = run("log", "--json").json["sessions"]
    assert {name: logged[name] for name in added} == added
    assert run("edit", "last", "--notes", "a", "--json").json == added | {"notes": ["a"]}
    for pauses, told in (
        (("14:00..14:10",), "'14:00..14:10' is outside \"call\" (2026-03-02 09:00 – 13:00)"),
        (("10:00..10:30", "10:20..10:40"), "the pauses 10:00..10:30 and 10:20..10:40 overlap"),
        (("12:00",), "'12:00' is no pause; write 12:00..12:45 lunch"),
    ):
        assert run("add", "call", *day, *(part for one in pauses for part in ("--pause", one))).complaint == told


def test_odd_things_are_told_with_the_status(run: Run) -> None:
    run("start", "forgotten", "--at", "-3h")
    warnings = run("status", "--json", MEMORIA_WORK_SESSION_WARNING_HOURS="2").json["warnings"]
    assert [one["kind"] for one in warnings] == ["forgotten"]


def test_a_session_is_corrected_and_deleted(run: Run) -> None:
    recorded(run, "2026-03-02T09:00", "2026-03-02T10:30", client="acme")
    short = run("log", "--json").json["sessions"][0]["id"][:8]
    edited = run("edit", short, "--end", "2026-03-02 12:00", "--client", "", "--description", "better", "--json").json
    assert (edited["description"], edited["client"], edited["elapsed_seconds"]) == ("better", None, 3 * 3600)
    assert "what to change" in run("edit", short).complaint
    paused = run("edit", short, "--add-pause", "10:00..10:30 tea", "--add-pause", "11:00..11:15", "--notes", "a\n\n b ")
    assert "· 2:15:00 · 2026-03-02 09:00 – 2026-03-02 12:00, paused 0:45:00 ·" in paused.out
    assert run("edit", short, "--remove-pause", "11:00", "--end", "10:15").complaint == (
        'the pause 10:00..10:30 tea would be outside "better" (2026-03-02 09:00 – 10:15); '
        "--remove-pause 10:00 takes it out"
    )
    assert run("edit", short, "--add-pause", "11:10..11:20").complaint == (
        "the pauses 11:00..11:15 and 11:10..11:20 overlap"
    )
    assert run("edit", short, "--remove-pause", "11:00").status == 0
    (logged,) = run("log", "--json").json["sessions"]
    assert [(one["started_at"][11:16], one["reason"]) for one in logged["pauses"]] == [("09:00", "tea")]
    assert logged["notes"] == ["a", "b"]
    assert run("edit", short, "--notes", "", "--remove-pause", "10:00", "--json").json["elapsed_seconds"] == 3 * 3600
    assert run("log", "--json").json["sessions"][0]["notes"] == []
    assert run("unstop", short, "--json").json["elapsed_seconds"] == pytest.approx(3 * 3600, abs=5)
    assert run("delete", short).status == 0
    assert run("log", "--json").json == {"sessions": [], "more": False}


def test_the_log_is_filtered(run: Run) -> None:
    recorded(run, "2026-03-02T09:00", "2026-03-02T10:00", client="acme")
    recorded(run, "2026-03-03T09:00", "2026-03-03T10:00", client="other")
    recorded(run, "2026-03-04T09:00", "2026-03-04T10:00")

    def days(*options: str) -> list[str]:
        return [one["started_at"][:10] for one in run("log", "--json", *options).json["sessions"]]

    assert days() == ["2026-03-04", "2026-03-03", "2026-03-02"]
    assert [one["overlaps"] for one in run("log", "--json").json["sessions"]] == [[], [], []]
    recorded(run, "2026-03-04T09:30", "2026-03-04T10:30", client="third")
    assert run("log", "--client", "third").out.rstrip().endswith('! overlaps "work" by 0:30:00')
    assert run("log", "--client", "third", "--json").json["sessions"][0]["overlaps"][0]["seconds"] == 1800
    assert days("--client", "acme", "--client", "") == ["2026-03-04", "2026-03-02"]
    assert days("--from", "2026-03-03", "--to", "2026-03-03") == ["2026-03-03"]
    assert run("log", "--limit", "2", "--json").json["more"]


def test_days_are_named_by_a_word_and_the_log_is_csv_too(run: Run) -> None:
    recorded(run, "2026-10-05T09:00", "2026-10-05T10:30", client="acme")
    recorded(run, "2026-09-30T23:00", "2026-10-01T01:00", client="birch")
    for days in (
        ("--month", "2026-10"),
        ("2026-10",),
        ("--month", "2026-10-31"),
        ("--from", "2026-10", "--to", "2026-10"),
    ):
        rows = list(csv.DictReader(io.StringIO(run("log", *days, "--csv").out)))
        assert [(row["day"], row["seconds"]) for row in rows] == [
            ("2026-10-05", "5400.000000"),
            ("2026-10-01", "3600.000000"),
        ], days
        assert run("report", *days, "--json").json["total_seconds"] == 9000
    assert run("report", "--week", "2026-10-04", "--json").json["from"] == "2026-09-28"
    last = run("report", "last-month", "--json").json
    assert last == run("report", "--from", "last-month", "--to", "last-month", "--json").json
    assert run("log", "last-week", "--json").status == 0
    assert run("log", "2026-10", "--from", "2026-10").status == 2
    assert run("report", "--csv", "--json").status == run("log", "--csv", "--json").status == 2


def test_sessions_are_found_by_issue_client_and_any_case(run: Run) -> None:
    for issue, client in (("41", "acme"), ("42", "acme"), ("7", "birch")):
        given = ("--from", f"2026-10-05 {int(issue) % 10}:00", "--duration", "1h", "-c", client, "--issue", issue)
        assert run("add", f"task {issue}", *given).status == 0

    def found(*options: str) -> set[str]:
        sessions = {one["description"] for one in run("log", *options, "--json").json["sessions"]}
        report = run("report", "2026", *options, "--json").json
        assert report["total_seconds"] == 3600 * len(sessions)
        return sessions

    assert found("--issue", "42") == found("--text", "#42") == {"task 42"}
    assert found("--text", "ACM") == found("-c", "ACME") == {"task 41", "task 42"}
    assert found("--issue", "7", "--issue", "41") == {"task 7", "task 41"}
    assert run("log", "-c", "nobody").status == 1


def test_a_session_over_midnight_is_listed_by_day_as_the_report_counts_it(run: Run) -> None:
    recorded(run, "2026-03-20T20:00", "2026-03-21T00:21")
    one_day = ("--from", "2026-03-21", "--to", "2026-03-21")
    (logged,) = run("log", *one_day, "--json").json["sessions"]
    assert logged["elapsed_seconds"] == 4 * 3600 + 21 * 60
    assert logged["days"] == [{"day": "2026-03-21", "seconds": 21 * 60.0}]
    assert run("report", *one_day, "--json").json["total_seconds"] == 21 * 60
    (_, row) = run("log", *one_day).out.splitlines()
    assert ("2026-03-21 00:00  00:21  0:21:00" in row, row.endswith("part of 4:21:00")) == (True, True)
    assert "2026-03-20 20:00  24:00  4:00:00" in run("log", "--to", "2026-03-21").out
    (whole,) = run("log", "--from", "2026-03", "--json").json["sessions"]
    assert [one["seconds"] for one in whole["days"]] == [4 * 3600.0, 21 * 60.0]


def test_there_is_one_total_for_a_client_and_it_says_which(run: Run) -> None:
    for day in ("02", "03", "04"):
        recorded(run, f"2026-03-{day}T09:00:00", f"2026-03-{day}T10:00:40", client="acme", project="api")
    assert run("start", "more", "--client", "acme", "--project", "api").status == 0
    for total in (run("clients", "--json").json["clients"][0], run("projects", "--json").json["projects"][0]):
        assert (total["seconds"], total["minutes"], total["sessions"], total["open"]) == (3 * 3640, 180, 3, 1)
        assert total["last"].startswith("2026-03-04")
    (client,) = run("clients", "--json").json["clients"]
    assert run("report", "--from", "2026-03", "--json").json["total_seconds"] == client["seconds"]
    for ran in (run("clients"), run("projects"), run("report", "--from", "2026-03")):
        assert "3:02:00" in ran.out
        assert "MCP Memoria counts whole minutes" in ran.out


def test_an_edit_says_what_it_made_and_takes_a_time_alone_from_the_session(run: Run) -> None:
    recorded(run, "2026-03-20T22:00", "2026-03-21T03:00", client="acme")
    id_ = run("log", "--json").json["sessions"][0]["id"]
    ran = run("edit", id_, "--client", "Birch", "--project", "api", "--end", "2:00")
    assert "new: client Birch, project api" in ran.out
    assert " · 4:00:00 · 2026-03-20 22:00 – 2026-03-21 02:00 · " in ran.out
    assert "new:" not in run("edit", id_, "--client", "BIRCH", "--start", "23:30").out
    (session,) = run("log", "--json").json["sessions"]
    assert (session["client"], session["elapsed_seconds"]) == ("Birch", 2.5 * 3600)


def test_the_status_tells_what_was_worked_today_and_of_the_goals(run: Run, postgres_url: str) -> None:
    run("start", "work", "--at", "-2s")
    today = f'"{datetime.now(ZoneInfo("Europe/Rome")):%Y-%m-%d}"'
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("INSERT INTO user_settings (key, value) VALUES ('absences', %s)", (today,))
    told = r"^today 0:00:0\d, 0:00:0\d of it still open · week 0:00:0\d of (32 h, 1 day off|40 h)$"
    assert re.search(told, run("status").out, re.MULTILINE)
    status = run("status", "--json").json
    assert status["today_open_seconds"] >= 0
    assert (status["today_goal_seconds"], status["week_goal_seconds"] in (32 * 3600, 40 * 3600)) == (0, True)
    assert re.fullmatch(r"0:00:0\d\n", run("status", "--format", "{today}").out)


def test_clients_and_projects_are_made_renamed_merged_moved_and_deleted(run: Run) -> None:
    recorded(run, "2026-03-02T09:00", "2026-03-02T10:00", client="acme", project="api")
    recorded(run, "2026-03-03T09:00", "2026-03-03T10:00", client="acmee")
    for wrong in (("acmee",), ("acmee", "acme", "--into", "x")):
        assert run("clients", "merge", *wrong).status == 2
    assert run("clients", "merge", "acmee", "--into", "acme").status == 0
    assert run("undo").status == run("clients", "merge", "acmee", "acme").status == 0
    assert run("clients", "rename", "acme", "Acme").status == 0
    clients = run("clients", "--json").json["clients"]
    assert [(one["name"], one["seconds"], one["sessions"], one["projects"]) for one in clients] == [
        ("Acme", 7200, 2, 1)
    ]
    assert run("clients", "create", "Globex").status == 0
    assert run("projects", "move", "api", "Globex").status == 0
    assert run("projects", "create", "web", "--client", "Acme", "--json").json["client"] == "Acme"
    projects = run("projects", "list", "--json").json["projects"]
    assert {(one["name"], one["client"]) for one in projects} >= {("api", "Globex"), ("web", "Acme")}
    refused = run("clients", "delete", "Globex")
    assert refused.status == 1
    assert run("projects", "delete", "web").status == 0
    assert "Globex" in run("clients", "list").out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("pause",), "active"),
        (("stop",), "active"),
        (("start", "x", "--at", "2999-01-01 10:00"), "in the future"),
        (("report", "--client", "nobody"), "nobody"),
        (("edit", "zz", "--issue", "3"), "zz"),
        (("log", "--client", "Acem"), "no client is called 'Acem'; there are none yet"),
        (("clients", "rename", "nobody", "x"), "nobody"),
        (("clients", "terms", "new one"), "make it with: memoria-tui work clients create 'new one'"),
    ],
)
def test_what_cannot_be_done_ends_with_one_and_one_line(run: Run, arguments: tuple[str, ...], words: str) -> None:
    ran = run(*arguments)
    assert ran.status == 1
    assert words in ran.complaint


@pytest.mark.parametrize(
    "line", ["report --day --week", "report --json --csv", "start", "start x --category fun", "report --by mood"]
)
def test_wrong_usage_ends_with_two(run: Run, line: str) -> None:
    ran = run(*line.split())
    assert ran.status == 2
    assert "--help" in ran.complaint


def test_work_goes_on_while_another_program_holds_the_vectors(run: Run, tmp_path: Path) -> None:
    with held(tmp_path / "home"):
        run("start", "fix login", "--at", "-1h")
        assert run("report", "--day", "--running", "--json").status == 0
        stopped = run("stop", "--remember")
    assert stopped.status == 1
    assert "stopped" in stopped.complaint
    assert run("status", "--json").json["sessions"] == []
    run("start", "review")
    assert run("stop", "--remember").status == 0
    assert run("log", "--json").json["sessions"][0]["memory_id"] is not None


def test_a_status_makes_no_database(run: Run, tmp_path: Path) -> None:
    status = run("status", "--json", MEMORIA_DATABASE_URL="").json
    assert (status["sessions"], status["warnings"], status["today_seconds"], status["week_seconds"]) == ([], [], 0, 0)
    assert not (tmp_path / "home").exists()


def test_a_status_without_its_database_is_one_line(run: Run) -> None:
    ran = run("status", MEMORIA_DATABASE_URL="postgresql://u:secret@127.0.0.1:1/x")
    assert ran.status == 1
    assert "secret" not in ran.complaint


def test_a_status_imports_neither_the_screens_nor_what_is_slow(tmp_path: Path, postgres_url: str) -> None:
    code = (
        "import sys\n"
        "from memoria_tui.cli import main\n"
        "assert main(['work', 'status', '--json']) == 0\n"
        "slow = {'textual', 'rich', 'sqlalchemy', 'qdrant_client', 'qdrant_edge', 'wordllama', 'numpy', 'httpx'}\n"
        "print(*(slow & set(sys.modules)), file=sys.stderr)"
    )
    environment = {**os.environ, "MEMORIA_HOME": str(tmp_path / "home"), "MEMORIA_DATABASE_URL": postgres_url}
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert ran.stderr.strip() == ""


def test_the_views_for_other_programs_are_left_to_a_process_of_its_own(run: Run, postgres_url: str) -> None:
    recorded(run, "2026-03-02T09:00", "2026-03-02T10:30", client="acme")
    total = "SELECT sum(total_minutes) FROM public.monthly_work_summary"
    with psycopg.connect(postgres_url, autocommit=True) as other:
        before = other.execute(total).fetchone()
        assert run("refresh").status == 0
        after = other.execute(total).fetchone()
    assert (before, after) == ((None,), (90,))


def test_only_what_changes_completed_work_leaves_something_behind(tmp_path: Path, postgres_url: str) -> None:
    left: list[tuple[str, ...]] = []

    @dataclass(frozen=True)
    class Watched(Terminal):
        def spawn_detached(self, *arguments: str) -> None:
            left.append(arguments)

    environment = {"MEMORIA_HOME": str(tmp_path), "MEMORIA_LINGER": "3", "MEMORIA_DATABASE_URL": postgres_url}
    for line in ("start x --client acme", "note y", "status", "clients", "stop", "clients rename acme Acme"):
        assert main(["work", *line.split()], Watched(environment, io.BytesIO(), Screen(), io.StringIO())) == 0
        assert left == [("work", "refresh")] * (line.startswith("stop") or 2 * line.startswith("clients rename"))


def recorded(run: Run, start: str, end: str, **names: str) -> None:
    """A completed session; times are Rome's."""
    options = [word for name, value in names.items() for word in (f"--{name}", value)]
    session = run("start", "work", "--at", start, *options, "--json").json["id"]
    assert run("stop", "--session", session, "--at", end).status == 0


@contextmanager
def held(home: Path) -> Iterator[None]:
    """Another process has the embedded vector store for itself, as an older version does."""
    code = (
        "import sys; from pathlib import Path; from services.adapters.edge.folder_locks import take_folder\n"
        "take_folder(Path(sys.argv[1]) / 'qdrant'); print('held', flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen(forked("-c", code, str(home)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    try:
        yield
    finally:
        process.communicate(timeout=60)


def test_a_stop_that_books_many_hours_asks_first(run: Run) -> None:
    run("start", "since last week", "--at", "-197h")
    refused = run("stop", "--at", "-30m")
    assert refused.status == 1
    assert "196:30:" in refused.complaint
    assert "--yes" in refused.complaint
    (session,) = run("status", "--json").json["sessions"]
    first = datetime.fromisoformat(session["started_at"]).astimezone(ZoneInfo("Europe/Rome")) + timedelta(hours=1)
    refused = run("stop", "--at", f"{first:%H:%M}")
    assert refused.complaint.endswith(f"or say when it ended with --at '{first:%Y-%m-%d %H:%M}'")
    assert run("status", "--json").json["sessions"] != []
    assert run("stop", "--at", "-190h").status == 0, "seven hours are no question"
    assert run("undo").status == 0
    assert run("stop", "--yes").status == 0


def test_a_session_is_split_merged_and_entered_once_more(run: Run) -> None:
    first = run(
        *("add", "login", "-c", "acme", "--category", "review", "--tag", "ui"),
        *("--from", "2026-10-05 9:00", "--duration", "2:00", "--json"),
    )
    second = run("split", "last", "--at", "10:15", "--json")
    assert (second.json["description"], second.json["elapsed_seconds"]) == ("login", 45 * 60)
    assert run("merge", second.json["id"], first.json["id"]).status == 0
    for more in (("tests", "--from", "2026-10-06 9:00"), ("code", "--category", "coding", "--from", "2026-10-07 9:00")):
        assert run("add", "--like", first.json["id"], *more, "--duration", "1:00").status == 0
    logged = run("log", "--json").json["sessions"]
    assert [(one["description"], one["category"], one["client"], one["tags"]) for one in logged] == [
        ("code", "coding", "acme", ["ui"]),
        ("tests", "review", "acme", ["ui"]),
        ("login", "review", "acme", ["ui"]),
    ]
    assert "say what was worked on" in run("add", "--from", "9:00", "--to", "10:00").err


def test_a_month_is_billed_and_what_was_billed_is_changed_only_knowingly(run: Run, tmp_path: Path) -> None:
    about = ("-c", "acme", "--from", "2026-10-05 9:00")
    assert run("add", "login", *about, "--duration", "1:10", "--tag", "auth", "--tag", "ui").status == 0
    assert run("add", "proposal", *about, "--duration", "1:00", "--not-billable").status == 0
    assert run("log", "--tag", "auth", "--json").json["sessions"][0]["tags"] == ["auth", "ui"]
    assert "is not a rate" in run("clients", "terms", "acme", "--rate", "much").err
    terms = ("--rate", "60 EUR", "--rounding", "15 up", "--budget", "2", "--json")
    assert run("clients", "terms", "acme", *terms).json == {
        "name": "acme", "rates": ["60 EUR"], "rounding": "15 up session", "budget": "2"
    }  # fmt: skip
    assert run("clients", "--json").json["clients"][0]["budget"]["left_seconds"] == 50 * 60
    sheet = ("timesheet", "-c", "ACME", "--month", "2026-10")
    told = run(*sheet, "--json").json
    assert (told["amounts"], told["seconds"], told["worked_seconds"]) == ({"EUR": "75.00"}, 4500, 4200)
    assert (told["billed"], told["not_billable_seconds"]) == (False, 3600)
    assert "one of --json and --format" in run(*sheet, "--format", "csv", "--json").err
    assert run(*sheet, "--format", "csv", "-o", "-").out == run(*sheet, "--format", "csv").out != ""
    assert "give --format" in run(*sheet, "-o", "-").err
    page = tmp_path / "bill.html"
    assert run(*sheet, "--output", str(page)).status == 0
    assert "75.00 EUR" in page.read_text("utf-8")
    assert "exists already" in run(*sheet, "--output", str(page), "--billed").err
    assert (
        "it can be .html, .md or .csv, or give --format"
        in run(*sheet, "--output", str(tmp_path / "bill.pdf"), "--billed").err
    )
    assert not run(*sheet, "--json").json["billed"], "nothing is billed without its file"
    rows = tmp_path / "bill.csv"
    assert run(*sheet, "--output", str(rows), "--billed").status == 0
    assert [row["billed"] for row in csv.DictReader(rows.open(encoding="utf-8"))] == ["yes"]
    assert "all of it is billed" in run(*sheet).out
    (login,) = run("log", "--tag", "auth", "--json").json["sessions"]
    for change in (("delete",), ("unstop",), ("edit", "--category", "review")):
        refused = run(change[0], login["id"], *change[1:])
        assert (refused.status, "was billed for 2026-10" in refused.err) == (1, True)
    assert run("edit", login["id"], "--tag", "", "--yes").status == 0
    assert run("undo").status == run("undo").status == 0
    assert not run(*sheet, "--json").json["billed"]


def test_stopped_sessions_are_exported_for_other_programs_and_imported_as_nothing_new(run: Run, tmp_path: Path) -> None:
    for what, client in (("login", "acme"), ("review", "globex")):
        run("add", what, "-c", client, "--from", "2026-10-05 9:00", "--duration", "1:10")
    run("start", "still open", "-c", "acme")
    file = tmp_path / "work.json"
    told = run("export", str(file), "-c", "acme", "--json").json
    assert (told["format"], told["sessions"]) == ("timewarrior", 1)
    (written,) = json.loads(file.read_text("utf-8"))
    assert (written["start"], written["end"]) == ("20261005T070000Z", "20261005T081000Z")
    refused = run("export", str(file))
    assert (refused.status, "--force writes over it" in refused.err) == (1, True)
    assert "2 work sessions" in run("export", str(file), "2026-10", "--force").out
    assert "BEGIN:VCALENDAR" in run("export", "-", "--format", "icalendar").out
    other = run("export", str(tmp_path / "work.ics"), "--format", "toggl").out.splitlines()
    assert other[2:] == [".ics says icalendar, and it is written as toggl, as --format says"]
    assert len(run("export", str(tmp_path / "work.csv"), "--format", "clockify").out.splitlines()) == 2
    assert run("export", str(tmp_path / "work.txt")).status == 2, "a format that is not known by the name"
    assert run("export", str(tmp_path / "none.klg"), "-c", "nobody").status == 1
    assert run("!import", str(file)).status == 0
    assert len(run("log", "--json").json["sessions"]) == 3


def test_work_on_a_budget_that_is_used_up_is_told_where_it_is_done(run: Run) -> None:
    begun = ("-c", "acme", "--from", "2026-10-05 9:00")
    assert run("add", "login", *begun, "--duration", "0:30").err == ""
    run("clients", "terms", "acme", "--budget", "1")
    assert run("add", "tests", *begun, "--duration", "1:00").complaint == (
        "budget of acme: 1.50 of 1 hours used, over by 0.50"
    )
    assert run("add", "free", *begun, "--duration", "1:00", "--not-billable").err == ""
    for command in (("start", "more", "-c", "acme"), ("stop",)):
        assert "over by 0.5" in run(*command).complaint
    run("start", "again", "-c", "acme")
    assert "! budget of acme: 1.50 of 1 hours used, over by 0.50" in run("status").out
    assert [one["kind"] for one in run("status", "--json").json["warnings"]] == ["budget"]
    assert "over by 0.5" in run("timesheet", "-c", "acme", "--month", "2026-10").out
