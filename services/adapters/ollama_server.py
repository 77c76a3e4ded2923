"""Requests to Ollama's HTTP API, and what its errors mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from services.errors import AuthenticationFailed, EmbeddingFailed, MemoriaError, StoreTimeout, StoreUnavailable


class Transient(Exception):
    """The request may succeed when it is sent again; carries what to raise when it never does."""

    def __init__(self, error: MemoriaError) -> None:
        super().__init__(str(error))
        self.error = error


class OllamaServer:
    """One server; `host` is a URL, or a name with or without a port."""

    def __init__(self, host: str, transport: httpx.AsyncBaseTransport | None) -> None:
        url = httpx.URL(host if "://" in host else f"http://{host}")
        if url.port is None and "://" not in host:
            url = url.copy_with(port=11434)
        self._client = httpx.AsyncClient(base_url=url, transport=transport)
        self.label = f"{url.host}:{url.port}" if url.port else url.host

    async def send(
        self, method: str, path: str, patience: httpx.Timeout, body: Mapping[str, object] | None = None
    ) -> dict[str, Any]:
        try:
            response = await self._client.request(method, path, json=body, timeout=patience)
        except httpx.TimeoutException as error:
            raise Transient(StoreTimeout(f"Ollama at {self.label} did not answer in time")) from error
        except httpx.TransportError as error:
            hint = "start it with `ollama serve` or correct MEMORIA_OLLAMA_HOST"
            raise Transient(StoreUnavailable(f"Ollama at {self.label} cannot be reached; {hint}")) from error
        self._raise_for_status(response, str((body or {}).get("model", "")))
        try:
            answer = response.json()
        except ValueError as error:
            raise EmbeddingFailed(f"What answers at {self.label} is not Ollama; correct MEMORIA_OLLAMA_HOST") from error
        return answer if isinstance(answer, dict) else {}

    def _raise_for_status(self, response: httpx.Response, model: str) -> None:
        status = response.status_code
        if status == httpx.codes.OK:
            return
        reason = _reason(response)
        if status == httpx.codes.TOO_MANY_REQUESTS or status >= 500:
            raise Transient(StoreUnavailable(f"Ollama at {self.label} is in trouble ({status}): {reason}"))
        if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            raise AuthenticationFailed(f"Ollama at {self.label} refused access ({status})")
        if status == httpx.codes.NOT_FOUND:
            if "model" in reason:
                raise EmbeddingFailed(not_pulled(self.label, model))
            raise EmbeddingFailed(f"Ollama at {self.label} has no {response.url.path}; it needs version 0.3 or newer")
        raise EmbeddingFailed(f"Ollama at {self.label} refused the text ({status}): {reason}")

    async def close(self) -> None:
        await self._client.aclose()


def not_pulled(label: str, model: str) -> str:
    return f"Ollama at {label} does not have the model; run: ollama pull {model}"


def _reason(response: httpx.Response) -> str:
    try:
        answer = response.json()
    except ValueError:
        answer = response.text
    reason = answer.get("error", "") if isinstance(answer, dict) else answer
    return " ".join(str(reason).split())[:200]
