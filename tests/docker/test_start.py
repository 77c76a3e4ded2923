"""`docker/start.sh` with stand-ins for Docker and for the program, which write down how they were called."""

from __future__ import annotations

import inspect
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from memoria_tui.cli.backup import backup, restore
from services.adapters.postgres.database_url import parse_url
from tests.docker.stack import DOCKER

TOOLS = ("sh", "cat", "dirname", "od", "readlink", "sed", "tail", "tr")
"""All that the script needs beside Docker."""
RECORDED = """#!/bin/sh
{ printf '%s' "${0##*/}"; for word; do printf '\\037%s' "$word"; done; printf '\\036'; } >>"$RECORD"
env >"$RECORD.env"
"""
DOCKER_28 = """case $* in
    'compose version') exit 0 ;;
    'compose version --short') echo 2.39.1 ;;
esac"""
WITHOUT_PLUGIN = 'case $1 in compose) echo "unknown command" >&2; exit 1 ;; esac'
DAEMON_DOWN = f"{DOCKER_28}\n[ \"$1\" != info ] || {{ echo 'Cannot connect' >&2; exit 1; }}"
ASKED = (["docker", "compose", "version"], ["docker", "info"], ["docker", "compose", "version", "--short"])


@dataclass(slots=True)
class Stage:
    """A copy of the script in a folder with a space, and a PATH that holds nothing but what is put there."""

    root: Path

    @property
    def docker(self) -> Path:
        return self.root / "my stack" / "docker"

    @property
    def stack(self) -> list[str]:
        """What every call of Compose begins with."""
        return ["--project-name", "memoria", "--project-directory", str(self.docker), "--file"]

    def put(self, name: str, answers: str = "", folder: Path | None = None) -> Path:
        """A stand-in of this name; gives its path."""
        place = (folder or self.root / "bin") / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(RECORDED + answers, "utf-8")
        place.chmod(0o755)
        return place

    def settings(self, text: str) -> None:
        (self.docker / ".env").write_text(text, "utf-8")

    def run(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """From another folder, as a person would from anywhere."""
        (self.root / "calls").write_text("", "utf-8")
        return subprocess.run(
            [self.docker / "start.sh", *words],
            cwd=self.root,
            env={"PATH": str(self.root / "bin"), "RECORD": str(self.root / "calls"), **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    def calls(self) -> list[list[str]]:
        """How the stand-ins were called, without the questions what Docker is there."""
        written = (self.root / "calls").read_text("utf-8").split("\036")[:-1]
        return [call for call in (one.split("\037") for one in written) if call not in ASKED]

    def given(self) -> Mapping[str, str]:
        """The environment of the last call."""
        lines = (self.root / "calls.env").read_text("utf-8").splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    made = Stage(tmp_path)
    made.docker.mkdir(parents=True)
    shutil.copy(DOCKER / "start.sh", made.docker)
    (tmp_path / "bin").mkdir()
    for tool in (*TOOLS, "env"):
        found = shutil.which(tool)
        assert found is not None
        (tmp_path / "bin" / tool).symlink_to(found)
    return made


def test_central_starts_the_stack_with_the_profiles_that_are_asked_for(stage: Stage) -> None:
    stage.put("docker", DOCKER_28)
    stage.settings("POSTGRES_PASSWORD=own\n")
    central = ["--env-file", f"{stage.docker}/.env", *stage.stack, f"{stage.docker}/docker-compose.central.yml"]
    done = stage.run("central")
    assert (done.returncode, done.stderr) == (0, "start.sh: started. For your programs:\n")
    assert stage.calls() == [["docker", "compose", *central, "up", "--detach", "--wait"]]
    assert "postgresql://memoria:PASSWORD@127.0.0.1:5432/memoria" in done.stdout

    done = stage.run("central", "--ollama", "--pgbouncer", MEMORIA_EMBEDDING_MODEL="bge-m3")
    started, fetched = stage.calls()
    profiles = ["--profile", "pgbouncer", "--profile", "ollama"]
    assert started == ["docker", "compose", *central, *profiles, "up", "--detach", "--wait"]
    assert fetched[:-4] == ["docker", "compose", *central, "--profile", "ollama", "exec", "-T", "ollama", "sh"]
    assert "ollama pull" in fetched[-3]
    assert fetched[-2:] == ["sh", "bge-m3"]
    assert "@127.0.0.1:6432/" in done.stdout
    assert "MEMORIA_OLLAMA_HOST=http://127.0.0.1:11434" in done.stdout


def test_the_server_for_agents_is_built_and_started_with_the_stack_or_alone(stage: Stage) -> None:
    stage.put("docker", DOCKER_28)
    done = stage.run("central", "--http", POSTGRES_PASSWORD="own", MEMORIA_HTTP_PORT="9000")
    central = ["docker", "compose", *stage.stack, f"{stage.docker}/docker-compose.central.yml"]
    assert stage.calls() == [[*central, "--profile", "http", "up", "--detach", "--build", "--wait"]]
    assert "http://127.0.0.1:9000/mcp" in done.stderr
    assert "token create" in done.stderr
    assert "HTTP_OLLAMA_HOST" not in stage.given()
    stage.run("central", "--http", "--ollama", POSTGRES_PASSWORD="own")
    assert stage.given()["HTTP_OLLAMA_HOST"] == "http://ollama:11434"

    done = stage.run("http", MEMORIA_QDRANT_HOST="far")
    assert (done.returncode, stage.calls()) == (1, [])
    assert "MEMORIA_DATABASE_URL says where the stores are" in done.stderr
    done = stage.run("http", MEMORIA_QDRANT_HOST="far", MEMORIA_DATABASE_URL="postgresql://far/db")
    alone = f"{stage.docker}/docker-compose.http.yml"
    assert (done.returncode, stage.calls()) == (
        0,
        [["docker", "compose", *stage.stack, alone, "up", "--detach", "--build", "--wait"]],
    )


def test_the_other_commands_of_the_stack_reach_compose(stage: Stage) -> None:
    stage.put("docker", DOCKER_28)
    everything = [
        *("docker", "compose", *stage.stack, f"{stage.docker}/docker-compose.central.yml"),
        *("--profile", "pgbouncer", "--profile", "ollama", "--profile", "http"),
    ]
    for words, expected in (
        (["stop"], ["down"]),
        (["status"], ["ps", "--all"]),
        (["logs", "-f", "postgres"], ["logs", "--tail=200", "-f", "postgres"]),
    ):
        done = stage.run(*words)
        assert (done.returncode, done.stderr) == (0, "")
        assert stage.calls() == [[*everything, *expected]]
    stage.run("qdrant")
    alone = f"{stage.docker}/docker-compose.qdrant-only.yml"
    assert stage.calls() == [["docker", "compose", *stage.stack, alone, "up", "--detach", "--wait"]]


def test_docker_compose_serves_where_the_plugin_is_missing_and_the_old_one_is_not_asked_to_wait(stage: Stage) -> None:
    stage.put("docker", WITHOUT_PLUGIN)
    for version, wait in (("1.29.2", []), ("2.39.1", ["--wait"])):
        stage.put("docker-compose", f'[ "$1" != version ] || echo {version}')
        assert stage.run("qdrant").returncode == 0
        alone = f"{stage.docker}/docker-compose.qdrant-only.yml"
        assert stage.calls()[-1] == ["docker-compose", *stage.stack, alone, "up", "--detach", *wait]


def test_what_is_missing_is_told_in_one_line(stage: Stage) -> None:
    done = stage.run("status")
    assert done.returncode == 1
    assert "neither `docker compose` nor `docker-compose` is on PATH" in done.stderr
    stage.put("docker", WITHOUT_PLUGIN)
    done = stage.run("status")
    assert "install the Compose plugin" in done.stderr
    stage.put("docker", DAEMON_DOWN)
    done = stage.run("status")
    assert "the Docker daemon does not answer" in done.stderr
    assert (done.returncode, done.stderr.count("\n"), stage.calls()) == (1, 1, [])
    done = stage.run("doctor")
    assert "memoria-tui is neither on PATH nor in .venv" in done.stderr
    done = stage.run("doctor", MEMORIA_TUI="/nowhere/memoria-tui")
    assert done.stderr == "start.sh: MEMORIA_TUI is /nowhere/memoria-tui, which cannot be run\n"


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["begin"],
        ["central", "--all"],
        ["qdrant", "-x"],
        ["http", "-x"],
        ["stop", "--volumes"],
        ["backup"],
        ["restore"],
    ],
)
def test_wrong_usage_is_told_and_starts_nothing(stage: Stage, words: list[str]) -> None:
    stage.put("docker", DOCKER_28)
    stage.put("memoria-tui")
    done = stage.run(*words)
    assert done.returncode == 2
    assert "start.sh" in done.stderr
    assert stage.calls() == []


def test_the_help_and_the_readme_name_every_command_and_option_that_is_taken() -> None:
    script, readme = (path.read_text("utf-8") for path in (DOCKER / "start.sh", DOCKER.parent / "README.md"))
    usage = script.partition("<<'END'")[2].partition("\nEND\n")[0]
    told = dict(re.findall(r"^  (\w+)((?: \S+)*)", usage, re.MULTILINE))
    cases = re.findall(r"^    ([\w |-]+)\)", script.rpartition("case $command in")[2], re.MULTILINE)
    taken = {command for case in cases for command in case.split(" | ")} - {"help", "-h", "--help"}
    assert told.keys() == taken
    options = {command: set(re.findall(r"--[a-z]+", words)) for command, words in told.items()}
    central = script.partition("start_central() {")[2].partition("esac")[0]
    assert options.pop("central") == set(re.findall(r"^ +(--\w+)\)", central, re.MULTILINE))
    (said,) = re.findall(r"central knows (.*), not", script)
    assert set(re.findall(r"--\w+", said)) == set(re.findall(r"^ +(--\w+)\)", central, re.MULTILINE))
    for command, of in (("backup", backup), ("restore", restore)):
        assert {option[2:] for option in options.pop(command)} <= inspect.signature(of).parameters.keys()
    assert not any(options.values())
    (table,) = re.findall(r"^\| `docker/start.sh …` .*\n\|.*\n((?:\|.*\n)+)", readme, re.MULTILINE)
    rows = [row.split(" | ")[0] for row in table.splitlines()]
    assert {command for row in rows for command in re.findall(r"`(\w+)", row)} == taken


def test_the_development_password_is_named_and_never_published(stage: Stage) -> None:
    stage.put("docker", DOCKER_28)
    done = stage.run("central")
    assert done.returncode == 0
    assert done.stderr.startswith("start.sh: WARNING: development only:")
    assert stage.given()["POSTGRES_PASSWORD"] == "memoria_dev"
    for password in ("", "memoria_dev"):
        stage.settings(f"MEMORIA_BIND_ADDRESS=0.0.0.0\nPOSTGRES_PASSWORD={password}\n")
        done = stage.run("central")
        assert done.returncode == 1
        assert "set POSTGRES_PASSWORD in" in done.stderr
        assert stage.calls() == []
    done = stage.run("central", POSTGRES_PASSWORD="own secret")
    assert done.returncode == 0
    assert "set QDRANT_API_KEY" in done.stderr
    assert "own secret" not in done.stdout + done.stderr
    done = stage.run("central", POSTGRES_PASSWORD="own", QDRANT_API_KEY="key")
    assert "WARNING" not in done.stderr
    assert stage.given()["QDRANT_API_KEY"] == "key"


def test_backup_restore_and_doctor_run_the_program_on_the_stack(stage: Stage) -> None:
    program = stage.put("memoria-tui")
    stage.settings(
        "# MEMORIA_ACTOR=nobody\r\n"
        "POSTGRES_PASSWORD='p@ss: $w#%41\"/ü'\r\n"
        'POSTGRES_USER="me moria"  # the owner\r\n'
        "POSTGRES_PORT=5440 # not upstream's\n"
        "MEMORIA_QDRANT_PORT = 7333\n"
        "MEMORIA_TIMEZONE=Europe/Rome\n"
        "MEMORIA_EMBEDDING_MODEL=\n"
    )
    done = stage.run("backup", "my backups", "--keep", "3", MEMORIA_DATABASE_URL="postgresql://x@elsewhere/other")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert stage.calls() == [["memoria-tui", "backup", "my backups", "--keep", "3"]]
    given = stage.given()
    url = parse_url(given["MEMORIA_DATABASE_URL"])
    assert (url.username, url.password, url.host) == ("me moria", 'p@ss: $w#%41"/ü', "127.0.0.1")
    assert (url.port, url.database) == (5440, "memoria")
    assert (given["MEMORIA_QDRANT_HOST"], given["MEMORIA_QDRANT_PORT"]) == ("127.0.0.1", "7333")
    assert given["MEMORIA_TIMEZONE"] == "Europe/Rome"
    assert given["PWD"] == str(stage.root)

    stage.run("restore", "my backups/a.zip", "--replace", "--yes")
    assert stage.calls() == [["memoria-tui", "restore", "my backups/a.zip", "--replace", "--yes"]]

    stage.settings("MEMORIA_DATABASE_URL=postgresql://me@far/db\nMEMORIA_QDRANT_HOST=https://far\n")
    program.rename(stage.put("memoria-tui", folder=stage.root / "my stack" / ".venv" / "bin"))
    assert stage.run("doctor", "--json").returncode == 0
    assert stage.calls() == [["memoria-tui", "doctor", "--json"]]
    assert stage.given()["MEMORIA_DATABASE_URL"] == "postgresql://me@far/db"
    assert stage.given()["MEMORIA_QDRANT_HOST"] == "https://far"

    other = stage.put("another", folder=stage.root / "with space")
    stage.run("doctor", MEMORIA_TUI=str(other))
    assert stage.calls() == [["another", "doctor"]]


def test_shellcheck_finds_nothing() -> None:
    shellcheck = shutil.which("shellcheck")
    if shellcheck is None:
        pytest.skip("needs shellcheck")
    for script in sorted(DOCKER.glob("*.sh")):
        done = subprocess.run([shellcheck, script], capture_output=True, text=True, check=False)
        assert (done.stdout, done.returncode) == ("", 0)
