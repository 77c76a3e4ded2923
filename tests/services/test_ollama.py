"""The embedder speaks Ollama's documented API; the server here is a stand-in that follows it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from services.adapters.ollama import OllamaEmbedder
from services.adapters.ollama_chat import OllamaChat
from services.errors import AuthenticationFailed, EmbeddingFailed, ModelMismatch, StoreTimeout, StoreUnavailable
from services.model import StoreKind

Failure = Callable[[httpx.Request], httpx.Response]


class Ollama:
    """Ollama's `/api/embed`, `/api/version` and `/api/tags`, with the models that were pulled and their sizes."""

    def __init__(self, failures: list[Failure] | None = None, **pulled: int) -> None:
        self.pulled = {name.replace("_", "-"): size for name, size in (pulled or {"nomic_embed_text": 4}).items()}
        self.failures = failures or []
        self.inputs: list[list[str]] = []
        self.messages: list[object] = []
        self.options: list[Any] = []
        self.said = " An answer.\n"
        self.at_once = self.most_at_once = 0

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        if self.failures:
            return self.failures.pop(0)(request)
        match request.method, request.url.path:
            case "GET", "/api/version":
                return httpx.Response(200, json={"version": "0.12.6"})
            case "GET", "/api/tags":
                return httpx.Response(200, json={"models": [{"name": f"{name}:latest"} for name in self.pulled]})
            case "POST", "/api/embed":
                return await self.embed(json.loads(request.content))
            case "POST", "/api/chat":
                return self.chat(json.loads(request.content))
        return httpx.Response(404, text="404 page not found")

    def chat(self, body: dict[str, object]) -> httpx.Response:
        if str(body["model"]) not in self.pulled:
            return httpx.Response(404, json={"error": f"model '{body['model']}' not found"})
        assert body.keys() <= {"model", "messages", "tools", "think", "format", "options", "stream", "keep_alive"}
        assert body["stream"] is False
        self.messages.append(body["messages"])
        self.options.append(body["options"])
        answer = {
            "model": body["model"],
            "created_at": "2023-12-12T14:13:43.416799Z",
            "done_reason": "stop",
            "done": True,
        }
        counts = {"total_duration": 5191566416, "load_duration": 2154458, "prompt_eval_count": 26, "eval_count": 298}
        return httpx.Response(200, json=answer | counts | {"message": {"role": "assistant", "content": self.said}})

    async def embed(self, body: dict[str, object]) -> httpx.Response:
        assert body.keys() <= {"model", "input", "truncate", "dimensions", "options", "keep_alive"}
        name = str(body["model"]).removesuffix(":latest")
        texts = body["input"]
        assert isinstance(texts, list)
        if name not in self.pulled:
            return httpx.Response(404, json={"error": f'model "{name}" not found, try pulling it first'})
        self.inputs.append(texts)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0)
        self.at_once -= 1
        vectors = [[float(len(text))] + [1.0] * (self.pulled[name] - 1) for text in texts]
        answer = {"model": name, "embeddings": vectors, "total_duration": 14143917, "load_duration": 1019500}
        return httpx.Response(200, json=answer | {"prompt_eval_count": 8})

    def embedder(self, model: str = "nomic-embed-text", dimensions: int = 4) -> OllamaEmbedder:
        return OllamaEmbedder("http://me:secret@ollama:11434", model, dimensions, httpx.MockTransport(self), 0.001)


def status_of(code: int, **answer: str) -> Failure:
    return lambda request: httpx.Response(code, json=answer)


def refused(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("Connection refused", request=request)


def silent(request: httpx.Request) -> httpx.Response:
    raise httpx.ReadTimeout("", request=request)


@pytest.mark.parametrize(
    ("model", "document", "query"),
    [
        ("nomic-embed-text", "search_document: a", "search_query: b"),
        ("nomic-embed-text:v1.5", "search_document: a", "search_query: b"),
        ("mxbai-embed-large:latest", "a", "Represent this sentence for searching relevant passages: b"),
        ("bge-large", "a", "Represent this query for retrieving relevant documents: b"),
        ("all-minilm", "a", "b"),
    ],
)
async def test_each_model_gets_its_prefixes(model: str, document: str, query: str) -> None:
    ollama = Ollama()
    ollama.pulled = {model.removesuffix(":latest"): 4}
    embedder = ollama.embedder(model)
    await embedder.embed_documents(["a"])
    await embedder.embed_query("b")
    assert ollama.inputs == [[document], [query]]


async def test_many_texts_go_in_bounded_batches_and_come_back_in_order() -> None:
    ollama = Ollama(all_minilm=4)
    texts = ["x" * (number + 1) for number in range(300)]
    vectors = await ollama.embedder("all-minilm").embed_documents(texts)
    assert [vector[0] for vector in vectors] == [len(text) for text in texts]
    assert max(len(batch) for batch in ollama.inputs) <= 32
    assert 1 < ollama.most_at_once <= 4


async def test_a_question_is_asked_once() -> None:
    ollama = Ollama()
    embedder = ollama.embedder()
    assert await embedder.embed_query("same") == await embedder.embed_query("same")
    assert len(ollama.inputs) == 1


async def test_empty_texts_and_lone_surrogates_can_be_sent() -> None:
    ollama = Ollama(all_minilm=4)
    assert len(await ollama.embedder("all-minilm").embed_documents(["", "a\ud800b"])) == 2
    assert ollama.inputs == [[" ", "a?b"]]


@pytest.mark.parametrize("failure", [status_of(429, error="busy"), status_of(503, error="loading"), refused, silent])
async def test_a_passing_failure_is_tried_again(failure: Failure) -> None:
    ollama = Ollama([failure, failure])
    assert len(await ollama.embedder().embed_documents(["a"])) == 1


@pytest.mark.parametrize(
    ("failure", "error", "says"),
    [
        (refused, StoreUnavailable, "ollama serve"),
        (silent, StoreTimeout, "in time"),
        (status_of(500, error="out of\nmemory"), StoreUnavailable, "out of memory"),
    ],
)
async def test_a_lasting_failure_ends_in_one_line(failure: Failure, error: type[Exception], says: str) -> None:
    ollama = Ollama([failure] * 100)
    with pytest.raises(error, match=says) as caught:
        await ollama.embedder().embed_documents(["a"])
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("failure", "error", "says"),
    [
        (status_of(400, error="input length exceeds the context length"), EmbeddingFailed, "context length"),
        (status_of(401), AuthenticationFailed, "refused access"),
        (lambda _: httpx.Response(404, text="404 page not found"), EmbeddingFailed, "0.3 or newer"),
        (lambda _: httpx.Response(200, text="<html>hello"), EmbeddingFailed, "not Ollama"),
        (lambda _: httpx.Response(200, json={"embeddings": []}), EmbeddingFailed, "one vector a text"),
        (lambda _: httpx.Response(200, json={"embeddings": [[0, 0, 0, 0]]}), EmbeddingFailed, "zeros"),
    ],
)
async def test_a_refusal_is_not_tried_again(failure: Failure, error: type[Exception], says: str) -> None:
    ollama = Ollama([failure])
    with pytest.raises(error, match=says):
        await ollama.embedder().embed_documents(["a"])


