"""The command line: what scripts read, what it says when something is wrong, and its exit status."""

from __future__ import annotations

import asyncio
import errno
import io
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from memoria_tui.cli import main
from memoria_tui.cli.json_output import logged_session_json, memory_json
from memoria_tui.cli.program import program
from memoria_tui.cli.terminal import Terminal
from memoria_tui.cli.with_services import shown_of
from services.model import Memory, MemoryType, Pause, Progress, SessionCategory, SessionStatus, WorkSession
from services.work.report_files import log_csv
from services.work.report_values import DayPart
from tests.forking import forked
from tests.services.edge_here import edge_here, services_here
from tests.services.made_postgres import Made, MadePostgres
from tests.services.test_write_barrier import holder

HOSTILE = "\x1b]52;c;ZWNobw==\x07 \x1b[31mred\x1b[0m [bold]x[/] \u202e \x9b2J"


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
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
    """Runs a command in this process, on stores of its own."""

    def run(
        *arguments: str | Path,
        stdin: bytes = b"",
        out: io.StringIO | None = None,
        err: io.StringIO | None = None,
        **variables: str,
    ) -> Ran:
        environment = {"MEMORIA_HOME": str(tmp_path / "home"), "MEMORIA_DATABASE_URL": postgres_url, **variables}
        terminal = Terminal(
            environment, io.BytesIO(stdin), out or io.StringIO(), err or io.StringIO(), open_services=services_here
        )
        status = main([str(argument) for argument in arguments], terminal)
        return Ran(status, terminal.stdout.getvalue(), terminal.stderr.getvalue())  # type: ignore[attr-defined]

    return run


def test_a_command_says_what_it_waits_for_of_another_program(run: Run, tmp_path: Path) -> None:
    class Ending(io.StringIO):
        """Once it says that it waits, what it waits for ends."""

        def write(self, text: str) -> int:
            other.kill()
            return super().write(text)

    (folder := tmp_path / "home" / "qdrant").mkdir(parents=True, mode=0o700)
    with holder(folder, "exclusive") as other:
        added = run("add", "after a restore", err=Ending())
    assert added.status == 0, added.err
    assert added.complaint == f"waiting for process {other.pid}, which replaces all memories"


def test_search_takes_words_that_begin_with_a_minus_and_tells_how_many_there_are(run: Run) -> None:
    for name in ("old", "new", "newer"):
        run("add", f"auth of the {name} portal", "--tag", name)
    found = run("search", "-tag:old", "auth", "-n1")
    assert (found.status, len(found.out.splitlines())) == (0, 1)
    assert found.complaint == "1 of 2; more with -n 2"
    assert run("search", "auth", "-newer", "--json", "--limit", "9").json["total"] == 2
    assert run("search", "asdfqwer", "zxcv").err.splitlines()[0] == "no good match; nearest:"
    assert run("search", "-x", "auth").status == 2
    listed = run("list", "-n2")
    assert ["newer" in line for line in listed.out.splitlines()] == [True, False]
    assert listed.complaint == "2 of 3; more with -n 3"
    assert shown_of(1_000, 5_000) == "1,000 of 5,000; -n shows no more than 1,000"
    assert run("list", "tag:old", "sort:updated", "--json").json["total"] == 1
    old = run("list", "tag:old", "--json").json["hits"][0]["id"]
    run("add", f"Bread needs flour, {'water and ' * 20}salt", "--tag", "newest")
    assert run("list", "-n1").out.splitlines()[0].endswith("water and…  #newest")
    assert "portal" in run("list", f"like:{old}").out.splitlines()[0]


def test_a_memory_is_written_found_edited_deleted_and_brought_back(run: Run) -> None:
    added = run("add", "the queue delivers twice", "--tag", "queue", "--project", "api", "--json")
    assert added.status == 0
    memory = added.json
    assert {"id", "type", "content", "tags", "project", "importance", "created_at", "updated_at"} <= set(memory)
    assert (memory["content"], memory["tags"], memory["project"]) == ("the queue delivers twice", ["queue"], "api")
    short = memory["id"][:8]

    found = run("search", "queue", "twice", "--json").json
    assert set(found) == {"query", "mode", "total", "answered", "hits", "took_ms", "notices"}
    assert (found["total"], found["answered"]) == (1, True)
    (hit,) = found["hits"]
    assert (hit["content"], hit["superseded"]) == (memory["content"], False)
    assert set(hit["why"]) == {"dense", "keyword", "graph"}
    assert (found["query"], found["mode"], hit["id"]) == ("queue twice", "hybrid", memory["id"])

    again = run("import", "-", "--json", stdin=run("show", short, "--json").out.encode())
    assert again.json == {
        "dry_run": False, "memories": 0, "created": 0, "relations": 0, "sessions": 0, "unchanged": 1, "retired": 0,
        "clients": 0, "projects": 0,
            "failed": [], "kept": [], "missing": [], "notes": [], "samples": [], "broken": None, "barren": [],
    }  # fmt: skip
    edited = run("edit", short, "--text", "-", "--importance", "0.9", "--json", stdin=b"it delivers once").json
    assert (edited["content"], edited["importance"], edited["tags"]) == ("it delivers once", 0.9, ["queue"])
    assert run("delete", short, "--json").json == {"found": 1, "deleted": 1, "ids": [memory["id"]]}
    gone = run("show", memory["id"])
    assert gone.status == 1
    assert memory["id"] in gone.complaint
    assert run("restore", short, "--json").json == {"restored": 1}
    shown = run("show", short, "--json").json
    assert shown["content"] == "it delivers once"
    assert shown["relations"] == []


