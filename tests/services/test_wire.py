"""What crosses the socket to the store daemon, and the number that tells programs of another version apart."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import msgspec

from services.adapters.daemon.wire import METHODS, PROTOCOL, SCHEMA, Failure, Hello, Reply, Request, Welcome

_ABOUT = ("title", "description")
"""What a schema has for people."""


def test_who_changes_what_crosses_the_socket_raises_the_protocol() -> None:
    messages = {one.__name__: one for one in (Hello, Welcome, Request, Failure, Reply)}
    given = {f"{name} given": tuple[tuple(one.wire for one in method.arguments)] for name, method in METHODS.items()}  # type: ignore[misc]
    answered = {f"{name} answered": method.answer.wire for name, method in METHODS.items()}
    schemas = {
        name: bare(msgspec.json.schema(kind, schema_hook=lambda kind: {"python": kind.__name__}))
        for name, kind in (messages | given | answered).items()
    }
    now, next_ = (
        hashlib.sha256(json.dumps([protocol, schemas], sort_keys=True).encode()).hexdigest()[:16]
        for protocol in (PROTOCOL, PROTOCOL + 1)  # the number is in it: a new digest alone is not enough
    )
    assert now == SCHEMA, f"raise PROTOCOL to {PROTOCOL + 1} and say that SCHEMA is {next_!r}"


def bare(schema: Any) -> Any:
    match schema:
        case dict():
            return {key: bare(value) for key, value in schema.items() if key not in _ABOUT or isinstance(value, dict)}
        case list():
            return [bare(value) for value in schema]
    return schema
