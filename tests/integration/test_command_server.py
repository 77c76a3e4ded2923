"""The command server: real processes of it, its clients and their commands, ended in all ways."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import select
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from memoria_tui.command_server.early_stores import names_stores
from memoria_tui.command_server.loaded_files import Loaded, Noted, noting
from memoria_tui.command_server.waiting_process import take_environment
from services.file_locks import held_lock
from tests.forking import forked

ROOT = Path(__file__).parents[2]
OWN = 99
"""Exit status of `CLIENT` for a command that is to be run in a process of its own."""
CLIENT = f"""
import sys
from memoria_tui.command_server.client import served
status = served(sys.argv[1:])
sys.exit({OWN} if status is None else status)
"""
SHELL = """
import os, signal, sys
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
if not (pid := os.fork()):
    os.setpgid(0, 0)
    os.tcsetpgrp(0, os.getpid())
    os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
foreground = iter([os.getpid(), pid])
while os.WIFSTOPPED(status := os.waitpid(pid, os.WUNTRACED)[1]):
    os.tcsetpgrp(0, next(foreground))
    print("stopped by", os.WSTOPSIG(status), flush=True)
    os.killpg(pid, signal.SIGCONT)
os.tcsetpgrp(0, os.getpid())
print("ended with", os.waitstatus_to_exitcode(status), flush=True)
"""
"""Runs a program on its terminal: what is stopped goes on in the background, then in the foreground."""
ALONE = {"PYTHON_ALONE": "1"}
"""Makes a client one that no server of other tests' circumstances takes."""
_MODULES = ("memoria_tui.cli", "memoria_tui.cli.work_status", "services.container", "services.open_work")


def until(met: Callable[[], object], what: str = "") -> None:
    """Waits for a condition, for a minute at most."""
    deadline = time.monotonic() + 60
    while not met():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