FULL = Memory(
    "5fb66a64-fc17-40a0-9052-fa0d9035e93c",
    MemoryType.EPISODIC,
    "every field of it is set",
    created_at=datetime(2026, 3, 1, 9, tzinfo=UTC),
    updated_at=datetime(2026, 4, 1, 9, tzinfo=UTC),
    accessed_at=datetime(2026, 5, 1, 9, tzinfo=UTC),
    access_count=3,
    importance=0.9,
    tags=("auth", "two words"),
    project="api",
    metadata={"steps": ["read", "write"], "ticket": {"id": 7}},
    chunk_count=2,
    headless=True,
    pending=True,
)


def test_json_tells_every_field_of_a_memory() -> None:
    bare = Memory("4fb66a64-fc17-40a0-9052-fa0d9035e93c", MemoryType.SEMANTIC, "")
    named = {field.name: field.name for field in fields(Memory)} | {"chunk_count": "chunks"}
    assert set(memory_json(bare)) == set(named.values())
    for field, name in named.items():
        other = memory_json(replace(bare, **{field: getattr(FULL, field)}))
        assert {key for key, value in other.items() if value != memory_json(bare)[key]} == {name}


def test_json_and_csv_of_the_log_tell_every_field_of_a_session() -> None:
    now = datetime(2026, 5, 4, 12, tzinfo=UTC)
    hour = timedelta(hours=1)
    bare = WorkSession("4fb66a64", "one", SessionCategory.CODING, SessionStatus.ACTIVE, now - hour)
    full = WorkSession(
        "5fb66a64",
        "two",
        SessionCategory.REVIEW,
        SessionStatus.COMPLETED,
        now - 2 * hour,
        now - hour / 2,
        (Pause(now - hour / 4, now, "lunch"),),
        *("acme", "site", "client", "project"),
        issue_number=4,
        pr_number=5,
        branch="main",
        notes=("a note",),
        memory_id="memory",
        tags=("urgent",),
        billable=False,
        billed=("2026-05",),
    )

    def untold(told: Callable[[WorkSession], object]) -> set[str]:
        changed = {one.name: replace(bare, **{one.name: getattr(full, one.name)}) for one in fields(WorkSession)}
        return {name for name, session in changed.items() if told(session) == told(bare)}

    def lines(session: WorkSession) -> str:
        return log_csv(
            [DayPart(session, now.date(), session.start, session.end, session.elapsed_seconds(now))], UTC, now
        )

    assert untold(lambda session: logged_session_json(session, now, (), ())) == {"client_id", "project_id"}
    assert untold(lines) == {"client_id", "project_id", "memory_id"}


def test_a_memory_with_every_field_set_survives_its_json(run: Run) -> None:
    given = json.loads(json.dumps(memory_json(FULL)))
    kept = given.keys() - {"chunks", "headless", "pending"}
    for _ in range(2):  # into an empty store, as the purge leaves it
        assert run("import", "-", stdin=json.dumps(given).encode()).status == 0
        shown = run("show", FULL.id, "--json").json
        assert {key: shown[key] for key in kept} == {key: given[key] for key in kept}
        assert run("purge", FULL.id, "--yes").status == 0
        given = shown


def test_lines_from_standard_input_go_in_and_out_and_a_bad_one_is_told(run: Run, tmp_path: Path) -> None:
    ran = run("import", "-", "--json", stdin=b'{"content": "one"}\nnonsense\n{"content": "two"}\n')
    assert ran.status == 0
    assert (ran.json["memories"], ran.json["unchanged"]) == (2, 0)
    (failure,) = ran.json["failed"]
    assert (failure["source"], failure["record"]) == ("standard input", "line 2")
    assert run("export", tmp_path / "all.jsonl", "--json").json["memories"] == 2
    assert run("import", tmp_path / "all.jsonl", "--json").json["unchanged"] == 2


def leave_unfinished(home: Path, postgres_url: str, memory_id: str) -> None:
    """A memory whose save was killed between its commit and its points."""

    async def forget() -> None:
        store = edge_here(home / "qdrant")
        await store.delete_points(MemoryType.SEMANTIC, [memory_id])
        await store.close()

    asyncio.run(forget())
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO memoria_tui.embedding_schedule (memory_id, change_id) "
            "SELECT entity_id, max(id) FROM memoria_tui.audit_log WHERE entity_id = %s GROUP BY entity_id",
            (memory_id,),
        )


def test_what_a_killed_program_had_begun_to_save_is_finished_by_the_next_command(
    run: Run, tmp_path: Path, postgres_url: str
) -> None:
    memory = str(run("add", "left behind by a kill", "--json").json["id"])
    left = tmp_path / "left.jsonl"
    for command, found in (
        (("show", memory), lambda ran: "left behind" in ran.out),
        (("search", "behind", "--json"), lambda ran: [hit["id"] for hit in ran.json["hits"]] == [memory]),
        (("export", left, "--json"), lambda ran: ran.json["memories"] == 1),
    ):
        leave_unfinished(tmp_path / "home", postgres_url, memory)
        ran = run(*command)
        assert (ran.status, ran.err, found(ran)) == (0, "", True)


