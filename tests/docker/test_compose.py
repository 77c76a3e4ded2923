"""The compose files: what the published schema allows, and what a shared stack must have."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib import resources
from importlib.metadata import version
from pathlib import Path

import jsonschema
import pytest
import yaml

from memoria_tui.cli.program import program
from services.migrations import sql_folder
from services.settings import VARIABLES
from tests.docker.stack import CENTRAL, DOCKER, FIRST_START, HTTP, QDRANT_ONLY, compose, mounts

FILES = [CENTRAL, QDRANT_ONLY, HTTP]
EACH = pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
FIRST_QDRANT = (1, 16)
DOCKERFILE, KUBERNETES = DOCKER / "Dockerfile", DOCKER / "kubernetes.yml"


@EACH
def test_files_are_what_the_published_schema_allows(file: Path) -> None:
    schema = resources.files("check_jsonschema") / "builtin_schemas" / "vendor" / "compose-spec.json"
    validator = jsonschema.Draft202012Validator(json.loads(schema.read_text("utf-8")))
    assert [error.message for error in validator.iter_errors(compose(file))] == []
    assert validator.is_valid({"services": {"qdrant": {"image": 5}}}) is False


@EACH
def test_every_service_is_pinned_watched_limited_and_comes_back(file: Path) -> None:
    for name, service in compose(file)["services"].items():
        image, _, tag = service["image"].partition(":")
        assert re.fullmatch(r"v?\d+\.\d+(\.\d+)?(-[a-z0-9]+)?", tag), f"{name}: {image}:{tag}"
        assert service["restart"] == "unless-stopped", name
        assert service["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL"), name
        assert {"interval", "timeout", "retries", "start_period"} <= set(service["healthcheck"]), name
        assert service["mem_limit"], name
        assert service["cpus"], name
        assert service["logging"]["driver"] == "json-file", name
        assert set(service["logging"]["options"]) == {"max-size", "max-file"}, name


@EACH
def test_everything_is_published_on_loopback_unless_told_otherwise(file: Path) -> None:
    for name, service in compose(file)["services"].items():
        for port in service["ports"]:
            assert re.fullmatch(r"\$\{MEMORIA_BIND_ADDRESS:-127\.0\.0\.1\}:\$\{\w+:-\d+\}:\d+", port), name


def test_ports_volumes_and_profiles_are_those_of_the_design() -> None:
    central = compose(CENTRAL)
    services = central["services"]
    published = {
        name: [re.sub(r"\$\{\w+:-(.*?)\}", r"\1", port) for port in service["ports"]]
        for name, service in services.items()
    }
    assert published == {
        "qdrant": ["127.0.0.1:6333:6333", "127.0.0.1:6334:6334"],
        "postgres": ["127.0.0.1:5432:5432"],
        "pgbouncer": ["127.0.0.1:6432:6432"],
        "ollama": ["127.0.0.1:11434:11434"],
        "http": ["127.0.0.1:8765:8765"],
    }
    assert {name: service.get("profiles", []) for name, service in services.items()} == {
        "qdrant": [],
        "postgres": [],
        "pgbouncer": ["pgbouncer"],
        "ollama": ["ollama"],
        "http": ["http"],
    }
    assert {key: volume["name"] for key, volume in central["volumes"].items()} == {
        "qdrant-data": "memoria-qdrant-data",
        "postgres-data": "memoria-postgres-data",
        "ollama-models": "memoria-ollama-models",
    }
    assert "qdrant-data:/qdrant/storage" in services["qdrant"]["volumes"]
    assert "postgres-data:/var/lib/postgresql/data" in services["postgres"]["volumes"]
    assert services["postgres"]["image"].startswith("postgres:16.")
    version = services["qdrant"]["image"].removeprefix("qdrant/qdrant:v").split(".")
    assert tuple(map(int, version[:2])) >= FIRST_QDRANT
    assert services["pgbouncer"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}


def test_qdrant_alone_is_the_qdrant_of_the_central_stack() -> None:
    central, alone = compose(CENTRAL), compose(QDRANT_ONLY)
    assert alone["services"] == {"qdrant": central["services"]["qdrant"]}
    assert alone["volumes"] == {"qdrant-data": central["volumes"]["qdrant-data"]}


_OF_ONE_MACHINE = {
    *("MEMORIA_HOME", "MEMORIA_LINGER", "MEMORIA_BACKUP_KEEP", "MEMORIA_DEMO", "MEMORIA_LOG_FILE"),
    *("MEMORIA_ACTOR", "MEMORIA_IDLE_MINUTES", "MEMORIA_POMODORO_MINUTES"),
}
"""Of embedded stores, or of the person at the screen: the server for agents has neither."""


def test_the_server_alone_is_the_server_of_the_central_stack_with_other_stores() -> None:
    central, alone = compose(CENTRAL)["services"]["http"], compose(HTTP)["services"]["http"]
    assert central.pop("depends_on") == {name: {"condition": "service_healthy"} for name in ("qdrant", "postgres")}
    assert central.pop("profiles") == ["http"]
    own, others = central.pop("environment"), alone.pop("environment")
    assert central == alone
    assert others.keys() >= own.keys()
    stores = {name for name in others if others[name] != own.get(name)}
    assert stores == {"MEMORIA_QDRANT_HOST", "MEMORIA_QDRANT_PORT", "MEMORIA_DATABASE_URL"}
    assert set(others) == set(VARIABLES.values()) - _OF_ONE_MACHINE


def test_the_server_has_no_rights_and_writes_nothing_but_its_own_folder() -> None:
    service = compose(HTTP)["services"]["http"]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert "volumes" not in service
    assert {one.partition(":")[0] for one in service["tmpfs"]} == {"/data", "/tmp"}


def test_the_image_is_made_of_what_is_here_and_runs_as_nobody() -> None:
    lines = DOCKERFILE.read_text("utf-8").replace("\\\n", "").splitlines()
    words = [line.split() for line in lines if line and not line.startswith("#")]
    copied = [source for name, *rest in words if name == "COPY" and "--from=build" not in rest for source in rest[:-1]]
    assert all((DOCKER.parent / source).exists() for source in copied)
    ignored = DOCKERFILE.with_name("Dockerfile.dockerignore").read_text("utf-8").splitlines()
    assert ignored[0] == "*"
    assert {f"!{source}" for source in copied} <= set(ignored)
    assert ["USER", "10001:10001"] in words
    build = compose(HTTP)["services"]["http"]["build"]
    assert (DOCKER / build["context"] / build["dockerfile"]).resolve() == DOCKERFILE
    (command,) = [json.loads(line.removeprefix("CMD ")) for line in lines if line.startswith("CMD ")]
    assert command == ["serve", "--host", "0.0.0.0"]
    started = {one.name: one for one in program().commands["serve"].params}  # type: ignore[attr-defined]
    assert started["port"].default == 8765
    bases = {rest[0] for name, *rest in words if name == "FROM"}
    assert len(bases) == 1
    for file in (CENTRAL, HTTP):
        assert compose(file)["services"]["http"]["image"] == f"memoria-tui:{version('memoria-tui')}"


def test_the_check_of_the_server_is_healthy_only_when_it_answers() -> None:
    kind, *command = compose(HTTP)["services"]["http"]["healthcheck"]["test"]
    assert kind == "CMD"
    (in_image,) = re.findall(r"CMD (\[\"python.*\])", DOCKERFILE.read_text("utf-8"))
    assert json.loads(in_image) == command

    def healthy(port: int) -> bool:
        asked = [sys.executable, *(word.replace("127.0.0.1:8765", f"127.0.0.1:{port}") for word in command[1:])]
        return subprocess.run(asked, capture_output=True, check=False).returncode == 0

    with answering(200) as port:
        assert healthy(port)
    assert not healthy(port)


def test_the_cluster_runs_two_servers_that_are_watched_and_have_no_rights() -> None:
    manifest = {one["kind"]: one for one in yaml.safe_load_all(KUBERNETES.read_text("utf-8"))}
    deployment = manifest["Deployment"]["spec"]
    pod = deployment["template"]["spec"]
    (container,) = pod["containers"]
    assert deployment["replicas"] == 2
    assert deployment["selector"]["matchLabels"] == deployment["template"]["metadata"]["labels"]
    assert manifest["Service"]["spec"]["selector"] == deployment["selector"]["matchLabels"]
    probes = [container[f"{kind}Probe"]["httpGet"]["path"] for kind in ("startup", "liveness", "readiness")]
    assert probes == ["/health/live", "/health/live", "/health/ready"]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert container["image"] == compose(HTTP)["services"]["http"]["image"]
    assert {one["mountPath"] for one in container["volumeMounts"]} == {"/data", "/tmp"}
    named = {next(iter(one.values()))["name"] for one in container["envFrom"]}
    assert named == {manifest[kind]["metadata"]["name"] for kind in ("Secret", "ConfigMap")}
    given = manifest["Secret"]["stringData"].keys() | manifest["ConfigMap"]["data"].keys()
    assert given <= set(VARIABLES.values())
    assert {"MEMORIA_DATABASE_URL", "QDRANT_API_KEY"} == manifest["Secret"]["stringData"].keys()
    assert pod["terminationGracePeriodSeconds"] > 30


def test_a_first_start_runs_all_of_sql_and_then_ones_own() -> None:
    seen = mounts("postgres")
    assert seen.pop("/docker-entrypoint-initdb.d/first-start.sh") == FIRST_START
    assert seen == {"/sql": sql_folder().resolve(), "/custom-sql": DOCKER / "initdb.d"}
    assert all(source.exists() for service in ("postgres", "pgbouncer") for source in mounts(service).values())
    read_only = [volume for volume in compose(CENTRAL)["services"]["postgres"]["volumes"] if volume.startswith(".")]
    assert all(volume.endswith(":ro") for volume in read_only)


def test_no_secret_has_a_default() -> None:
    text = "".join(file.read_text("utf-8") for file in FILES)
    assert "memoria_dev" not in text
    passwords = re.findall(r"\$\{POSTGRES_PASSWORD[^}]*\}", text)
    assert len(passwords) == 3
    assert all(use.startswith("${POSTGRES_PASSWORD:?") for use in passwords)
    assert set(re.findall(r"\$\{QDRANT_API_KEY[^}]*\}", text)) == {"${QDRANT_API_KEY:-}"}
    assert "\nPOSTGRES_PASSWORD=\n" in (DOCKER / ".env.example").read_text("utf-8")


def test_the_example_explains_every_variable_with_its_default() -> None:
    example = (DOCKER / ".env.example").read_text("utf-8")
    explained = dict(re.findall(r"^#?([A-Z][A-Z_]+)=(.*)$", example, re.MULTILINE))
    text = "".join(file.read_text("utf-8") for file in FILES)
    defaults = dict(re.findall(r"\$\{(\w+):-([^}]*)\}", text))
    assert {name: explained.get(name) for name in defaults} == defaults
    assert set(VARIABLES.values()) <= set(explained)
    asked_for = set(re.findall(r"\(setting ([A-Z_]+)", (DOCKER / "start.sh").read_text("utf-8")))
    assert asked_for <= set(explained)
    assert set(explained) == set(defaults) | set(VARIABLES.values()) | asked_for


class _Answers(BaseHTTPRequestHandler):
    """Answers /readyz as Qdrant does, and /health/live as ours, with the status that its server carries."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(getattr(self.server, "status") if self.path in ("/readyz", "/health/live") else 404)  # noqa: B009
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Keeps quiet."""


@contextmanager
def answering(status: int) -> Iterator[int]:
    """Port of a server on loopback."""
    server = HTTPServer(("127.0.0.1", 0), _Answers)
    server.status = status  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_qdrants_check_is_healthy_only_when_qdrant_says_that_it_is_ready() -> None:
    kind, *command = compose(CENTRAL)["services"]["qdrant"]["healthcheck"]["test"]
    assert kind == "CMD"

    def healthy(port: int) -> bool:
        asked = [word.replace("$$", "$").replace("/127.0.0.1/6333", f"/127.0.0.1/{port}") for word in command]
        return subprocess.run(asked, capture_output=True, check=False).returncode == 0

    with answering(200) as port:
        assert healthy(port)
    assert not healthy(port)
    with answering(503) as port:
        assert not healthy(port)
