"""The terminal that the app leaves: as it was, whatever ends the app or takes the terminal from it for a while."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from pathlib import Path

import psutil

from tests.tui.on_a_terminal import Play, Terminal, program

_RESTORED = ("\x1b[?1049l", "\x1b[?1000l", "\x1b[?1003l", "\x1b[?25h", "\x1b[?2004l")
"""Alternate screen, mouse, cursor, bracketed paste."""
_SAVE = "\x13"
_EDITOR = "\x05"
_NEWEST = "Postgres autovacuum"
_FOOTER = "Quit"
"""What is drawn again when the list has the keys again."""


def assert_usable(terminal: Terminal, before: list[object], since: int = 0) -> None:
    """What was switched on is switched off, and `stty` says what it said."""
    for sequence in _RESTORED:
        on = sequence.replace("l", "h") if sequence.endswith("l") else sequence.replace("h", "l")
        seen = terminal.seen[since:]
        assert seen.rfind(sequence.encode()) > seen.rfind(on.encode()), sequence
    assert terminal.modes() == before


def write_new(terminal: Terminal, text: str) -> None:
    """Types the text of a new memory, once the app shows its list."""
    terminal.until(_NEWEST)
    terminal.type("n")
    terminal.until("New memory")
    terminal.type(text)
    terminal.until(text)


def test_leaving_right_after_saving_needs_one_key_only(tmp_path: Path) -> None:
    written = tmp_path / "written"
    with program(Play(slow=0.3, written=str(written))) as terminal:
        terminal.until(_NEWEST)
        terminal.type("e")
        terminal.until("save")
        terminal.type("kept")
        terminal.until("kept")
        terminal.type(_SAVE + "\x11")
        assert terminal.wait() == 0
    (text,) = (json.loads(line) for line in written.read_text().splitlines())
    assert "kept" in text


def test_a_signal_ends_the_app_and_leaves_a_usable_terminal() -> None:
    with program(Play()) as terminal:
        before = terminal.modes()
        terminal.until(_NEWEST)
        assert terminal.modes() != before
        os.kill(terminal.process, signal.SIGQUIT)
        assert terminal.wait() == 128 + signal.SIGQUIT
        assert_usable(terminal, before)


def test_a_signal_waits_for_what_is_being_saved(tmp_path: Path) -> None:
    begun, written = tmp_path / "begun", tmp_path / "written"
    with program(Play(slow=0.7, begun=str(begun), written=str(written))) as terminal:
        write_new(terminal, "kept")
        terminal.type(_SAVE)
        terminal.until_there(begun)
        os.kill(terminal.process, signal.SIGTERM)
        assert terminal.wait() == 143
    assert [json.loads(line) for line in written.read_text().splitlines()] == ["kept"]


def test_leaving_waits_for_what_is_being_saved(tmp_path: Path) -> None:
    written = tmp_path / "written"
    with program(Play(slow=0.7, written=str(written))) as terminal:
        write_new(terminal, "kept")
        terminal.type(_SAVE + "\x11\x11")
        assert terminal.wait() == 0
    assert [json.loads(line) for line in written.read_text().splitlines()] == ["kept"]


def test_stores_that_do_not_close_are_waited_for_with_the_terminal_given_back() -> None:
    with program(Play(never_closes=True)) as terminal:
        before = terminal.modes()
        terminal.until(_NEWEST)
        terminal.type("\x11")
        terminal.until("Waiting for the stores to close; ctrl+c leaves at once")
        assert_usable(terminal, before)
        terminal.type("\x03")
        assert terminal.wait() == 0
        assert_usable(terminal, before)


def test_ctrl_z_of_an_app_in_a_script_gives_the_terminal_back_and_a_continued_app_draws_again() -> None:
    lines = """set -m; sh -c '"$@"; true' script "$@"; echo stopped; read; fg; echo "ended with $?\""""
    with program(Play(), shell=["bash", "-c", lines, "bash"]) as terminal:
        before = terminal.modes()
        terminal.until(_NEWEST)
        terminal.type("\x1a")
        terminal.until("stopped\r\n")
        assert_usable(terminal, before)
        since = len(terminal.seen)
        terminal.type("\n")
        terminal.until(_NEWEST, since)
        assert b"\x1b[?1049h" in terminal.seen[since:]
        terminal.type("\x11")
        terminal.until("ended with 0", since)
        terminal.wait()
        assert_usable(terminal, before)