def test_what_of_the_file_of_settings_cannot_be_used_is_told_where_it_is_needed(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (file := tmp_path / "memoria-tui" / "config.toml").parent.mkdir()
    file.write_text("this is no toml = = [")
    broken = run("list")
    assert broken.status == 0
    assert [line.startswith(f"{file}: cannot be read as TOML") for line in broken.err.splitlines()] == [True, False]
    file.write_text(
        'theme = 7\neditor = []\n[foo]\n[keymap]\n"none.such" = "x"\n[views]\nlogs = "x"\nbad = 1\nodd = "has:all"\n'
    )
    assert run("list").err == "no results\n", "it uses nothing of the file"
    assert (
        run("search", "--view", "logs").err.splitlines()[0].startswith(f"{file}: views.bad is 1; it must be a search")
    )
    assert [line for line in run("doctor").out.splitlines() if str(file) in line] == [
        f"- {file}: 'foo' is unknown; known are theme, mode, editor, keymap, views, services",
        f"- {file}: theme must be a text that is not empty",
        f'- {file}: views.bad is 1; it must be a search, such as "tag:auth"',
        f"- {file}: views.odd cannot be searched for: has: 'all' cannot be understood; allowed: relations",
        f"- {file}: editor must be a text that is not empty",
        f"- {file}: keymap.none.such: no key has that id; memoria-tui config keys lists them",
    ]
    assert f"{file}: editor must be a text" in run("add", EDITOR="true").err


def test_doctor_tells_each_store(run: Run) -> None:
    ran = run("doctor", "--json")
    assert ran.status == 0
    assert set(ran.json) == {"qdrant", "postgres", "embedder", "daemon", "commands", "zones", "problems"}
    assert ran.json["daemon"] is None, "none is needed here"
    for kind in ("qdrant", "postgres", "embedder"):
        assert {"ok", "version", "latency_ms", "counts"} <= set(ran.json[kind])
        assert ran.json[kind]["ok"]
    assert ran.json["problems"] == []


def test_memory_text_is_harmless_on_a_terminal_and_exact_in_a_pipe(run: Run, tmp_path: Path) -> None:
    (file := tmp_path / "hostile.json").write_text(json.dumps([{"content": HOSTILE, "tags": ["\x1b[2J"]}]))
    assert run("import", str(file)).status == 0
    memory = run("show", run("list", "--json").json["hits"][0]["id"], "--json").json
    assert memory["tags"] == ["\x1b[2J"]
    for named in (("add", "x", "--tag"), ("edit", memory["id"], "--add-tag"), ("set", memory["id"], "--project")):
        assert run(*named, "\x1b[3J").complaint == (
            "'\\x1b[3J': a name takes no line breaks, controls or invisible characters; it has U+001B"
        )
    assert memory["content"] == HOSTILE
    assert run("show", memory["id"], "--raw").out == f"{HOSTILE}\n"
    for arguments in (
        ("show", memory["id"]),
        ("list",),
        ("history", memory["id"]),
        ("search", "red"),
        ("stats",),
        ("inbox",),
    ):
        assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(run(*arguments).out), arguments
    assert "\x1b" not in run("show", memory["id"], "--json").out
    for command in (("show", memory["id"]), ("search", "red")):
        shown = run(*command, out=Screen()).out
        assert "red" in shown
        assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(shown)


def test_a_folder_that_was_deleted_under_the_person_is_told(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (gone := tmp_path / "gone").mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    told = "the folder where you stand was deleted; change into another one, and do it again"
    assert run("import", ".").complaint == run("work", "start", "x", "--branch", ".").complaint == told


def test_wrong_usage_ends_with_two_and_one_line(run: Run) -> None:
    for line in ("bogus", "import", "search x --mode y", "edit x --importance 4", "db", "edit x --tag y",
                 "edit x --tags a --add-tag b", "edit x --add-tag ,", "search --view", "import - -",
                 "lifetimes --days 3"):  # fmt: skip
        ran = run(*line.split())
        assert ran.status == 2
        assert "--help" in ran.complaint
    lacking = run("work", "add", "x", "--from").complaint
    assert "; put a text of several words in quotes · see: " in run("add", "two", "words").complaint
    assert lacking == "Option '--from' requires an argument. · see: memoria-tui work add --help"
    for empty in (("import", ""), ("export", ""), ("backup", ""), ("sync", "add", ""), ("work", "export", "")):
        assert "the name of a file or folder is empty" in run(*empty).complaint
    for long in (
        ("x" * 900,),
        ("search", "--mode", "a b " * 300),
        ("add", "x", "a b " * 300),
        ("add", f"--{'x' * 900}"),
    ):
        ran = run(*long)
        assert (ran.status, "…" in ran.complaint, len(ran.complaint) < 200) == (2, True, True), long
    for command in (("import",), ("export",), ("restore",), ("work", "export")):
        assert f"'{'x' * 59}…' is too long for the name of a file" in run(*command, f"{'x' * 300}.tar").complaint
    named = run("work", "export", "x.bad").complaint
    assert "x.bad: the end of the name says no format; it can be .ics (icalendar), .json (timewarrior), " in named
    ran = run("search", "type:nope")
    assert ran.status == 2
    assert "type" in ran.complaint


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("connect", "nosuch"), "Invalid value for 'client': 'nosuch' is not one of 'claude-code', 'claude-desktop', "),
        (("connect",), "Missing argument 'client'. Choose from: claude-code, claude-desktop, codex, "),
        (("link", "a", "b", "--type", "hates"), "'hates' is not one of 'causes', 'fixes', "),
        (("serve", "--port", "x"), "Invalid value for '--port': must be a whole number · see: "),
        (("serve", "--port", "99999"), "Invalid value for '--port': must be at most 65535 · see: "),
    ],
)
def test_a_wrong_value_is_told_in_plain_words(run: Run, arguments: tuple[str, ...], said: str) -> None:
    answer = run(*arguments)
    assert answer.status == 2
    assert said in answer.complaint
    assert "rror," not in answer.complaint


