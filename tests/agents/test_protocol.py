"""What clients see of the tools, and what they get when something is wrong."""

from __future__ import annotations

import ast
import asyncio
import inspect
import json
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, MCPError
from mcp.types import INVALID_PARAMS, TextResourceContents, Tool

from memoria_tui.agents.mcp import server
from memoria_tui.agents.own_words import in_tools
from memoria_tui.agents.tool_calls import Door
from memoria_tui.agents.tools import TOOLS
from memoria_tui.cli.program import program
from services.container import Services
from services.errors import StoreInUse
from services.model import MemoryDraft
from tests.agents.world import World, text_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

UPSTREAM = """
store content* memory_type=episodic tags importance=0.5 project metadata
get memory_id*
recall query* memory_types limit=5 min_score=0.5 text_match compact=false hybrid=false date_from date_to
search query memory_type tags project importance_min limit=10 sort_by=relevance text_match compact=false \
date_from date_to
update memory_id* memory_type* content tags importance metadata
delete memory_ids memory_type filter_tags
consolidate similarity_threshold=0.9 forget_days=30 dry_run=true
export output_path* format=json memory_types include_vectors=false
import input_path* merge=true
stats
set_context project file
reflect query* style=synthesis depth=thorough memory_types llm_model
observe memory_type=semantic dry_run=true similarity_threshold=0.75 min_cluster_size=3 llm_model
link source_id* target_id* relation_type* weight=1.0
unlink source_id* target_id* relation_type
related memory_id* depth=1 relation_types direction=both
path from_id* to_id* max_depth=5
suggest_links memory_id* limit=5
work_start description* category=coding client project issue pr branch
work_stop session_id notes
work_status
work_pause session_id reason
work_resume session_id
work_note note* session_id
work_report period=month start_date end_date group_by client project category
"""
"""Tools of MCP Memoria with their arguments; `*` is required, what follows `=` is the default."""


