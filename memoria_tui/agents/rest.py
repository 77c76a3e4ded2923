"""The same tools over REST: one table of routes, whose parameters and answers are those of the functions."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Header, Query, Response, params
from fastapi.security import HTTPBearer
from pydantic import BaseModel, ConfigDict, create_model
from starlette.exceptions import HTTPException
from starlette.requests import Request

from memoria_tui.agents.callers import caller
from memoria_tui.agents.http_problems import PROBLEM, STATUS, problem
from memoria_tui.agents.listen_address import PREFIX
from memoria_tui.agents.tool import Tool
from memoria_tui.agents.tool_calls import Door, error_line
from memoria_tui.agents.tools import TOOLS, rest_only

_TOOL = {tool.name: tool for tool in TOOLS}


@dataclass(frozen=True, slots=True)
class Route:
    """What a request does: parameters that are not in the path are the query's, or the body's of a POST or PATCH."""

    method: str
    path: str
    tool: Tool
    status: int = 200
    needs: Sequence[str] = ()
    """Parameters of which one has to be given."""
    null: Mapping[str, object] = field(default_factory=dict)
    """What null stands for, of a parameter for which it does not mean that it is not given."""


ROUTES: Sequence[Route] = (
    Route("GET", "/memories", _TOOL["memoria_search"]),
    Route("POST", "/memories", Tool("create_memory", rest_only.create, "Store a memory"), 201),
    Route("POST", "/memories/bulk", Tool("create_memories", rest_only.create_many, "Store many memories"), 201),
    Route("POST", "/memories/delete", _TOOL["memoria_delete"], needs=("memory_ids", "filter_tags")),
    Route("GET", "/memories/{memory_id}", Tool("read_memory", rest_only.read, "Get a memory", writes=False)),
    Route(
        "PATCH",
        "/memories/{memory_id}",
        Tool("change_memory", rest_only.change, "Change a memory"),
        null={"project": ""},
    ),
    Route("DELETE", "/memories/{memory_id}", Tool("delete_memory", rest_only.remove, "Delete a memory")),
    Route("GET", "/memories/{memory_id}/neighbours", _TOOL["memoria_related"]),
    Route("GET", "/memories/{memory_id}/suggestions", _TOOL["memoria_suggest_links"]),
    Route("GET", "/memories/{memory_id}/why", _TOOL["memoria_why"]),
    Route("POST", "/search", _TOOL["memoria_recall"]),
    Route("POST", "/search/batch", Tool("search_batch", rest_only.recall_many, "Search several times", writes=False)),
    Route("GET", "/tags", _TOOL["memoria_tags"]),
    Route("GET", "/stats", _TOOL["memoria_stats"]),
    Route("POST", "/relations", _TOOL["memoria_link"], 201),
    Route("DELETE", "/relations", _TOOL["memoria_unlink"]),
    Route("GET", "/path", _TOOL["memoria_path"]),
    Route("GET", "/sessions", _TOOL["memoria_work_status"]),
    Route("POST", "/sessions", _TOOL["memoria_work_start"], 201),
    Route("GET", "/sessions/report", _TOOL["memoria_work_report"]),
    Route("POST", "/sessions/{session_id}/pause", _TOOL["memoria_work_pause"]),
    Route("POST", "/sessions/{session_id}/resume", _TOOL["memoria_work_resume"]),
    Route("POST", "/sessions/{session_id}/stop", _TOOL["memoria_work_stop"]),
    Route("POST", "/sessions/{session_id}/notes", _TOOL["memoria_work_note"]),
    Route("GET", "/history", _TOOL["memoria_history"]),
    Route("POST", "/undo", _TOOL["memoria_undo"]),
)


def router(door: Door, *, tokens: bool) -> APIRouter:
    """All routes; `tokens`: whether they are told to want one."""
    made = APIRouter(prefix=PREFIX, dependencies=[*documented_tokens(tokens), Depends(require_json)])
    for route in ROUTES:
        made.add_api_route(
            route.path,
            _endpoint(route, door),
            methods=[route.method],
            status_code=route.status,
            response_model=inspect.signature(route.tool.act, eval_str=True).return_annotation,
            operation_id=route.tool.name.removeprefix("memoria_"),
            summary=route.tool.title,
            description=" ".join(inspect.cleandoc(route.tool.act.__doc__ or "").split()),
            tags=[route.path.split("/")[1]],
            responses={"4XX": PROBLEM, "5XX": PROBLEM},
        )
    return made


def in_routes(text: str) -> str:
    """A text of the program, with the route of each tool in the place of its name."""
    return _NAMES.sub(lambda found: _WHERE.get(found[0], found[0]), text)


async def refused(request: Request, error: Exception) -> Response:
    """The answer to what a service refuses."""
    status = next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)
    return problem(status, in_routes(error_line(error)))


_SAME = {"create_memory": "memoria_store", "read_memory": "memoria_get", "change_memory": "memoria_update"}
"""What does here what a tool does for agents."""
_WHERE = {_SAME.get(route.tool.name, route.tool.name): f"{route.method} {PREFIX}{route.path}" for route in ROUTES}
_NAMES = re.compile(r"\bmemoria_[a-z_]+\b")
_OWN_WORDS = ("undo", "note", "more")
"""What the program itself says in an answer."""


def _in_routes(answer: Any) -> Any:
    said = {name: text for name in _OWN_WORDS if isinstance(text := getattr(answer, name, None), str) and text}
    return replace(answer, **{name: in_routes(text) for name, text in said.items()}) if said else answer


def require_json(request: Request) -> None:
    """Refuses a body that is not said to be JSON. Raises HTTPException."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    sent = request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers
    if sent and request.method in ("POST", "PATCH") and kind != "application/json" and not kind.endswith("+json"):
        raise HTTPException(415, f"a body is JSON, not {kind or 'of no type'}: send «Content-Type: application/json»")