def test_an_edit_adds_removes_and_replaces_tags_and_says_what_changed(run: Run) -> None:
    memory = run("add", "text", "--tag", "a, b", "--tag", "b", "--json").json["id"]
    ran = run("edit", memory, "--add-tag", "c", "--remove-tag", "a,d")
    assert (ran.out, ran.err) == (f"{memory}  tags +c −a\n", "it had no tag d\n")
    assert run("edit", memory, "--add-tag", "c").out == f"{memory}  nothing to change\n"
    assert run("edit", memory, "--tags", "x, y,x", "--json").json["tags"] == ["x", "y"]
    assert run("edit", memory, "--tags", "").out == f"{memory}  tags −x −y\n"
    assert run("edit", memory, "--text", "other\nlines", "--importance", "0.9").out == (
        f"{memory}  edited text +2 −1 lines, importance 0.5 → 0.9\n"
    )


@pytest.mark.parametrize("empty", ["", " \n\t\u200b\ufeff\u2060"])
def test_no_text_is_ever_emptied(run: Run, empty: str) -> None:
    memory = run("add", "text", "--json").json["id"]
    editor = {"EDITOR": 'sh -c \'printf " " > "$0"\''}
    for ran in (run("add", empty), run("add", "-", stdin=empty.encode()), run("edit", memory, "--text", empty),
                run("edit", memory, "--text", "-", stdin=empty.encode()), run("edit", memory, **editor),
                run("add", **editor)):  # fmt: skip
        assert ran.status == 1
        assert ran.complaint == "the text is empty; nothing was written"
    assert run("import", "-", stdin=json.dumps({"content": empty}).encode()).status == 1
    assert run("show", memory, "--json").json["content"] == "text"


def test_an_import_says_what_it_left_out_and_ends_with_one_when_that_was_all(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"content": ""}\n{"content": 3}\n', "utf-8")
    (tmp_path / "b.jsonl").write_text('{"content": "x", "importance": 7, "memory_type": "idea"}\n', "utf-8")
    bad, good = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    dry = run("import", bad, good, "--dry-run")
    assert dry.out.startswith("dry run, nothing was written: 1 memory imported · 2 left out\n")
    assert run("search", "x", "--json").json["hits"] == []
    ran = run("import", bad, good)
    assert ran.out.splitlines() == [
        "1 memory imported · 2 left out",
        f"left out: {bad}: line 1: its text is empty",
        f"left out: {bad}: line 2: its content is no text",
        f"note: {good}: line 1: its importance 7 is no number from 0 to 1; 1 is taken",
        f"note: {good}: 1 memory of the type 'idea', which is none here: imported as semantic; "
        "`original_type` keeps the name",
    ]
    assert (ran.status, ran.complaint) == (1, f"nothing could be imported from {bad}; the reasons are above")
    absent = run("import", tmp_path / "absent.json", good)
    assert absent.out.splitlines()[0] == "nothing imported · 1 record unchanged · 1 left out"
    assert "absent" not in absent.out
    assert (absent.status, absent.complaint) == (
        1,
        f"{tmp_path / 'absent.json'}: cannot be read: No such file or directory",
    )
    backup = tmp_path / "memoria.tar"
    backup.write_bytes(b"memories\0")
    assert "a backup comes back with: memoria-tui restore" in run("import", backup).complaint


