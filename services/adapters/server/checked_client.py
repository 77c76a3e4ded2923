"""A client of a Qdrant server whose failures are errors of ours. Takes a while to import: do that on first use."""

from __future__ import annotations

import json
import re
from typing import Any, cast

import httpx
from pydantic import ValidationError
from qdrant_client import AsyncQdrantClient
from qdrant_client.common.client_exceptions import ResourceExhaustedResponse
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

from services.adapters.collections import REMEDY
from services.errors import (
    AuthenticationFailed,
    MemoriaError,
    ModelMismatch,
    StorageFull,
    StoreReadOnly,
    StoreRefused,
    StoreTimeout,
    StoreUnavailable,
)

_WRITES = re.compile("(write|manage) access|read-only", re.IGNORECASE)
"""How a server says that a key may read but not do this."""
_CLOSED = "client has been closed"


def checked(client: AsyncQdrantClient, label: str) -> AsyncQdrantClient:
    """The client, whose failures are errors of ours in one line without secrets; what is not known passes as it is."""
    return cast(AsyncQdrantClient, _Checked(client, label))


class _Checked:
    def __init__(self, client: AsyncQdrantClient, label: str) -> None:
        self._client = client
        self._label = label

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)

        async def ask(*arguments: Any, **keywords: Any) -> Any:
            try:
                return await method(*arguments, **keywords)
            except UnexpectedResponse as error:
                raise _refused(error.status_code, bytes(error.content), self._label) from error
            except ResourceExhaustedResponse as error:
                raise StoreUnavailable(f"Qdrant at {self._label} is asked too often; try again in a moment") from error
            except ResponseHandlingException as error:
                raise _failed(error.source, self._label) from error
            except json.JSONDecodeError as error:
                raise _not_qdrant(self._label) from error
            except RuntimeError as error:
                if _CLOSED not in str(error):
                    raise
                raise StoreUnavailable(f"the connection to Qdrant at {self._label} is closed; try again") from error

        return ask


def _failed(source: Exception, label: str) -> Exception:
    match source:
        case httpx.TimeoutException():
            return StoreTimeout(f"Qdrant at {label} did not answer in time; check the server, then try again")
        case httpx.TransportError():
            reason = str(source).strip() or type(source).__name__
            return StoreUnavailable(
                f"Qdrant at {label} cannot be reached ({reason}); start it, or set MEMORIA_QDRANT_HOST and _PORT"
            )
        case RuntimeError() if _CLOSED in str(source):
            return StoreUnavailable(f"the connection to Qdrant at {label} is closed; try again")
        case ValidationError():
            return _not_qdrant(label)
    return source


def _not_qdrant(label: str) -> StoreUnavailable:
    return StoreUnavailable(f"what answers at {label} does not speak Qdrant's language; check MEMORIA_QDRANT_HOST")


def _refused(status: int | None, content: bytes, label: str) -> MemoriaError:
    text = " ".join(content.decode("utf-8", "replace").split())[:200]
    if status == 403 and _WRITES.search(text):
        return StoreReadOnly(f"Qdrant at {label} is read-only for this key; set QDRANT_API_KEY to one that may write")
    if status in (401, 403):
        return AuthenticationFailed(f"Qdrant at {label} refused the key; set QDRANT_API_KEY to one that may write")
    if status == 400 and "vector dimension" in text.lower():
        return ModelMismatch(f"the vectors on the Qdrant server at {label} have another size now ({text}); {REMEDY}")
    if status in (408, 504):
        return StoreTimeout(f"Qdrant at {label} did not finish in time; try again")
    if status == 507 or "No space left" in text or "Read-only file system" in text:
        return StorageFull(f"the disk of the Qdrant server at {label} is full or read-only; free some space there")
    return StoreRefused(f"Qdrant at {label} answered with error {status}: {_message_of(content) or text}", status or 0)


def _message_of(content: bytes) -> str:
    """The message in an answer of the server, "" when there is none."""
    found = re.search(rb'"error":\s*"((?:[^"\\]|\\.)*)"', content)
    return " ".join(found[1].decode("utf-8", "replace").split())[:200] if found else ""