@pytest.fixture(scope="module")
def listed() -> dict[str, Tool]:
    """The tools as a client lists them; no store is opened for that."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Services]:
        raise AssertionError("the stores were opened")
        yield

    async def tools() -> dict[str, Tool]:
        async with Client(server(Door(opened))) as client:
            return {tool.name: tool for tool in (await client.list_tools()).tools}

    return asyncio.run(tools())


def arguments(tool: Tool) -> dict[str, Any]:
    """Name and default of each argument; `...` where it is required."""
    schema = tool.input_schema
    required = schema.get("required", ())
    return {name: ... if name in required else one.get("default") for name, one in schema["properties"].items()}


@pytest.mark.parametrize("line", UPSTREAM.strip().splitlines())
async def test_each_tool_of_upstream_has_its_arguments_and_defaults(listed: Mapping[str, Tool], line: str) -> None:
    name, *words = line.split()
    wanted: dict[str, Any] = {}
    for word in words:
        argument, _, default = word.partition("=")
        if argument.endswith("*"):
            wanted[argument.rstrip("*")] = ...
        else:
            plain = default.replace(".", "").isdigit() or default in ("true", "false")
            wanted[argument] = json.loads(default) if plain else default or None
    ours = arguments(listed[f"memoria_{name}"])
    assert {key: ours[key] for key in wanted} == wanted
    assert ours.keys() - wanted.keys() <= {"offset", "cursor"}


async def test_every_tool_has_title_hints_and_schemas_that_every_client_understands(
    listed: Mapping[str, Tool],
) -> None:
    assert len(listed) == len(TOOLS) == 31
    for tool in listed.values():
        hints = tool.annotations
        assert tool.title
        assert tool.description
        assert hints is not None
        assert hints.open_world_hint is False
        assert not (hints.read_only_hint and hints.destructive_hint)
        assert tool.output_schema is not None
        assert tool.output_schema["type"] == "object"
        assert "$ref" not in json.dumps([tool.input_schema, tool.output_schema])
        assert "anyOf" not in json.dumps(tool.input_schema)
    read_only = {name for name, tool in listed.items() if tool.annotations and tool.annotations.read_only_hint}
    assert "memoria_recall" in read_only
    assert not read_only & {"memoria_store", "memoria_delete", "memoria_observe", "memoria_work_start"}
    assert {name for name, tool in listed.items() if tool.annotations and tool.annotations.destructive_hint} == {
        *("memoria_update", "memoria_delete", "memoria_consolidate", "memoria_unlink", "memoria_undo"),
    }


async def test_every_tool_is_a_function_over_the_services_that_knows_no_protocol() -> None:
    for tool in TOOLS:
        first, *_ = inspect.signature(tool.act).parameters
        assert first == "agent"
        assert inspect.iscoroutinefunction(tool.act)


@pytest.mark.parametrize(
    ("tool", "given", "said"),
    [
        ("memoria_recal", {}, "there is no tool 'memoria_recal'; do you mean memoria_recall?"),
        ("memoria_recall", {"qery": "x"}, "takes no 'qery'; do you mean query?"),
        ("memoria_recall", {}, "memoria_recall: query is missing"),
        ("memoria_recall", {"query": 3}, "query must be text"),
        ("memoria_recall", {"query": "x", "limit": 100_000}, "limit must be at most 100"),
        ("memoria_recall", {"query": "x", "limit": True}, "memoria_recall: limit must be a number"),
        ("memoria_recall", {"query": "x", "limit": 1.5}, "limit must be a whole number"),
        ("memoria_recall", {"query": "x", "memory_types": 3}, "memory_types must be a list"),
        ("memoria_recall", {"query": "  "}, "the query is empty"),
        ("memoria_recall", {"query": "x", "text_match": "x" * 50_001}, "a query of 50,001 characters is too long"),
        ("memoria_search", {"query": "x" * 50_001}, "a query of 50,001 characters is too long; at most 50,000"),
        ("memoria_store", {"content": "x", "memory_type": "eternal"}, "'episodic', 'semantic' or 'procedural'"),
        ("memoria_get", {"memory_id": "nonsense"}, "'nonsense' is no id; memoria_search shows those of memories"),
        ("memoria_get", {"memory_id": "\x00" * 5000}, "\\x00…' is no id"),
        ("memoria_link", {"source_id": "a", "target_id": "b", "relation_type": "hates"}, "relation_type"),
        ("memoria_work_start", {"description": " "}, "needs a description"),
    ],
)
async def test_a_wrong_call_is_refused_in_one_line(
    world: World, tool: str, given: dict[str, object], said: str
) -> None:
    line = await world.refused(tool, **given)
    assert said in line
    assert "\n" not in line
    assert "Traceback" not in line


async def test_no_text_for_agents_names_a_command_of_the_shell(listed: Mapping[str, Tool]) -> None:
    commands = re.compile(rf"memoria-tui (?:{'|'.join(program().commands)})\b")  # type: ignore[attr-defined]
    assert not commands.search(" ".join(one.model_dump_json() for one in listed.values()))
    services = (Path(__file__).parents[2] / "services").rglob("*.py")
    advice = [text for file in services for text in _texts(file) if re.search(r"[`(]memoria-tui |: memoria-tui ", text)]
    assert len(advice) > 25
    assert [text for text in advice if commands.search(in_tools(text))] == []
    assert in_tools("it is in use; close it first, or use: memoria-tui stop --force") == (
        "it is in use; close it first; a person can help, on the machine of the stores"
    )
    assert in_tools("it may have been deleted, `memoria-tui trash list` shows those") == "it may have been deleted"


def _texts(file: Path) -> Iterator[str]:
    """Those of a module, with X for what is put in."""
    tree = ast.parse(file.read_text("utf-8"))
    pieces = {id(one) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for one in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(one.value) if isinstance(one, ast.Constant) else "X" for one in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in pieces:
            yield node.value


async def test_null_stands_for_what_is_not_given(world: World) -> None:
    found = await world.call("memoria_search", query=None, tags=None, limit=None, sort_by=None)
    assert "hits" in found


async def test_a_tool_without_arguments_takes_what_clients_send_all_the_same(world: World) -> None:
    assert "sessions" in await world.call("memoria_work_status", random_string="x")


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_old_and_new_clients_are_served_and_named(world: World, mode: str) -> None:
    async with world.client("some client\n\x1b[31m", mode) as client:
        answer = await client.call_tool("memoria_store", {"content": f"Stored by a client of mode {mode}."})
    assert answer.structured_content
    assert json.loads(text_of(answer)) == answer.structured_content
    (change,) = await world.services.memories.history(answer.structured_content["id"])
    assert change.actor == "agent:some client \x1b[31m"


async def test_resources_are_the_text_of_a_memory_and_the_list_of_a_project(world: World) -> None:
    memory_id = await world.store("The text, whole.", project="two words/ü")
    async with world.client() as client:
        templates = (await client.list_resource_templates()).resource_templates
        assert {one.uri_template for one in templates} == {"memoria://memory/{id}", "memoria://project/{name}"}
        (memory,) = (await client.read_resource(f"memoria://memory/{memory_id}")).contents
        (project,) = (await client.read_resource("memoria://project/two%20words%2F%C3%BC")).contents
        for address, said in {"memory/ffffffff": "no memory", "project/none such": "project"}.items():
            with pytest.raises(MCPError, match=said):
                await client.read_resource(f"memoria://{address}")
    assert isinstance(memory, TextResourceContents)
    assert isinstance(project, TextResourceContents)
    assert memory.text == "The text, whole."
    assert [hit["id"] for hit in json.loads(project.text)["hits"]] == [memory_id]


async def test_every_number_has_an_end(listed: Mapping[str, Tool]) -> None:
    """What no store can count to is refused with words instead of a fault."""
    for name, tool in listed.items():
        for key, one in tool.input_schema["properties"].items():
            if one.get("type") in ("integer", "number"):
                assert {"maximum", "exclusiveMaximum"} & one.keys(), (name, key)


async def test_prompts_name_the_tools_that_there_are(world: World) -> None:
    async with world.client() as client:
        prompts = {one.name for one in (await client.list_prompts()).prompts}
        assert prompts == {"recall_at_start", "summary_at_end"}
        start = await client.get_prompt("recall_at_start", {"task": "mend it", "project": "pier"})
        end = await client.get_prompt("summary_at_end", {})
        for name, given, said in (
            ("none", {}, "there is no prompt 'none'"),
            (
                "recall_at_start",
                {"tsk": "x"},
                "recall_at_start takes no 'tsk'; do you mean task?; it takes task, project",
            ),
        ):
            with pytest.raises(MCPError) as raised:
                await client.get_prompt(name, given)
            assert raised.value.code == INVALID_PARAMS
            assert said in str(raised.value)
    text = "".join(str(message.content) for one in (start, end) for message in one.messages)
    assert '"mend it"' in text
    named = set(re.findall(r"memoria_\w+", text))
    assert len(named) > 5
    assert named <= {tool.name for tool in TOOLS}


async def test_a_write_goes_on_when_its_client_goes_away(world: World) -> None:
    begun, may_end = asyncio.Event(), asyncio.Event()
    create = world.services.memories.create

    @dataclass
    class Slow:
        """The memories, of which one waits in the middle of a write."""

        async def create(self, draft: MemoryDraft) -> object:
            begun.set()
            await may_end.wait()
            return await create(draft)

    class Seen:
        def __getattr__(self, name: str) -> object:
            return Slow() if name == "memories" else getattr(world.services, name)

    @asynccontextmanager
    async def opened() -> AsyncIterator[Any]:
        yield Seen()

    async def store() -> None:
        async with Client(server(Door(opened)), mode="legacy") as client:
            await client.call_tool("memoria_store", {"content": "Outlived its client."})

    call = asyncio.create_task(store())
    await begun.wait()
    call.cancel()
    asyncio.get_running_loop().call_later(0.1, may_end.set)
    await asyncio.wait([call])
    found = await world.call("memoria_recall", query="outlived its client")
    assert found["hits"][0]["title"] == "Outlived its client."


async def test_stores_that_cannot_be_opened_are_told_and_tried_again(world: World) -> None:
    attempts = 0

    @asynccontextmanager
    async def opened() -> AsyncIterator[Services]:
        nonlocal attempts
        attempts += 1
        if attempts == 1:
            raise StoreInUse("the store is in use by memoria-tui; close it there")
        yield world.services

    async with Client(server(Door(opened))) as client:
        refused = await client.call_tool("memoria_stats", {})
        answered = await client.call_tool("memoria_stats", {})
    assert refused.is_error
    assert text_of(refused) == "the store is in use by memoria-tui; close it there"
    assert not answered.is_error


async def test_a_bug_is_told_without_its_traceback_and_texts() -> None:
    @asynccontextmanager
    async def opened() -> AsyncIterator[Services]:
        raise KeyError("a secret text")
        yield

    async with Client(server(Door(opened))) as client:
        answer = await client.call_tool("memoria_stats", {})
    assert answer.is_error
    assert text_of(answer).startswith("this should not have happened: KeyError")
    assert "secret" not in text_of(answer)