def test_an_export_writes_over_a_file_only_when_it_is_told_to(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "all.jsonl"
    assert run("export", file).status == 0
    file.write_text("mine", "utf-8")
    refused = run("export", file)
    assert (refused.status, "--force" in refused.complaint, file.read_text("utf-8")) == (1, True, "mine")
    assert run("export", file, "--force").status == 0
    assert file.read_text("utf-8") != "mine"


def test_an_export_of_a_query_says_what_its_format_leaves_out(run: Run, tmp_path: Path) -> None:
    fix, bug, _ = [
        str(run("add", text, "--tag", tag, "--json").json["id"])
        for text, tag in (("fix it", "a"), ("bug", "a"), ("else", "b"))
    ]
    assert run("link", fix, bug, "--type", "fixes").status == 0
    assert run("export", tmp_path / "end.html", "--query", "tag:a", "--json").json["format"] == "html"
    assert ".old says no format: it is written as jsonl" in run("export", tmp_path / "end.old", "-q", "tag:a").out
    other = run("export", tmp_path / "end.csv", "--format", "json").out
    assert other.splitlines()[-1] == ".csv says csv, and it is written as json, as --format says"
    ran = run("export", tmp_path / "a.csv", "--query", "tag:a")
    assert (ran.status, len((tmp_path / "a.csv").read_text("utf-8").splitlines())) == (0, 3)
    assert ran.out.splitlines()[0] == f"{tmp_path / 'a.csv'}: 2 memories"
    assert ran.out.splitlines()[1].startswith("not exported: relations")
    told = run("export", tmp_path / "a.json", "--format", "json", "--query", "fix", "--json").json
    assert (told["memories"], told["relations"], told["format"]) == (1, 0, "json")
    assert "1 relation to memories" in told["not_exported"]
    piped = run("export", "-", "--format", "memory-jsonl", "--around", fix, "--depth", "1")
    assert ['"entity"' in line for line in piped.out.splitlines()] == [True, True, False]
    assert piped.err.startswith("not exported: ids")
    notes = tmp_path / "notes"
    assert run("export", notes, "--format", "markdown").status == 0
    assert sorted(path.name for path in notes.iterdir()) == ["bug.md", "else.md", "fix it.md"]
    assert "--force" in run("export", notes, "--format", "markdown").complaint
    assert run("export", notes, "--format", "markdown", "--force").status == 0
    assert "folder" in run("export", "-", "--format", "markdown").complaint
    assert run("import", notes, "--json").json["unchanged"] == 4
    wrong = run("export", tmp_path / "b", "--query", "type:nonsense")
    assert (wrong.status, (tmp_path / "b").exists()) == (2, False)
    assert run("export", tmp_path / "b", "--query", "x", "--id", fix).status == 2


class Broken(io.StringIO):
    """An output that takes nothing, or nothing any more, when the text leaves the buffer or at once."""

    def __init__(self, error: int, *, at_once: bool) -> None:
        super().__init__()
        self._error = OSError(error, os.strerror(error))
        self._at_once = at_once

    def write(self, text: str) -> int:
        if self._at_once:
            raise self._error
        return len(text)

    def flush(self) -> None:
        raise self._error


def commands() -> list[tuple[str, ...]]:
    """Every command that can run on an empty store, with its arguments."""
    known: dict[tuple[str, ...], tuple[str, ...]] = {
        ("search",): ("text",), ("add",): ("text",), ("import",): ("-",), ("export",): ("-",), ("doctor",): (),
        ("undo",): ("--list", "--json"), ("backup",): (), ("repair",): ("all",), ("db", "status"): (),
        ("db", "upgrade"): ("--dry-run",), ("trash", "list"): (), ("trash", "missing"): (), ("trash", "empty"): ("-y",),
        ("work", "start"): ("work",), ("work", "status"): (), ("work", "log"): ("--json",), ("work", "report"): (),
        ("work", "refresh"): (), ("work", "clients"): ("--json",), ("work", "projects"): ("--json",),
    }  # fmt: skip
    found: list[tuple[str, ...]] = []
    for name, command in program().commands.items():  # type: ignore[attr-defined]
        below = getattr(command, "commands", None)
        found += [(name, sub) for sub in below] if below else [(name,)]
    return [(*one, *known[one]) for one in found if one in known] + [("doctor",), ("doctor", "--json"), ("--version",)]


FAILING = ((errno.ENOSPC, False), (errno.EPIPE, True), (errno.ENOSPC, True), (errno.EPIPE, False))
"""How an output fails, and whether at once; commands differ in neither."""


def test_no_command_fails_with_more_than_a_line_where_its_output_is_not_taken(run: Run) -> None:
    stdin = b'{"content": "text"}\n'
    for command in commands():
        for error, at_once in FAILING if command == ("search", "text") else FAILING[:2]:
            ran = run(*command, stdin=stdin, out=Broken(error, at_once=at_once))
            if error == errno.EPIPE:
                assert (ran.status, ran.err.replace("no results\n", "")) == (141, ""), command
            else:
                assert ran.status == 1, command
                assert ran.err.splitlines()[-1] == "standard output cannot be written: No space left on device"


@pytest.mark.parametrize(
    ("command", "endings"),
    [
        ("--version", (">&-", ">/dev/full 2>/dev/full")),
        ("import --help", (">/dev/full", "| head -c 0")),
        ("bogus", ("2>&-", ">&- 2>&-")),
        ("export -", (">/dev/full", ">&-", "2>&-", ">&- 2>&-", "| head -c 0")),
    ],
)
def test_a_process_whose_output_is_not_taken_says_a_line_or_nothing(
    tmp_path: Path, postgres_url: str, command: str, endings: tuple[str, ...]
) -> None:
    environment = {
        **os.environ,
        "MEMORIA_HOME": str(tmp_path / "home"),
        "MEMORIA_LINGER": "3" if command == "export -" else "0",  # others need no store that stays, nor a server
        "MEMORIA_DATABASE_URL": postgres_url,
    }
    for ending in endings:
        program = shlex.join(forked("-m", "memoria_tui"))
        shell = f"{{ {program} {command} {ending}; }}; exit ${{PIPESTATUS[0]}}"
        ran = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, env=environment, check=False)
        assert "Traceback" not in ran.stderr
        assert "Exception" not in ran.stderr
        assert len(ran.stderr.splitlines()) <= 1
        assert ran.returncode in (0, 1, 2, 141)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("work", "log", "--from", "nonsense"), "'nonsense' is no day"),
        (("work", "report", "2026-13"), "'2026-13' is not a month"),
        (("work", "report", "--from", "2026-11-20", "--to", "2026-11-19"), "is before the first"),
        (("work", "timesheet", "-c", "x", "--month", "soon"), "'soon' is no day"),
        (("work", "timesheet", "-c", "x", "-o", "x.nope"), "the end of the name says no format"),
        (("work", "add", "x", "--duration", "long"), "say when it began"),
        (("work", "start", "x", "--at", "soon"), "'soon' is not a time"),
        (("work", "start", " "), "a session needs a description"),
        (("work", "start", "a\nb", "-c", "a\nb"), "a name takes no line breaks"),
        (("work", "stop", "a", "--session", "b"), "given twice"),
        (("token", "create", "a b", "--scope", "read"), "is no name of a token"),
        (("token", "create", "a", "--scope", "read", "--expires", "soon"), "'soon' is no end"),
        (("import", "x", "--format", "nope"), "is no format"),
        (("reembed", "-m", "onnx:nope"), "is no model"),
        (("pin", ""), "the query is empty"),
        (("list", "since:nonsense"), "since: "),
        (("views", "save", " ", "x"), "needs a name"),
        (("serve", "--tls-key", "x"), "--tls-key needs --tls-cert"),
    ],
)
def test_what_is_typed_wrongly_ends_with_two_and_one_line(run: Run, arguments: tuple[str, ...], words: str) -> None:
    ran = run(*arguments)
    assert ran.status == 2
    assert words in ran.complaint


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("show", "zzz"), "zzz"),
        (("restore", "abc"), "trash"),
        (("undo",), "left to undo"),
        (("redo",), "nothing to redo"),
        (("add", " "), "empty"),
        (("export", "/dev/full"), "space"),
        (("export", "/nowhere/x.jsonl"), "/nowhere"),
        (("import", "/nowhere/x.jsonl"), "/nowhere/x.jsonl"),
        (("add",), "EDITOR"),
        ((), "terminal"),
    ],
)
def test_what_cannot_be_done_ends_with_one_and_one_line(run: Run, arguments: tuple[str, ...], words: str) -> None:
    ran = run(*arguments)
    assert ran.status == 1
    assert words in ran.complaint


