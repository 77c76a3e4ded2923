"""Re-embedding from the command line, against a stand-in that answers as Ollama's API documentation says."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.integration.test_cli import Run, run
from tests.qdrant_server import Qdrant
from tests.services.memory_world import vector_of

__all__ = ["run"]


class Ollama(BaseHTTPRequestHandler):
    """Has one model, whose vectors have eight numbers."""

    def do_GET(self) -> None:
        answer: dict[str, object] = {"version": "0.6.0", "models": [{"name": "tiny:latest"}]}
        if self.command == "POST":
            texts = json.loads(self.rfile.read(int(self.headers["content-length"])))["input"]
            answer = {"embeddings": [vector_of(text) for text in texts]}
        data = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_POST = do_GET  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Keeps the tests' output clean."""


@pytest.fixture
def ollama() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Ollama) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_what_waits_is_told_and_embedded_by_the_next_command_once_the_embedder_answers(run: Run, ollama: str) -> None:
    there = {"MEMORIA_EMBEDDING_MODEL": "tiny", "MEMORIA_EMBEDDING_DIMENSIONS": "8", "MEMORIA_OLLAMA_HOST": ollama}
    away = there | {"MEMORIA_OLLAMA_HOST": "127.0.0.1:1"}
    waiting = [run("add", f"text {number}", "--json", **away).json["id"] for number in range(2)]
    told = run("pending", "--json", **away).json
    assert (told["applied"], told["total"], [one["id"] for one in told["memories"]]) == (0, 2, waiting)
    assert "127.0.0.1:1" in told["memories"][0]["last_error"]
    assert waiting[0][:8] in run("pending", **away).out
    assert run("pending", "--apply", **away).out.startswith("0 finished\n")
    assert run("pending", "--apply", "--json", **there).json == {"applied": 2, "total": 0, "memories": []}
    run("add", "text 3", **away)
    assert run("trash", "list", **there).status == 0
    assert run("pending", **away).out == "nothing waits\n"


def test_a_store_is_moved_to_ollama_and_back(run: Run, ollama: str) -> None:
    assert run("reembed", "--status").out == "the store has no memories yet\n"
    run("add", "the access token expires", "--type", "semantic")
    missing = run("reembed", "--model", "large", "--ollama", ollama)
    assert (missing.status, "ollama pull large" in missing.complaint) == (1, True)
    moved = run("reembed", "--model", "tiny", "--ollama", ollama)
    assert moved.status == 0, moved.err
    assert "1 memories are embedded by tiny, 8 dimensions" in moved.out
    assert f"  MEMORIA_OLLAMA_HOST={ollama}\n  MEMORIA_EMBEDDING_MODEL=tiny\n" in moved.out
    assert "--drop-old" in moved.out
    there = {
        "MEMORIA_OLLAMA_HOST": ollama,
        "MEMORIA_EMBEDDING_MODEL": "tiny",
        "MEMORIA_EMBEDDING_DIMENSIONS": "8",
    }
    again = run("reembed", "--json", **there).json
    assert (again["switched"], again["settings"]) == (False, [])
    by_words = run("search", "token", "--json")
    assert "found by words only" in by_words.err
    assert by_words.json["notices"] == [by_words.err.strip()]
    assert run("search", "token", **there).err == ""
    state = run("reembed", "--status", "--json", **there).json
    assert (state["model"], state["dimensions"], state["former"]["dimensions"]) == ("tiny", 8, 256)
    assert run("reembed", "--model", "bundled", "--json", **there).json["settings"] == ["unset MEMORIA_OLLAMA_HOST"]
    assert "tiny, 8 dimensions (--drop-old deletes it)" in run("reembed", "--status").out
    assert run("reembed", "--drop-old").out == "the old vectors are deleted: 1 points\n"
    assert run("reembed", "--cancel").out == "no re-embedding is under way\n"
    assert run("reembed", "--status", "--cancel").status == 2


def test_a_move_that_a_program_beside_cannot_follow_is_said_before(run: Run, ollama: str, qdrant: Qdrant) -> None:
    there = {
        "MEMORIA_QDRANT_HOST": qdrant.url,
        "QDRANT_API_KEY": qdrant.key or "",
        "MEMORIA_OLLAMA_HOST": ollama,
        "MEMORIA_EMBEDDING_MODEL": "tiny",
        "MEMORIA_EMBEDDING_DIMENSIONS": "8",
    }
    added = run("add", "the access token expires", **there)
    assert (added.status, added.err) == (0, "")
    refused = run("reembed", "--model", "bundled", **there)
    assert refused.status == 1
    assert "MCP Memoria cannot use the bundled model" in refused.complaint
    assert "nomic-embed-text" in refused.complaint
    assert "--yes" in refused.complaint
    assert run("reembed", "--status", "--json", **there).json["model"] == "tiny"
    assert run("reembed", "--model", "bundled", "--yes", **there).status == 0
    assert run("reembed", "--status", "--json", **there).json["dimensions"] == 256