def test_ctrl_z_stops_no_app_that_no_shell_could_bring_back() -> None:
    with program(Play()) as terminal:
        terminal.until(_NEWEST)
        since = len(terminal.seen)
        terminal.type("\x1a")
        terminal.until("no shell to go to", since)
        terminal.type("\x11")
        assert terminal.wait() == 0


def test_ctrl_z_gives_the_terminal_back_and_the_app_waits_stopped_in_the_background_until_it_is_continued() -> None:
    lines = 'set -bm; "$@"; echo stopped; read; bg; read; fg; echo "ended with $?"'
    with program(Play(), shell=["bash", "-c", lines, "bash"]) as terminal:
        first = terminal.modes()
        terminal.until(_NEWEST)
        terminal.type("\x1a")
        terminal.until("stopped\r\n")
        assert_usable(terminal, first)
        before = terminal.modes()
        since = len(terminal.seen)
        terminal.type("\n")
        terminal.until("&\r\n", since)
        until_stopped(terminal)
        assert b"\x1b[?1049h" not in terminal.seen[since:]
        assert terminal.modes() == before
        since = len(terminal.seen)
        terminal.type("\n")
        terminal.until(_NEWEST, since)
        assert b"\x1b[?1049h" in terminal.seen[since:]
        terminal.type("\x11")
        terminal.until("ended with 0", since)
        terminal.wait()
        assert_usable(terminal, first)


def test_a_suspended_app_ends_by_the_kill_of_its_shell() -> None:
    lines = 'set -m; "$@"; echo stopped; read; kill %1; while [ "$(jobs -rs)" ]; do sleep 0.1; done; echo ended'
    with program(Play(), shell=["bash", "-c", lines, "bash"]) as terminal:
        terminal.until(_NEWEST)
        terminal.type("\x1a")
        terminal.until("stopped\r\n")
        since = len(terminal.seen)
        terminal.type("\n")
        terminal.until("ended\r\n", since)
        assert b"\x1b[?1049h" not in terminal.seen[since:]


def until_stopped(shell: Terminal) -> None:
    """Waits until the app that a shell has continued is stopped."""
    (app,) = psutil.Process(shell.process).children()
    while app.status() != psutil.STATUS_STOPPED:
        shell.read()


def test_an_app_that_was_stopped_from_outside_draws_again_and_ends() -> None:
    with program(Play()) as terminal:
        before = terminal.modes()
        terminal.until(_NEWEST)
        for _ in range(3):
            terminal.read(0.2)
            since = len(terminal.seen)
            terminal.stop()
            os.kill(terminal.process, signal.SIGCONT)
            terminal.until(_NEWEST, since)
        terminal.type("\x11")
        assert terminal.wait() == 0
        assert_usable(terminal, before)