def test_a_truncated_file_goes_in_as_far_as_it_is_whole(run: Run, tmp_path: Path) -> None:
    (tmp_path / "cut.json").write_text('{"memories": [{"content": "whole"},\n {"content": "cu', "utf-8")
    ran = run("import", tmp_path / "cut.json", "--json")
    assert ran.status == 1
    assert ran.json["memories"] == 1
    assert "line 2" in ran.complaint


@pytest.mark.parametrize(
    "variables",
    [
        {"MEMORIA_DATABASE_URL": "postgresql://u:secret@127.0.0.1:1/x"},
        {"MEMORIA_QDRANT_HOST": "127.0.0.1", "MEMORIA_QDRANT_PORT": "1"},
        {"MEMORIA_CHUNK_SIZE": "many"},
        {"MEMORIA_HOME": "/proc/nowhere"},
    ],
)
def test_a_store_that_cannot_be_used_is_one_line_without_the_password(run: Run, variables: dict[str, str]) -> None:
    ran = run("add", "text", **variables)
    assert ran.status == 1
    assert "secret" not in ran.complaint
    assert "should not have happened" not in ran.complaint


def test_the_log_has_what_stores_refused_and_what_took_long_but_no_text_and_no_password(
    run: Run, tmp_path: Path
) -> None:
    file = tmp_path / "logs" / "memoria.log"
    log = {"MEMORIA_LOG_FILE": str(file)}
    assert run("add", "a private text", **log).status == 0
    assert run("search", '"unfinished', **log).status in (0, 1)
    assert not file.exists()
    away = "postgresql://u:secret@127.0.0.1:1/x"
    assert run("add", "a private text", MEMORIA_DATABASE_URL=away, **log).status == 1
    assert run("add", "a private text", MEMORIA_DATABASE_URL=away, MEMORIA_LOG_LEVEL="ERROR", **log).status == 1
    assert run("backup", tmp_path / "backups", **log).status == 0
    refused, made = file.read_text("utf-8").splitlines()
    assert " WARNING PostgreSQL at 127.0.0.1:1/x cannot be reached" in refused
    assert f"backed up 2 records to {tmp_path}" in made
    assert not {"secret", "private"} & set(f"{refused} {made}".split())


class Unwilling(io.StringIO):
    """An output that breaks."""

    def write(self, text: str) -> int:
        raise RuntimeError("out of ink")


def test_what_should_not_have_happened_is_one_line_with_the_place_of_its_details(run: Run, tmp_path: Path) -> None:
    ran = run("--version", out=Unwilling())
    assert ran.status == 1
    assert "should not have happened: RuntimeError: out of ink (details in" in ran.complaint
    assert "Traceback" in (tmp_path / "home" / "memoria-tui.log").read_text("utf-8")
    nowhere = run("--version", out=Unwilling(), MEMORIA_HOME="/proc/nowhere").complaint
    assert nowhere.endswith("out of ink")


def test_a_database_of_upstream_is_asked_to_be_upgraded_before_the_first_write(run: Run, empty_url: str) -> None:
    with psycopg.connect(empty_url, autocommit=True) as upstream:
        upstream.execute("CREATE TABLE public._migrations (version integer); CREATE TABLE public.clients (id uuid)")
    variables = {"MEMORIA_DATABASE_URL": empty_url}
    assert "db upgrade" in run("add", "text", **variables).complaint
    status = run("db", "status", "--json", **variables).json
    assert (status["schema_version"], status["current"], status["upstream"]) == (None, False, True)
    assert "CREATE TABLE" in run("db", "upgrade", "--dry-run", **variables).out


def test_an_empty_database_is_upgraded_once(run: Run, empty_url: str) -> None:
    variables = {"MEMORIA_DATABASE_URL": empty_url}
    assert run("db", "upgrade", "--json", **variables).json["upgraded"]
    assert not run("db", "upgrade", "--json", **variables).json["upgraded"]
    assert run("db", "status", "--json", **variables).json["current"]


def test_an_editor_that_changes_nothing_writes_nothing_and_one_that_lacks_a_terminal_is_named(
    run: Run, tmp_path: Path
) -> None:
    (tmp_path / "nano").write_text("#!/bin/sh\n")
    (tmp_path / "nano").chmod(0o755)
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PATH", str(tmp_path))
        assert run("config", "show", "--json").json["editor"] == "nano"
        assert "no terminal for the editor, nano; give the text (- reads it" in run("add").complaint
    memory = run("add", "text", "--json").json
    assert "as it was" in run("edit", memory["id"], EDITOR="true").complaint
    assert run("edit", memory["id"], EDITOR="sh -c 'echo new > \"$0\"'").status == 0
    assert run("show", memory["id"], "--json").json["content"] == "new"


