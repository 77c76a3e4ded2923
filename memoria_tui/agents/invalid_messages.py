"""Errors for what is no message of the protocol, in place of the words of the library."""

from __future__ import annotations

import json
import logging
import re
from contextlib import suppress

from mcp.types import INVALID_REQUEST, PARSE_ERROR, ErrorData, JSONRPCError, RequestId, jsonrpc_message_adapter
from pydantic import ValidationError
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_ID = re.compile(r'"id"\s*:\s*(-?\d+|"(?:[^"\\]|\\.)*")')
_log = logging.getLogger(__name__)


class Explained:
    """Says in one line why a request is refused whose body is no message."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        parts, refused = list[bytes](), list[Message]()

        async def receiving() -> Message:
            message = await receive()
            parts.append(message.get("body", b""))
            return message

        async def sending(message: Message) -> None:
            if message.get("status") != 400 and not refused:
                await send(message)
                return
            refused.append(message)
            if message["type"] == "http.response.body" and not message.get("more_body", False):
                await refuse()

        async def refuse() -> None:
            try:
                jsonrpc_message_adapter.validate_json(b"".join(parts), by_name=False)
            except ValidationError as error:
                said = unreadable(error, one_a_line=False).model_dump_json(by_alias=True, exclude_unset=True)
                await Response(said, 400, media_type="application/json")(scope, receive, send)
            else:
                for one in refused:
                    await send(one)

        await self._app(scope, receiving, sending)


def unreadable(error: Exception, *, one_a_line: bool = True) -> JSONRPCError:
    """The answer to what is no message; `one_a_line`: whether lines divide them."""
    code, said, id_ = INVALID_REQUEST, "that is no JSON-RPC request, response or notification", None
    for wrong in error.errors(include_url=False) if isinstance(error, ValidationError) else ():
        if wrong["type"] == "json_invalid":
            code = PARSE_ERROR
            where = " a line" if one_a_line else ""
            said = f"{wrong['msg']}; send one JSON object{where}, in UTF-8, without halves of characters"
            id_ = _id_of(wrong["input"])
    _log.warning("what a client sent was refused: %s", said)
    return JSONRPCError(jsonrpc="2.0", id=id_, error=ErrorData(code=code, message=said))


def _id_of(given: str | bytes) -> RequestId | None:
    """None where it cannot be told, or could not be sent back."""
    text = given if isinstance(given, str) else given.decode("utf-8", "replace")
    with suppress(ValueError):
        if known := _ID.search(text):
            id_: RequestId = json.loads(known[1])
            str(id_).encode()
            return id_
    return None
