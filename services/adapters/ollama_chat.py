"""The language model behind Ollama's HTTP API (`POST /api/chat`)."""

from __future__ import annotations

import httpx

from services.adapters.ollama_server import OllamaServer, Transient
from services.errors import EmbeddingFailed

_TIMEOUT = httpx.Timeout(300, connect=5)
_TEMPERATURE = 0.3
"""Low: what is asked for is in the memories."""
_LEAST_CONTEXT, _ANSWER = 4096, 1024
"""Tokens that Ollama takes where nothing else is said, cutting off without a word what is more; those of an answer."""


class OllamaChat:
    """Answers of a model that Ollama serves."""

    def __init__(self, host: str, model: str, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._server = OllamaServer(host, transport)
        self._model = model

    async def answer(self, instruction: str, question: str, model: str | None = None) -> str:
        body = {
            "model": model or self._model,
            "messages": [{"role": "system", "content": instruction}, {"role": "user", "content": question}],
            "stream": False,
            "options": {"temperature": _TEMPERATURE, "num_ctx": _context(instruction + question)},
        }
        try:
            answer = await self._server.send("POST", "/api/chat", _TIMEOUT, body)
        except Transient as failure:
            raise failure.error from failure
        message = answer.get("message")
        text = message.get("content") if isinstance(message, dict) else None
        if not isinstance(text, str) or not text.strip():
            raise EmbeddingFailed(f"{body['model']} at {self._server.label} did not answer with a text; try again")
        return text.strip()

    async def close(self) -> None:
        await self._server.close()


def _context(text: str) -> int:
    """Tokens that certainly hold a text, about three bytes each, and its answer; doubled so that few models load."""
    needed, size = len(text.encode()) // 3 + _ANSWER, _LEAST_CONTEXT
    while size < needed:
        size *= 2
    return size