def test_what_was_written_in_an_editor_and_cannot_be_stored_is_offered_at_the_next_start(
    run: Run, tmp_path: Path, postgres_url: str
) -> None:
    memory = run("add", "text", "--json").json
    failing = "sh -c 'echo precious > \"$0\"; exit 3'"
    away = {"MEMORIA_DATABASE_URL": "postgresql://u@127.0.0.1:1/x", "EDITOR": "sh -c 'echo dear > \"$0\"'"}
    for ran in (run("edit", memory["id"], EDITOR=failing), run("add", "--tag", "a", **away)):
        assert ran.status == 1
        assert "what you wrote is kept: memoria-tui offers it when it starts next" in ran.err
    left = [one for file in (tmp_path / "home" / "drafts").glob("*.json") for one in json.loads(file.read_bytes())]
    found = {one["values"]["text"]: (one["kind"], one["of"], one["values"].get("tags")) for one in left}
    assert found == {"precious": ("edit memory", memory["id"], None), "dear": ("new memory", "", "a")}


def test_bytes_of_the_command_line_that_are_no_text_are_refused_as_those_of_standard_input(run: Run) -> None:
    memory = run("add", "text", "--json").json["id"]
    for given in (["add"], ["edit", memory, "--text"], ["add", "text", "--tag"], ["work", "start"]):
        ran = run(*given, "caf\udce9")
        assert (ran.status, ran.complaint) == (2, "'caf�' is not UTF-8 (character 4)")
    assert run("show", memory, "--json").json["content"] == "text"


@pytest.mark.parametrize("spec", ["{elapsed:>99999999999}", "{elapsed:>9999}", "{elapsed:>{seconds}}"])
def test_a_line_of_status_has_a_width_that_a_terminal_has(run: Run, spec: str) -> None:
    run("work", "start", "fix")
    assert run("work", "status", "--format", spec).complaint == "--format takes widths of at most 999"
    assert run("work", "status", "--format", "[{description:>10}]").out == "[       fix]\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_there_for_each_shell(shell: str) -> None:
    environment = {**os.environ, "_MEMORIA_TUI_COMPLETE": f"source_{shell}"}
    program = forked("-m", "memoria_tui")
    ran = subprocess.run(program, capture_output=True, text=True, env=environment, check=False)
    assert ran.returncode == 0
    assert "complete" in ran.stdout


def test_a_folder_that_cannot_be_imported_is_synced_with_a_complaint(run: Run, tmp_path: Path) -> None:
    (tmp_path / "no notes").mkdir()
    added = run("sync", "add", tmp_path / "no notes")
    assert (added.status, "is synced from now on" in added.complaint) == (1, True)
    (tmp_path / "table.csv").write_text("said,who\nhot,Ada\n", "utf-8")
    assert run("sync", "add", tmp_path / "table.csv", "--map", "contend=said").status == 2
    run("sync", "add", tmp_path / "table.csv", "--map", "content=said")
    assert "hot" in run("list").out
    (note := tmp_path / "no notes" / "one.md").write_text("# One\n", "utf-8")
    run("sync", "run")
    note.unlink()
    (tmp_path / "no notes" / "two.md").write_text("# Two\n", "utf-8")
    assert 'one.md: "One" (' in run("sync", "run").out


def test_other_commands_work_beside_an_import_and_ctrl_c_ends_it(tmp_path: Path, postgres_url: str) -> None:
    def run(*arguments: str) -> Ran:
        terminal = Terminal(environment, io.BytesIO(), io.StringIO(), io.StringIO())
        status = main(arguments, terminal)
        return Ran(status, terminal.stdout.getvalue(), terminal.stderr.getvalue())  # type: ignore[attr-defined]

    environment = {
        **os.environ,
        "MEMORIA_HOME": str(tmp_path / "home"),
        "MEMORIA_LINGER": "3",
        "MEMORIA_DATABASE_URL": postgres_url,
    }
    command = [sys.executable, "-m", "memoria_tui", "import", "-"]
    with subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a run in the background ignores it
    ) as first:
        assert first.stdin is not None
        assert first.stderr is not None
        # More than is read at once, so that the first memories are stored while the rest is waited for.
        first.stdin.writelines(f'{{"content": "memory {number}"}}\n' for number in range(9000))
        first.stdin.flush()
        deadline = time.monotonic() + 60
        while (told := run("doctor", "--json").json["daemon"])["clients"] != [
            {"pid": first.pid, "program": "memoria-tui command line"}
        ]:
            assert time.monotonic() < deadline
        assert told["memory_bytes"] > 1 << 20
        assert f"process {told['pid']} · {told['version']} · " in run("doctor").out
        assert f"used by memoria-tui command line ({first.pid})" in run("doctor").out
        assert run("add", "written beside it").status == 0
        assert "written beside it" in run("search", "written beside").out
        assert str(first.pid) in run("stop").complaint
        first.send_signal(signal.SIGINT)
        assert first.wait(60) == 130
        assert first.stderr.read() == ""


def test_the_demo_has_a_store_of_its_own_and_its_commands_work(tmp_path: Path, made_postgres: MadePostgres) -> None:
    made_postgres.put(Made.HOME, tmp_path / "mine-demo" / "postgres")
    environment = {
        **os.environ,
        "MEMORIA_HOME": str(tmp_path / "mine"),
        "MEMORIA_LINGER": "3",
        "XDG_CONFIG_HOME": str(tmp_path),
    }
    python = Path(sys.executable)
    environment["PATH"] = f"{python.parent}{os.pathsep}{environment.get('PATH', '')}"

    def demo(*options: str) -> dict[str, Any]:
        command = forked("-m", "memoria_tui", "demo", "--json", *options)
        ran = subprocess.run(
            command, capture_output=True, text=True, env=environment, stdin=subprocess.DEVNULL, check=False
        )
        assert ran.returncode == 0, ran.stderr
        loaded: dict[str, Any] = json.loads(ran.stdout)
        return loaded

    made = demo()
    assert made["counts"]["memories"] > 280
    assert not (tmp_path / "mine").exists()
    first, *_ = made["commands"]
    tried = subprocess.run(first, shell=True, capture_output=True, text=True, env=environment, check=True)
    assert "signed out" in tried.stdout
    assert demo("--reset")["counts"]["memories"] == made["counts"]["memories"]