async def test_a_model_that_is_not_pulled_says_what_to_run() -> None:
    with pytest.raises(EmbeddingFailed, match="run: ollama pull all-minilm"):
        await Ollama().embedder("all-minilm").embed_query("a")


async def test_vectors_of_another_size_are_refused() -> None:
    with pytest.raises(ModelMismatch, match="4 numbers, MEMORIA_EMBEDDING_DIMENSIONS says 768"):
        await Ollama().embedder(dimensions=768).embed_query("a")


async def test_while_ollama_is_away_questions_fail_without_waiting_for_it() -> None:
    ollama = Ollama([refused, refused])
    embedder = ollama.embedder()
    for _ in range(3):
        with pytest.raises(StoreUnavailable):
            await embedder.embed_query("a")
    assert ollama.failures == []  # two attempts for the first question, none for the next
    assert (await embedder.status()).ok
    assert await embedder.embed_query("a")


async def test_status_names_host_version_and_model() -> None:
    status = await Ollama().embedder("nomic-embed-text:latest").status()
    assert (status.kind, status.ok, status.label) == (StoreKind.EMBEDDER, True, "ollama:11434")
    assert status.version == "0.12.6 · nomic-embed-text"
    assert status.latency_ms is not None


async def test_status_tells_what_is_wrong() -> None:
    missing = await Ollama().embedder("bge-m3").status()
    away = await Ollama([refused]).embedder().status()
    assert (missing.ok, away.ok) == (False, False)
    assert "ollama pull bge-m3" in missing.problems[0]
    assert "cannot be reached" in away.problems[0]


async def test_a_host_may_come_without_scheme_and_port() -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(str(request.url))
        return httpx.Response(200, json={"embeddings": [[1.0]]})

    await OllamaEmbedder("gpu-box", "all-minilm", 1, httpx.MockTransport(answer)).embed_query("a")
    assert seen == ["http://gpu-box:11434/api/embed"]


async def test_a_chat_model_answers_one_question_under_its_instruction() -> None:
    ollama = Ollama(llama=4, other=4)
    chat = OllamaChat("ollama", "llama", httpx.MockTransport(ollama))
    assert await chat.answer("Be brief.", "What is it?") == "An answer."
    assert await chat.answer("Be brief.", "What is it?", "other") == "An answer."
    asked = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is it?"}]
    assert ollama.messages == [asked, asked]
    with pytest.raises(EmbeddingFailed, match="ollama pull missing"):
        await chat.answer("", "x", "missing")
    ollama.said = " "
    with pytest.raises(EmbeddingFailed, match="did not answer with a text"):
        await chat.answer("", "x")
    await chat.close()


@pytest.mark.parametrize(("text", "tokens"), [("x", 4096), ("x" * 17_000, 8192), ("漢" * 17_000, 32_768)])
async def test_a_chat_model_is_given_room_for_all_that_it_is_asked(text: str, tokens: int) -> None:
    ollama = Ollama(llama=1)
    await OllamaChat("ollama", "llama", httpx.MockTransport(ollama)).answer("Be brief.", text)
    assert ollama.options == [{"temperature": 0.3, "num_ctx": tokens}]


@pytest.mark.parametrize("failure", [refused, silent, status_of(503, error="busy")])
async def test_a_chat_model_that_is_away_is_told(failure: Failure) -> None:
    chat = OllamaChat("ollama", "llama", httpx.MockTransport(Ollama([failure])))
    with pytest.raises(StoreUnavailable):
        await chat.answer("", "x")
    await chat.close()
