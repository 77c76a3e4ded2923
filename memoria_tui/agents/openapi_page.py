"""A page that shows what OpenAPI says of the routes: text and a style, without scripts, and nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from starlette.responses import HTMLResponse

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em }
html { color-scheme: light dark }
summary { cursor: pointer; padding: .3em 0 } code, pre { font-family: ui-monospace, monospace; font-size: 13px }
pre { overflow-x: auto; padding: .7em; border: 1px solid #8884; border-radius: 4px } td { padding: 0 1.5em .2em 0 }
"""
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEADERS = {
    "content-security-policy": f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}

Described = Mapping[str, Any]


def documentation(api: Described) -> HTMLResponse:
    """The page of an OpenAPI document."""
    told = api["info"]
    ways = [(path, method, one) for path, methods in api["paths"].items() for method, one in methods.items()]
    head = f"<title>{escape(told['title'])}</title><style>{_STYLE}</style>"
    body = [
        f"<h1>{escape(told['title'])} {escape(told['version'])}</h1><p>{escape(told['description'])} As data: "
        '<a href="openapi.json">openapi.json</a>.</p>',
        *("".join(_operation(*way)) for way in ways),
        "<h2>Schemas</h2>",
        *(_shown(name, schema) for name, schema in api["components"]["schemas"].items()),
    ]
    return HTMLResponse(
        f'<!doctype html><html lang="en"><meta charset="utf-8">{head}{"".join(body)}</html>', headers=_HEADERS
    )


def _operation(path: str, method: str, one: Described) -> Iterator[str]:
    name = f"<code>{method.upper()} {escape(path)}</code> {escape(one.get('summary', ''))}"
    yield f"<details><summary>{name}</summary><p>{escape(one.get('description', ''))}</p><table>"
    for given in one.get("parameters", ()):
        needed = "required" if given.get("required") else ""
        cells = (given["name"], given["in"], needed, _type(given["schema"]), given.get("description", ""))
        yield f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"
    yield "</table>"
    for kind, content in one.get("requestBody", {}).get("content", {}).items():
        yield f"<p>Body, {escape(kind)}: {escape(_type(content.get('schema', {})))}</p>"
    for status, answer in one["responses"].items():
        types = [_type(content.get("schema", {})) for content in answer.get("content", {}).values()]
        yield f"<p>{escape(status)}: {escape(answer.get('description', ''))} {escape(', '.join(types))}</p>"
    yield "</details>"


def _type(schema: Described) -> str:
    """A schema in a word, or its name in the list of schemas."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema and "type" not in schema:
        return " or ".join(map(_type, schema["anyOf"]))
    inner = f" of {_type(schema['items'])}" if "items" in schema else ""
    return str(schema.get("type", "")) + inner


def _shown(name: str, schema: Described) -> str:
    return f"<details><summary>{escape(name)}</summary><pre>{escape(json.dumps(schema, indent=2))}</pre></details>"