@pytest.mark.parametrize("variables", [{"NO_COLOR": "1", "TERM": "xterm"}, {"TERM": "dumb"}])
def test_progress_writes_no_codes_where_none_are_wanted(variables: dict[str, str]) -> None:
    terminal = Terminal(variables, io.BytesIO(), Screen(), Screen())
    with terminal.progress_bar() as advance:
        advance(Progress(1, 2, "Importing"))
    assert terminal.stderr.getvalue() == ""  # type: ignore[attr-defined]


async def test_a_question_is_asked_without_the_bar_that_was_drawn() -> None:
    ours, theirs = os.openpty()
    with os.fdopen(theirs, "rb") as keys:
        terminal = Terminal({"TERM": "xterm"}, keys, Screen(), Screen())
        with terminal.progress_bar() as advance:
            advance(Progress(1, 2, "Importing"))
            os.write(ours, b"y\n")
            assert await terminal.confirm("Move them?")
    os.close(ours)
    before, _, behind = terminal.stderr.getvalue().partition("Move them? [y/N] ")  # type: ignore[attr-defined]
    assert "Importing" in before
    assert before.rfind("\x1b[?25h") > before.rfind("Importing"), "the bar is gone, and the cursor is there"
    assert "Importing" in behind, "it goes on"


def test_where_nobody_can_be_asked_import_says_what_becomes_of_what_is_missing(run: Run, tmp_path: Path) -> None:
    (notes := tmp_path / "notes").mkdir()
    for name in ("one", "two"):
        (notes / f"{name}.md").write_text(f"# {name}\n\ntext of {name}\n")
    run("import", notes)
    (notes / "two.md").unlink()
    ran = run("import", notes, "--retire-missing", stdin=b"y\n")
    assert (ran.status, "unless --retire-missing" in ran.out) == (0, False)
    assert ran.complaint.startswith("1 memory that the source has no longer: kept, for --retire-missing asks")
    assert "; it stays, unless `import --retire-missing` is given" in run("import", notes, "--dry-run").out


def test_both_texts_are_whole_in_a_pipe_and_folded_on_a_terminal_and_an_export_of_nothing_says_so(
    run: Run, tmp_path: Path
) -> None:
    (note := tmp_path / "One.md").write_text("# One\n\nfirst\n")
    run("import", note)
    here, there = "here " * 30 + "end", "there " * 30 + "end"
    run("edit", run("list", "--json").json["hits"][0]["id"], "--text", f"# One\n\n{here}\n")
    note.write_text(f"# One\n\n{there}\n")
    shown = run("import", note, "--dry-run", "--diff").out.splitlines()
    assert {f"- {here}", f"+ {there}"} <= set(shown)
    screen = run("import", note, "--dry-run", "--diff", out=Screen()).out
    rows = [line for line in screen.split("in the source\n", 1)[1].splitlines() if line]
    assert max(map(len, rows)) <= 80
    left, right = "".join(row[:39].rstrip("…") for row in rows), "".join(row[41:].rstrip("…") for row in rows)
    assert (left.replace(" ", ""), right) == (here.replace(" ", ""), there)
    told = run("export", tmp_path / "none", "-q", "tag:nosuch").out
    assert told == f"{tmp_path / 'none'}: nothing in it, for no memory was found\n"


@pytest.mark.parametrize(
    "command",
    [("sync", "add"), ("sync", "remove"), ("import",), ("backup",), ("restore",), ("export",)],
    ids=" ".join,
)
def test_a_home_of_nobody_is_told_in_one_line(run: Run, command: tuple[str, ...]) -> None:
    ran = run(*command, "~nobody-here/x/y")
    assert (ran.status, "~nobody-here" in ran.complaint) == (1, True)


def test_a_setting_that_names_the_home_of_nobody_is_told_in_one_line(run: Run) -> None:
    ran = run("list", MEMORIA_HOME="~nobody-here/x")
    assert (ran.status, "nobody is called 'nobody-here'" in ran.complaint) == (1, True)


def test_names_of_work_are_harmless_on_a_terminal(run: Run, postgres_url: str) -> None:
    run("work", "start", "x", "--client", "Acme", "--project", "api")
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("UPDATE clients SET name = %s", (HOSTILE,))
        connection.execute("UPDATE projects SET name = %s", (HOSTILE,))
        connection.execute("UPDATE work_sessions SET description = %s, notes = ARRAY[%s]", (HOSTILE, HOSTILE))
    for command in (("status",), ("log",), ("clients",), ("projects",), ("report", "--running"), ("stop",)):
        shown = run("work", *command, out=Screen())
        assert shown.status == 0, shown.err
        assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(shown.out + shown.err), command
        assert "[bold]x[/]" in shown.out, command


def test_what_a_command_leaves_behind_runs_nothing_of_the_folder_where_a_person_stands(tmp_path: Path) -> None:
    for package in ("memoria_tui", "services"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text("raise SystemExit(9)")
    leave = (
        "import os; from memoria_tui.cli.terminal import Terminal; Terminal.of_process().spawn_detached('--version'); "
        "print(os.waitstatus_to_exitcode(os.wait()[1]))"
    )
    ran = subprocess.run([sys.executable, "-P", "-c", leave], cwd=tmp_path, capture_output=True, check=False)
    assert ran.stdout == b"0\n", ran.stderr
