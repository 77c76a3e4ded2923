"""What the server answers where something is wrong: RFC 9457, in one line that says what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import compile_path

from memoria_tui.agents.tools.rest_only import ChangedSince
from memoria_tui.text.validation_messages import all_wanted
from memoria_tui.user_files.program_log import crashed
from services.errors import (
    Conflict,
    EmbeddingFailed,
    Forbidden,
    InvalidInput,
    MemoriaError,
    NotFound,
    NothingToUndo,
    StorageFull,
    StoreMismatch,
    StoreTimeout,
    StoreUnavailable,
)

STATUS: Mapping[type[MemoriaError], int] = {
    ChangedSince: 412,
    InvalidInput: 400,
    NotFound: 404,
    Forbidden: 403,
    Conflict: 409,
    NothingToUndo: 409,
    StorageFull: 507,
    StoreTimeout: 504,
    StoreUnavailable: 503,
    EmbeddingFailed: 503,
    StoreMismatch: 503,
}
"""Of each error of the services and those below it, the nearest one first."""
PROBLEM = {
    "description": "What is wrong, and what to do (RFC 9457)",
    "content": {
        "application/problem+json": {
            "schema": {
                "type": "object",
                "required": ["title", "status", "detail"],
                "properties": {
                    "title": {"type": "string"},
                    "status": {"type": "integer"},
                    "detail": {"type": "string"},
                },
            }
        }
    },
}
"""As OpenAPI describes it."""


def problem(status: int, detail: str, **headers: str) -> JSONResponse:
    """An answer that says what is wrong."""
    said = {"title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    return JSONResponse(said, status, headers, media_type="application/problem+json")


def busy(what: str) -> JSONResponse:
    """The answer where there is no room for a request now."""
    return problem(503, f"{what}; try again in 5 seconds", **{"retry-after": "5"})


def only_known(request: Request) -> None:
    """Refuses a parameter of the query that the route does not have, which a client believes to have an effect.

    What has its parameters as one model says so by itself. Raises RequestValidationError.
    """
    fields = request.scope["route"].dependant.query_params
    if any(isinstance(kind := one.field_info.annotation, type) and issubclass(kind, BaseModel) for one in fields):
        return
    if unknown := set(request.query_params) - {one.alias for one in fields}:
        wrong = [{"loc": ("query", name), "type": "extra_forbidden"} for name in sorted(unknown)]
        raise RequestValidationError(wrong)


async def wrong(request: Request, error: Exception) -> Response:
    """The answer to parameters that are not as the API says."""
    assert isinstance(error, RequestValidationError)
    return problem(422, all_wanted(error.errors()))


async def unknown(request: Request, error: Exception) -> Response:
    """The answer to what no route takes."""
    assert isinstance(error, HTTPException)
    headers = {name.lower(): value for name, value in (error.headers or {}).items()}
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED and (methods := _methods(request)):
        headers["allow"] = ", ".join(methods)
    path = request.url.path
    details = {404: f"there is nothing at {path}; see /docs", 405: f"{path} takes no {request.method}"}
    if error.status_code == HTTPStatus.BAD_REQUEST and error.__cause__ is not None:
        details[400] = _unreadable(error.__cause__)
    return problem(error.status_code, details.get(error.status_code, error.detail), **headers)


def _unreadable(error: BaseException) -> str:
    """Why a body that is no JSON of ours could not be read."""
    match error:
        case UnicodeDecodeError():
            return f"the body is not UTF-8 text (byte {error.start + 1})"
        case RecursionError():
            return "the body is nested too deeply"
        case ValueError():  # what Python says of numbers of thousands of digits
            return "the body has a number of too many digits; give it as text"
    return "the body could not be read"


def _methods(request: Request) -> Sequence[str]:
    """All that the API takes at an address."""
    paths = request.app.openapi()["paths"]
    fit = (ways for path, ways in paths.items() if compile_path(path)[0].match(request.url.path))
    return [one.upper() for one in paths.get(request.url.path) or next(fit, ())]


async def broken(request: Request, error: Exception) -> Response:
    """The answer where the program has a fault, which its log file tells."""
    return problem(500, crashed(error))