def documented_tokens(tokens: bool) -> list[params.Depends]:
    """What OpenAPI tells of access tokens; they are looked at before."""
    return [Depends(HTTPBearer(auto_error=False))] if tokens else []


def _endpoint(route: Route, door: Door) -> Any:
    """The function that FastAPI calls: it takes the tool's parameters, and calls the tool."""
    parameters = list(inspect.signature(route.tool.act, eval_str=True).parameters.values())[1:]
    path = set(re.findall(r"{(\w+)}", route.path))
    apart = [one for one in parameters if one.name in path or one.name == "if_match"]
    model = _model(route, [one for one in parameters if one not in apart])

    async def endpoint(request: Request, response: Response, given: BaseModel | None = None, **others: object) -> Any:
        arguments = {name: getattr(given, name) for name in given.model_fields_set} if given else {}
        arguments |= {name: none for name, none in route.null.items() if arguments.get(name, none) is None}
        actor, context = caller(request)
        answer = await door.call(route.tool, actor, {**others, **arguments}, context)
        if isinstance(answer, rest_only.Record):
            response.headers["etag"] = f'"{answer.version}"'
            known = rest_only.versions(request.headers.get("if-none-match", ""))
            if route.method == "GET" and known & {"*", answer.version}:
                return Response(status_code=304, headers=dict(response.headers))
            if route.status == HTTPStatus.CREATED:
                response.headers["location"] = f"{PREFIX}/memories/{answer.id}"
        return _in_routes(answer)

    either = inspect.Parameter.KEYWORD_ONLY
    signature = [inspect.Parameter(one.name, either, annotation=_apart(one)) for one in apart if one.name in path]
    signature += [
        inspect.Parameter(one.name, either, default=None, annotation=Annotated[str | None, Header()])
        for one in apart
        if one.name not in path
    ]
    if model is not None:
        if route.method in ("GET", "DELETE"):
            signature.append(inspect.Parameter("given", either, annotation=Annotated[model, Query()]))
        elif route.needs or any(one.is_required() for one in model.model_fields.values()):
            signature.append(inspect.Parameter("given", either, annotation=Annotated[model, Body()]))
        else:
            annotation: Any = Annotated[model | None, Body()]
            signature.append(inspect.Parameter("given", either, default=None, annotation=annotation))
    first = {"request": Request, "response": Response}
    signature += [inspect.Parameter(name, either, annotation=kind) for name, kind in first.items()]
    endpoint.__signature__ = inspect.Signature(signature)  # type: ignore[attr-defined]
    return endpoint


def _apart(parameter: inspect.Parameter) -> Any:
    """A parameter of a path, which is always given."""
    return str if parameter.default is not inspect.Parameter.empty else parameter.annotation


def _model(route: Route, parameters: Sequence[inspect.Parameter]) -> type[BaseModel] | None:
    fields: dict[str, Any] = {
        one.name: (one.annotation, ... if one.default is inspect.Parameter.empty else one.default) for one in parameters
    }
    name = "".join(map(str.title, route.tool.name.removeprefix("memoria_").split("_")))
    some = {"type": "array", "contains": {"pattern": r"\S"}}
    either: list[Any] = [{"required": [one], "properties": {one: some}} for one in route.needs]
    config = ConfigDict(extra="forbid", json_schema_extra={"anyOf": either} if either else None)
    return create_model(f"{name}Request", __config__=config, **fields) if fields else None