@dataclass
class Server:
    """A command server of a home, and clients of it."""

    home: Path
    variables: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "MEMORIA_HOME": str(self.home), "MEMORIA_LINGER": "600", **self.variables}

    @property
    def socket(self) -> Path:
        return self.home / "daemon" / "commands.socket"

    def start(self, linger: float = 60.0, modules: Sequence[str] = _MODULES) -> Server:
        """Returns when it serves."""
        command = [sys.executable, "-P", "-m", "memoria_tui.command_server", str(self.home / "daemon"), str(linger)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, env=self.environment, cwd="/", start_new_session=True
        )
        assert self.process.stdin is not None
        self.process.stdin.write(" ".join(modules).encode())
        self.process.stdin.close()
        until(self.spares, "it has a spare")
        return self

    def spares(self) -> list[psutil.Process]:
        """What it has forked."""
        assert self.process is not None
        pid = self.process.pid
        if self.process.poll() is not None:
            return []
        with contextlib.suppress(psutil.NoSuchProcess):
            # psutil looks at every process of the machine, which is as much as what is waited for
            return [psutil.Process(int(one)) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        return self.spares()

    def client(self, *arguments: str | bytes, **options: object) -> subprocess.Popen[bytes]:
        """A process whose command is served, or which ends with OWN."""
        pipe = subprocess.PIPE
        given = {"stdin": subprocess.DEVNULL, "stdout": pipe, "stderr": pipe, "env": self.environment, **options}
        return subprocess.Popen([sys.executable, "-c", CLIENT, *arguments], **given)  # type: ignore[call-overload, no-any-return]

    def run(self, *arguments: str | bytes, **options: object) -> tuple[int, bytes, bytes]:
        """Status and what it wrote."""
        client = self.client(*arguments, **options)
        out, err = client.communicate(timeout=60)
        return client.returncode, out, err

    def waiting(self, code: str = "", **options: object) -> tuple[subprocess.Popen[bytes], psutil.Process]:
        """A client whose command waits for its standard input, and the process that runs that; `code` goes before."""
        given = {"stdin": subprocess.PIPE, "stderr": subprocess.PIPE, "env": self.environment, **options}
        client = subprocess.Popen([sys.executable, "-c", f"{code}\n{CLIENT}", "add", "-"], **given)  # type: ignore[call-overload]
        until(lambda: any(_reads(one, client) for one in self.spares()), "the command reads")
        return client, next(one for one in self.spares() if _reads(one, client))

    def agent(self, linger: str = "60") -> Agent:
        """An agent's server that has answered."""
        made = Agent(self.client("mcp", stdin=subprocess.PIPE, env={**self.environment, "MEMORIA_LINGER": linger}))
        made.ask("initialize", protocolVersion="2025-06-18", capabilities={}, clientInfo={"name": "a", "version": "1"})
        return made

    def end(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


@dataclass
class Agent:
    """The client of `memoria-tui mcp`."""

    client: subprocess.Popen[bytes]

    @property
    def process(self) -> psutil.Process:
        """That which serves it."""
        assert self.client.stdout is not None
        stream = os.stat(self.client.stdout.fileno()).st_ino
        running = [one for one in psutil.process_iter() if one.pid not in (self.client.pid, os.getpid())]
        found: psutil.Process = next(one for one in running if f"pipe:[{stream}]" in _links(one))
        return found

    def ask(self, method: str, **params: object) -> object:
        """What is answered."""
        assert self.client.stdin is not None
        assert self.client.stdout is not None
        asked = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        self.client.stdin.write(json.dumps(asked).encode() + b"\n")
        self.client.stdin.flush()
        return json.loads(self.client.stdout.readline())["result"]


def _links(process: psutil.Process) -> list[str]:
    """What its file numbers stand for."""
    found = list[str]()
    with contextlib.suppress(OSError):
        for number in Path(f"/proc/{process.pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                found.append(os.readlink(number))
    return found


def _reads(process: psutil.Process, client: subprocess.Popen[bytes]) -> bool:
    """Whether it waits for the standard input of the client."""
    with contextlib.suppress(OSError):
        streams = [os.readlink(f"/proc/{one.pid}/fd/0") for one in (process, client)]
        return streams[0] == streams[1] and "pipe_read" in Path(f"/proc/{process.pid}/wchan").read_text()
    return False


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    one = Server(tmp_path / "home")
    yield one
    one.end()


@pytest.fixture(scope="module")
def steady(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One for tests that leave it as it is."""
    folder = tmp_path_factory.mktemp("steady")
    (folder / "person").mkdir()
    one = Server(folder / "home", {"HOME": str(folder / "person")}).start(600)
    yield one
    one.end()


def of_its_own(server: Server, *arguments: str | bytes, **options: object) -> tuple[int, bytes, bytes]:
    """The same command in a process of its own."""
    environment = {**options.pop("env", server.environment), **ALONE}  # type: ignore[dict-item]
    command = [*forked("-m", "memoria_tui"), *arguments]
    given = {"stdin": subprocess.DEVNULL, "capture_output": True, "env": environment, "check": False, **options}
    ran = subprocess.run(command, **given)  # type: ignore[call-overload]
    return ran.returncode, ran.stdout, ran.stderr


_ELSEWHERE = {"COLUMNS": "50", "LC_MESSAGES": "C", "TZ": "Asia/Tokyo"}
_WRONG = {"MEMORIA_FIRST_WEEKDAY": "never"}


@pytest.mark.parametrize(
    ("arguments", "variables"),
    [
        (("work", "status"), _WRONG),
        (("work", "status", "--format", "{today}"), _ELSEWHERE),
        (("show", "--help"), _ELSEWHERE),
        (("search",), _ELSEWHERE),
        (("search", b"caf\xe9"), _WRONG),
        (("add", "-"), _ELSEWHERE),
        (("work", "status", "--format", "ä" * 60_000 + "{nothing}"), _ELSEWHERE),
    ],
)
def test_a_served_command_says_and_ends_as_one_in_its_own_process(
    steady: Server, arguments: tuple[str | bytes, ...], variables: dict[str, str]
) -> None:
    alone = of_its_own(steady, *arguments, env={**steady.environment, **variables})
    assert steady.run(*arguments, env={**steady.environment, **variables}) == alone


def test_a_server_of_a_home_touches_no_other(steady: Server) -> None:
    assert steady.run("work", "status", "--format", "")[0] == 0
    until(steady.spares, "the next spare")
    assert list((steady.home.parent / "person").iterdir()) == []


def test_nobody_has_the_output_of_a_command_any_more_when_its_client_hears_of_its_end(steady: Server) -> None:
    code = (
        "import os, select, sys\n"
        "from memoria_tui.command_server.client import served\n"
        "for _ in range(8):\n"
        "    output, inherited = os.pipe()\n"
        "    os.dup2(inherited, 1), os.close(inherited)\n"
        "    assert served(sys.argv[1:]) == 0\n"
        "    os.dup2(2, 1)\n"
        "    closed = select.poll()\n"
        "    closed.register(output, 0)\n"
        "    assert closed.poll(0)\n"
    )
    environment = steady.environment
    assert subprocess.run([sys.executable, "-c", code, "work", "--help"], env=environment, check=False).returncode == 0


def test_a_client_imports_next_to_nothing(steady: Server) -> None:
    code = CLIENT.replace("sys.exit(", "print(*sys.modules, file=sys.stderr)\nsys.exit(", 1)
    plain = subprocess.run([sys.executable, "-c", "import sys; print(*sys.modules)"], capture_output=True, check=True)
    command = [sys.executable, "-c", code, "work", "status", "--format", ""]
    ran = subprocess.run(command, env=steady.environment, capture_output=True, check=False)
    assert ran.returncode == 0
    more = set(ran.stderr.decode().split()) - set(plain.stdout.decode().split())
    assert more == {"memoria_tui", "memoria_tui.command_server", "memoria_tui.command_server.client", "_socket"}


def test_a_command_has_the_folder_mask_and_streams_of_its_client(steady: Server, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    client, command = steady.waiting(f"import os; os.rmdir({str(gone)!r}); os.umask(0o027)", cwd=gone)
    assert os.readlink(f"/proc/{command.pid}/cwd") == f"{gone} (deleted)"
    assert "Umask:\t0027" in Path(f"/proc/{command.pid}/status").read_text()
    assert client.communicate(b"", timeout=60)[1].decode() == "the text is empty; nothing was written\n"
    assert client.returncode == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_a_signal_to_the_client_ends_command_and_client_by_it(steady: Server, number: int) -> None:
    client, command = steady.waiting()
    client.send_signal(number)
    assert client.wait(60) == -number
    until(lambda: not command.is_running(), "the command has ended")
    assert steady.run("work", "status", "--format", "")[0] == 0


def test_an_interrupted_command_ends_as_interrupted(steady: Server) -> None:
    client, _ = steady.waiting()
    client.send_signal(signal.SIGINT)
    assert client.wait(60) == 130
    assert client.stderr is not None
    assert not client.stderr.read()


@pytest.mark.parametrize(
    "module",
    ["memoria_tui.command_server.client", "services.vector_stores", "memoria_tui.cli", "memoria_tui.cli.program"],
)
def test_a_command_that_is_interrupted_while_it_is_imported_ends_as_interrupted(tmp_path: Path, module: str) -> None:
    interrupted = f"""
import os, signal, sys
class Interrupting:
    def find_spec(self, name, *_):
        if name == {module!r}:
            os.kill(os.getpid(), signal.SIGINT)
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.meta_path.insert(0, Interrupting())
from memoria_tui.__main__ import main
sys.exit(main())
"""
    command = [sys.executable, "-c", interrupted, "work", "status"]
    environment = {**os.environ, "MEMORIA_HOME": str(tmp_path / "home"), "MEMORIA_LINGER": "0"}
    ran = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    assert (ran.returncode, ran.stderr) == (130, b"")


def test_a_short_command_in_its_own_process_does_not_wait_for_python_to_end(tmp_path: Path) -> None:
    code = (
        "import atexit, sys\n"
        "from memoria_tui.__main__ import main\n"
        "atexit.register(print, 'Python ends')\n"
        "sys.exit(main())\n"
    )
    environment = {**os.environ, "MEMORIA_HOME": str(tmp_path / "home"), "MEMORIA_LINGER": "0"}
    command = forked("-c", code, "work", "status", "--json")
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert json.loads(ran.stdout)["sessions"] == []


def test_a_signal_that_the_client_ignores_does_not_end_the_command(steady: Server) -> None:
    client, command = steady.waiting("import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)")
    client.send_signal(signal.SIGHUP)
    command.send_signal(signal.SIGHUP)
    assert b"the text is empty" in client.communicate(b"", timeout=60)[1]


def test_a_suspended_client_suspends_its_command(steady: Server) -> None:
    client, command = steady.waiting(process_group=0)
    client.send_signal(signal.SIGTSTP)
    until(lambda: command.status() == psutil.Process(client.pid).status() == "stopped", "both are suspended")
    client.send_signal(signal.SIGCONT)
    until(lambda: command.status() != "stopped", "the command goes on")
    assert b"the text is empty" in client.communicate(b"", timeout=60)[1]


def test_a_command_ends_with_its_client(steady: Server) -> None:
    client, command = steady.waiting()
    client.kill()
    until(lambda: not command.is_running(), "the command has ended")
    client.wait()


def test_a_client_ends_with_its_command(steady: Server) -> None:
    client, command = steady.waiting()
    command.kill()
    assert client.wait(60) == -signal.SIGKILL


def test_a_command_goes_on_without_its_server_and_one_that_is_killed_with_it_is_not_run_again(server: Server) -> None:
    server.home = server.home.parent / ("long" * 30) / "home"  # which has no room in the address of a socket
    lock = server.home / "daemon" / "commands.lock"
    going, command = server.start().waiting()
    gone, killed = server.waiting()
    until(lambda: len(server.spares()) == 3, "there is a spare beside the commands")
    spare = next(one for one in server.spares() if one.pid not in (command.pid, killed.pid))
    with pytest.raises(BlockingIOError), held_lock(lock):
        pass
    server.end()
    until(lambda: not spare.is_running(), "the spare has ended")
    with held_lock(lock, seconds=60):
        pass
    assert server.run("work", "status")[0] == OWN
    killed.kill()
    _, err = gone.communicate(timeout=60)
    assert gone.returncode == 1
    assert err.decode().startswith("the process that ran this command was ended; see what it did")
    assert err.count(b"\n") == 1
    assert b"the text is empty" in going.communicate(b"", timeout=60)[1]
    until(lambda: not command.is_running(), "the command has ended")

    going, command = server.start().waiting()
    assert server.run("work", "status")[0] == 0
    _, out, _ = of_its_own(server, "stop", "--json")
    assert server.process is not None
    assert json.loads(out)["stopped"] == [f"the command server (process {server.process.pid})"]
    assert b"the text is empty" in going.communicate(b"", timeout=60)[1], "it goes on"
    assert server.process.wait(60) == 0


def test_a_server_that_is_held_up_keeps_no_command_from_running(steady: Server) -> None:
    held_up = [*steady.spares(), psutil.Process(steady.process.pid if steady.process else 0)]
    for one in held_up:
        one.suspend()
    impatient = f"import memoria_tui.command_server.client as one; one._PATIENCE = 0.2\n{CLIENT}"
    command = [sys.executable, "-c", impatient, "work", "status"]
    ended = subprocess.run(command, env=steady.environment, check=False).returncode
    for one in held_up:
        one.resume()
    assert ended == OWN
    assert steady.run("work", "status")[0] == 0


def test_a_spare_that_is_killed_is_replaced(steady: Server) -> None:
    until(lambda: len(steady.spares()) == 1, "no command is under way")
    (spare,) = steady.spares()
    spare.kill()
    until(lambda: [one for one in steady.spares() if one.pid != spare.pid], "there is another")
    assert steady.run("work", "status")[0] == 0


def test_many_commands_at_once_all_end_well(steady: Server) -> None:
    with ThreadPoolExecutor(20) as threads:
        ran = list(threads.map(lambda _: of_any(steady, "work", "status"), range(20)))
    assert {status for status, _, _ in ran} == {0}
    assert len({out for _, out, _ in ran}) == 1


def of_any(server: Server, *arguments: str) -> tuple[int, bytes, bytes]:
    command = [sys.executable, "-m", "memoria_tui", *arguments]
    ran = subprocess.run(command, env=server.environment, capture_output=True, check=False)
    return ran.returncode, ran.stdout, ran.stderr


@pytest.mark.parametrize("ending", ["| head -c 0", ">/dev/full"])
def test_an_output_that_is_closed_or_full_ends_a_served_command_as_one_in_its_own_process(
    steady: Server, ending: str
) -> None:
    ended = []
    for program, variables in (([sys.executable, "-m", "memoria_tui"], {}), (forked("-m", "memoria_tui"), ALONE)):
        line = f"{shlex.join(program)} show --help {ending}; exit ${{PIPESTATUS[0]}}"
        environment = {**steady.environment, **variables}
        ran = subprocess.run(["bash", "-c", line], env=environment, capture_output=True, check=False)
        ended.append((ran.returncode, ran.stdout, ran.stderr))
    assert ended[0] == ended[1]


def test_a_command_without_one_of_its_streams_is_not_served(steady: Server) -> None:
    for closed in (">&-", "<&-", "2>&-"):
        line = f"{shlex.join([sys.executable, '-c', CLIENT])} show --help {closed}"
        assert subprocess.run(["bash", "-c", line], env=steady.environment, check=False).returncode == OWN, closed


def test_a_changed_source_file_is_never_answered_by_what_was_imported_before(server: Server, tmp_path: Path) -> None:
    for name in ("memoria_tui", "services"):
        shutil.copytree(ROOT / name, tmp_path / "program" / name)
    time.sleep(0.1)
    server.variables = {"PYTHONPATH": str(tmp_path / "program"), "PYTHONSAFEPATH": "1"}
    server.start()
    assert server.run("work", "status")[0] == 0
    changed = tmp_path / "program" / "memoria_tui" / "cli" / "work_status.py"
    changed.write_text(changed.read_text().replace("no session is running", "nobody works"))
    assert server.run("work", "status")[0] == OWN
    server.variables = {**server.variables, "MEMORIA_LINGER": "0"}  # or it starts another one, which stays
    assert b"nobody works" in of_any(server, "work", "status")[1]
    assert server.process is not None
    server.process.wait(60)


def test_what_a_process_inherits_otherwise_is_not_served(steady: Server) -> None:
    for variables in (ALONE, {"TYPER_USE_RICH": "0"}):
        assert steady.run("work", "status", env={**steady.environment, **variables})[0] == OWN
    limited = f"ulimit -c 0; ulimit -n 200; exec {sys.executable} -c '{CLIENT}' work status"
    assert subprocess.run(["bash", "-c", limited], env=steady.environment, check=False).returncode == OWN
    assert steady.run("work", "status")[0] == 0


def test_stop_ends_one_that_still_imports(server: Server) -> None:
    command = [sys.executable, "-P", "-m", "memoria_tui.command_server", str(server.home / "daemon"), "60"]
    lock = server.home / "daemon" / "commands.lock"
    with subprocess.Popen(command, stdin=subprocess.PIPE, env=server.environment, start_new_session=True) as importing:
        until(lambda: lock.exists() and lock.read_text() == str(importing.pid), "it is the only one")
        _, out, _ = of_its_own(server, "stop", "--json")
        ended = importing.wait(60)
    assert (ended, json.loads(out)["stopped"]) == (-signal.SIGTERM, [f"the command server (process {importing.pid})"])


def test_stop_ends_no_process_that_has_the_number_of_an_earlier_server(server: Server) -> None:
    folder = server.home / "daemon"
    folder.mkdir(parents=True)
    with subprocess.Popen(["sleep", "60"]) as other, held_lock(folder / "commands.lock"):
        (folder / "commands.lock").write_text(str(other.pid))
        _, out, _ = of_its_own(server, "stop", "--json")
        ended = other.poll()
        other.kill()
    assert (ended, json.loads(out)["stopped"]) == (None, [])


def test_a_second_server_of_a_home_ends_at_once(steady: Server) -> None:
    command = [sys.executable, "-P", "-m", "memoria_tui.command_server", str(steady.home / "daemon"), "60"]
    assert subprocess.run(command, input=b"", env=steady.environment, timeout=60, check=False).returncode == 0
    assert steady.run("work", "status")[0] == 0


def test_a_socket_of_another_user_is_not_trusted(server: Server, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can be somebody else")
    server.home.joinpath("daemon").mkdir(parents=True)
    listen = (
        "import os, socket; one = socket.socket(socket.AF_UNIX); os.chdir('daemon'); one.bind('commands.socket'); "
        "os.setuid(65534); one.listen(); print('listens', flush=True); one.accept()[0].recv(1)"
    )
    foreign = subprocess.Popen([sys.executable, "-c", listen], cwd=server.home, stdout=subprocess.PIPE)
    assert foreign.stdout is not None
    foreign.stdout.readline()
    assert server.run("work", "status")[0] == OWN
    foreign.kill()
    foreign.wait()


def on_a_terminal(server: Server, *arguments: str) -> tuple[int, int]:
    """Python with these arguments: its process, and the other end of its terminal."""
    pid, terminal = pty.fork()
    if not pid:
        os.execve(sys.executable, [sys.executable, *arguments], server.environment)
    return pid, terminal


def _read_until(terminal: int, wanted: bytes) -> None:
    """What comes on the terminal, for a minute at most."""
    said, deadline = b"", time.monotonic() + 60
    while wanted not in said:
        assert select.select([terminal], [], [], deadline - time.monotonic())[0], said
        said += os.read(terminal, 1000)


def test_commands_on_real_stores_start_it_and_are_served_by_it_and_ask_on_the_terminal_of_their_client(
    tmp_path: Path, postgres_url: str
) -> None:
    server = Server(tmp_path / "home", {"MEMORIA_DATABASE_URL": postgres_url, "MEMORIA_LINGER": "30"})
    status, memory, err = of_any(server, "add", "tokens expire too early", "--tag", "auth")
    assert status == 0, err
    until(server.socket.exists, "the first command has started it")
    name = memory.decode().strip()
    for arguments in (("show", name), ("search", "tokens"), ("edit", name, "--add-tag", "urgent"), ("show", name)):
        ran = server.run(*arguments)
        assert ran[0] == 0, ran
    assert of_its_own(server, "show", name) == ran
    assert server.run("edit", name, env={**server.environment, "EDITOR": "true"})[0] == OWN

    pid, terminal = on_a_terminal(server, "-c", CLIENT, "purge", name)
    _read_until(terminal, b"[y/N]")
    os.write(terminal, b"n\n")
    with contextlib.suppress(OSError):
        while os.read(terminal, 1000):
            pass
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 1
    os.close(terminal)

    pid, terminal = on_a_terminal(server, "-c", SHELL, "-c", CLIENT, "purge", name)
    _read_until(terminal, b"[y/N]")
    os.write(terminal, b"\x1a")
    _read_until(terminal, b"stopped by 21")
    os.write(terminal, b"n\n")
    _read_until(terminal, b"ended with 1")  # in the background it reads nothing
    os.waitpid(pid, 0)
    os.close(terminal)
    assert server.run("show", name) == ran

    of_its_own(server, "stop")
    assert not server.socket.exists()


@pytest.fixture
def agents(tmp_path: Path, postgres_url: str) -> Iterator[Server]:
    """A server of a home on real stores, to be started."""
    server = Server(tmp_path / "home", {"MEMORIA_DATABASE_URL": postgres_url})
    yield server
    of_its_own(server, "stop", "--force")
    server.end()


def _has_protocol(process: psutil.Process) -> bool:
    """Whether it has imported what only agents need."""
    with contextlib.suppress(OSError):
        return "pydantic_core" in Path(f"/proc/{process.pid}/maps").read_text()
    return False


def test_agents_are_served_until_either_end_goes_away_also_when_the_server_has_ended(agents: Server) -> None:
    left = agents.start().agent()
    until(lambda: any(_has_protocol(one) for one in agents.spares() if one != left.process), "the next one has it")
    killed, ended, asked = (agents.agent() for _ in range(3))
    assert len({one.process.pid for one in (left, killed, ended, asked)}) == 4
    assert agents.run("work", "status")[0] == 0
    process = killed.process
    killed.client.kill()
    until(lambda: not process.is_running(), "it has ended with its client")
    killed.client.wait()
    ended.process.kill()
    assert ended.client.wait(60) == -signal.SIGKILL
    asked.client.send_signal(signal.SIGTERM)
    assert asked.client.wait(60) == 0

    rested = agents.agent(linger="0.5")
    until(lambda: not agents.socket.exists(), "the server has ended its service for want of commands")
    assert rested.ask("ping") == {}
    process = rested.process
    rested.client.kill()
    until(lambda: not process.is_running(), "it has ended with its client")
    rested.client.wait()

    of_its_own(agents, "stop", "--force")
    process = left.process
    assert left.ask("ping") == {}
    assert left.client.communicate(timeout=60) == (b"", b"")
    assert left.client.returncode == 0
    until(lambda: not process.is_running(), "it has ended")
    assert agents.process is not None
    assert agents.process.wait(60) == 0, "nothing is left to do"


def test_what_importing_read_of_the_environment_must_be_the_same() -> None:
    noted: Noted = {}
    with noting(noted):
        os.environ.get("MEMORIA_ABSENT")
        os.getenv("HOME")
    os.environ.get("PATH")
    loaded = Loaded(noted, time.time_ns())
    assert set(noted) == {"MEMORIA_ABSENT", "HOME"}
    assert loaded.fits({"HOME": os.environ["HOME"]})
    assert not loaded.fits({"HOME": "/elsewhere"})
    assert not loaded.fits({"HOME": os.environ["HOME"], "MEMORIA_ABSENT": "1"})


def test_a_file_that_changed_after_it_was_imported_is_noticed_however_soon_that_was(tmp_path: Path) -> None:
    began = time.time_ns()
    place = tmp_path / "site-packages"
    place.mkdir()
    time.sleep(0.1)
    for since, changed in ((began, str(place)), (time.time_ns(), None)):
        loaded = Loaded({}, since)
        sys.path.append(str(place))
        loaded.load([])
        sys.path.remove(str(place))
        assert loaded.changed() == changed


@pytest.mark.parametrize(
    ("text", "encoding", "names"),
    [
        (None, "utf-8", False),
        ('theme = "nord"\n', "utf-8", False),
        ('[services]\nhome = "/elsewhere"\n', "utf-8", True),
        ('[services]\nhome = "/elsewhere"\n', "utf-16", True),
    ],
)
def test_a_file_of_settings_that_names_no_store_keeps_none_from_being_started_early(
    tmp_path: Path, text: str | None, encoding: str, names: bool
) -> None:
    file = tmp_path / "config.toml"
    if text is not None:
        file.write_text(text, encoding)
    assert names_stores(str(file)) is names


def test_a_pipe_in_the_place_of_the_file_of_settings_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(file := tmp_path / "config.toml")
    assert names_stores(str(file)), "nobody knows"


def test_a_process_takes_the_environment_of_its_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEMORIA_TEST_GONE", "1")
    monkeypatch.setenv("MEMORIA_TEST_OTHER", "1")
    wanted = {**os.environb, b"MEMORIA_TEST_OTHER": b"2", b"MEMORIA_TEST_NEW": b"3"}
    del wanted[b"MEMORIA_TEST_GONE"]
    monkeypatch.setenv("MEMORIA_TEST_NEW", "0")  # is put back at the end
    del os.environ["MEMORIA_TEST_NEW"]
    take_environment(wanted)
    assert dict(os.environb) == wanted