def test_an_editor_that_fails_leaves_the_app_as_it_was(tmp_path: Path) -> None:
    editor = tmp_path / "odd"  # found by its name: a long path would be wrapped in what is told
    found_by = ("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with program(Play(editor=editor.name), environment=[found_by]) as terminal:
        before = terminal.modes()
        terminal.until(_NEWEST)
        since = len(terminal.seen)
        terminal.type(_EDITOR)
        terminal.until("odd", since)
        editor.symlink_to("/bin/false")
        since = len(terminal.seen)
        terminal.type(_EDITOR)
        terminal.until("ended with status 1", since)
        assert terminal.modes() != before
        terminal.type("\x11")
        assert terminal.wait() == 0
        assert_usable(terminal, before)


def test_text_of_an_editor_that_failed_afterwards_goes_on_in_the_app(tmp_path: Path) -> None:
    editor = tmp_path / "failing"  # found by its name: a long path would be wrapped in what is told
    editor.write_text('#!/bin/sh\necho "what I wrote" > "$1"\nexit 3\n')
    editor.chmod(0o755)
    found_by = ("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with program(Play(editor=editor.name), environment=[found_by]) as terminal:
        terminal.until(_NEWEST)
        since = len(terminal.seen)
        terminal.type(_EDITOR)
        terminal.until("with status 3", since)
        terminal.until("what I wrote", since)


def test_a_signal_is_heard_while_the_editor_runs_which_ends_after_the_app_and_takes_no_terminal(tmp_path: Path) -> None:
    editor = tmp_path / "editor"
    editor.write_text("#!/bin/sh\ntrap 'sleep 1; exit' TERM\necho editing\nwhile :; do sleep 0.1; done\n")
    editor.chmod(0o755)
    with program(Play(editor=str(editor))) as terminal:
        before = terminal.modes()
        terminal.until(_NEWEST)
        terminal.type(_EDITOR)
        terminal.until("editing")
        os.kill(terminal.process, signal.SIGTERM)
        assert terminal.wait() == 143
        assert_usable(terminal, before)


def test_an_exception_in_a_worker_ends_with_one_line_without_memory_text(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    with program(Play(crash="secret text", log=str(log))) as terminal:
        before = terminal.modes()
        write_new(terminal, "words")
        terminal.type(_SAVE)
        assert terminal.wait() == 1
        assert_usable(terminal, before)
        after = terminal.seen[terminal.seen.rfind(b"\x1b[?1049l") :].decode()
        assert "this should not have happened: KeyError" in after
        assert "secret" not in after
        assert "Traceback" not in after
    assert "Traceback" in log.read_text()


def test_a_paste_with_escape_codes_arrives_as_it_was(tmp_path: Path) -> None:
    written = tmp_path / "written"
    pasted = "alpha\nesc \x1b[31mred\x1b[0m end \x1b]52;c;eA==\x07 \x1b[200~\nomega"
    with program(Play(written=str(written))) as terminal:
        terminal.until(_NEWEST)
        terminal.type("n")
        terminal.until("New memory")
        since = len(terminal.seen)
        terminal.type(f"\x1b[200~{pasted}\x1b[201~")
        terminal.until("omega", since)
        assert b"\x1b[31m" not in terminal.seen[since:]
        assert b"\x1b]52" not in terminal.seen[since:]
        terminal.type(_SAVE)
        terminal.until("Created", since)
    assert [json.loads(line) for line in written.read_text().splitlines()] == [pasted]


def test_a_terminal_that_goes_away_ends_the_app() -> None:
    with program(Play()) as terminal:
        terminal.until(_NEWEST)
        os.close(terminal.master)
        terminal.master, other = os.pipe()  # from which nothing comes
        assert terminal.wait() in (129, -signal.SIGHUP)
        os.close(other)


_HOSTILE = (
    "hostile \x1b[31mred\x1b]52;c;eA==\x07 \x1b]0;t\x1b\\ bell \x07 c1 \x9b2J \x9d8;;http://a\x9c bidi \u202e\u2066"
    " nul \x00 del \x7f [red]x[/]"
)
_POINTER = rb"\x1b\]22;[a-z-]+\x07"
"""The shape of the mouse pointer, which Textual sets."""


def test_no_control_character_of_a_memory_reaches_the_terminal() -> None:
    """In the list, the palette, toasts, the trash, dialogs, the list of changes, completions and the graph."""
    with program(Play(text=_HOSTILE)) as terminal:
        terminal.until("hostile")
        for keys, told in (
            ("\x10hostile", "hostile"),
            ("\x1b", _FOOTER),
            ("d", "Deleted"),
            ("T", "Trash"),
            ("\x1b", _FOOTER),
            ("t", "Tags"),
            ("\x1b", _FOOTER),
            ("H", "Last changes"),
            ("\x1b", _FOOTER),
            ("3", "Graph"),
            ("1", _FOOTER),
            ("/project:", "project"),
        ):
            terminal.read(0.1)
            since = len(terminal.seen)
            terminal.type(keys)
            terminal.until(told, since)
        seen = re.sub(_POINTER, b"", terminal.seen)
    for command in ("\x07", "\x1b]52", "\x1b]0;", "\x9b", "\x9d", "\u202e", "\u2066", "\x00", "\x7f"):
        assert command.encode() not in seen, command


def test_an_editor_opened_while_the_text_is_saved_is_in_no_conflict_with_it(tmp_path: Path) -> None:
    editor, written = tmp_path / "editor", tmp_path / "written"
    editor.write_text('#!/bin/sh\necho more >> "$1"\n')
    editor.chmod(0o755)
    with program(Play(slow=0.5, editor=str(editor), written=str(written))) as terminal:
        terminal.until(_NEWEST)
        terminal.type("ex" + _SAVE + _EDITOR)
        deadline = time.monotonic() + 60
        while written.exists() is False or len(written.read_text().splitlines()) < 2:
            assert time.monotonic() < deadline, terminal.seen[-2000:]
            terminal.read()
    first, second = (json.loads(line) for line in written.read_text().splitlines())
    assert first.startswith("x" + _NEWEST)
    assert second.rstrip() in (f"{first}more", f"{first}\nmore")
