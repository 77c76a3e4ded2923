"""Texts that list what the code has name all of it: a row a text.

What stands in the code is made of what it lists, where that reads well. Here is what cannot be: the README, comments of
templates, help and what agents see, in words of their own.
"""

from __future__ import annotations

import inspect
import pkgutil
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from types import ModuleType
from typing import Any, get_type_hints

import pytest
from textual.binding import Binding

import memoria_tui
import services
from memoria_tui.agents import http, mcp, metrics, prompts
from memoria_tui.agents.tools import TOOLS
from memoria_tui.agents.tools.memories import store
from memoria_tui.agents.tools.relations import link
from memoria_tui.agents.tools.search import search
from memoria_tui.cli.connect import ClientName
from memoria_tui.cli.program import program
from memoria_tui.cli.work_status import FIELDS as PROMPT_FIELDS
from memoria_tui.dialogs.clients_and_projects import ClientsDialog
from memoria_tui.dialogs.timesheet import TimesheetDialog
from memoria_tui.keys.key_names import key_name
from memoria_tui.modes.graph.relations import SETTABLE as SETTABLE_ON_RELATIONS
from memoria_tui.modes.graph.screen import GraphScreen
from memoria_tui.modes.inbox.screen import SNOOZED
from memoria_tui.modes.memories.bulk_actions import SETTABLE
from memoria_tui.modes.registry import MODES
from memoria_tui.modes.summary.state import GROUPINGS
from memoria_tui.modes.work.screen import _ON_WHAT_RUNS, WorkScreen
from memoria_tui.terminal import clipboard
from memoria_tui.themes import THEMES
from memoria_tui.user_files.config import TEMPLATE
from memoria_tui.widgets.map_picture import View
from services import distinctive_words, secret_texts
from services.acting import Scope
from services.curation.curation_values import GroupBy
from services.curation.inbox import Finding
from services.curation.trust import LifetimeOf
from services.graph.graph_filter import PARTS
from services.integrity.checks import REPAIRABLE
from services.integrity.defects import Keep
from services.model import Facets, MemoryType, RelationType, SearchMode
from services.reembedding.reembed_values import SHARED_MODELS
from services.settings import LOG_LEVELS, SECRET_POLICIES, VARIABLES
from services.times import _AGO, ALLOWED
from services.transfer.import_outcome import Side
from services.transfer.reader_parts import FIELDS, READABLE_SOURCES
from services.transfer.readers import READERS
from services.transfer.time_writers import TimeFormat, time_formats
from services.transfer.writers.csv_table import COLUMNS
from services.work.billing_values import BUDGET_FORM, TERMS, RoundingPer, RoundingWay
from services.work.preferences import SETTINGS
from services.work.timesheet_formats import TimesheetFormat
from tests.benchmarks.__main__ import names as benchmarks


def worded(members: Iterable[object], words: Mapping[Any, str]) -> list[str]:
    """The words for all members; for one that has none, something that no text says."""
    return [words.get(one, f"{one}, for which there is no word here") for one in members]


README = Path("README.md").read_text("utf-8")
EXAMPLE = Path("docker/.env.example").read_text("utf-8")
MAP = Path("CONTRIBUTING.md").read_text("utf-8").partition("## The map")[2].partition("\n## ")[0]
COMMANDS: Any = program()
"""Of click, by their names."""
FINDINGS = {
    Finding.SECRET: "secrets",
    Finding.CONTRADICTS: "contradictions",
    Finding.DUPLICATE: "duplicates",
    Finding.CHANGED: "changes",
    Finding.EXPIRES: "expiry",
    Finding.NOTHING: "all the rest",
}
COUNTED = {"types": "type", "tags": "tag", "projects": "project", "dates": "age"}
SEARCHED_BY = {
    "memory_type": "type",
    "tags": "tags",
    "project": "project",
    "importance_min": "importance",
    "date_from": "date",
    "date_to": "date",
    "text_match": "words",
}
PAGES = ("agent", "query", "limit", "sort_by", "compact", "offset", "cursor")
"""Parameters of a search that choose nothing."""
SET = {
    "importance": "importance",
    "project": "project",
    "type": "type",
    "no project": "remove the project",
    "expiry": "expiry",
    "confidence": "confidence",
    "pin": "a pin",
    "no pin": "a pin",
}
SETTINGS_OF_WORK = {
    "default_client": "client",
    "default_project": "project",
    "work_day_hours": "a day",
    "work_week_hours": "week",
    "holidays": "holidays",
    "absences": "absences",
    "auto_session_memory": "memory",
}
PROGRAMS = ("memory-server", "mcp-memory-service", "mem0", "slack", "basic-memory", "claude-code")
SOURCES = {one.name: "a time tracker" for one in READERS if " session" in one.kept}
SOURCES |= dict.fromkeys(PROGRAMS, "another program with memories")
SOURCES |= {"memoria-tui": "this program", "mcp-memoria": "MCP Memoria", "chatgpt": "ChatGPT", "claude": "Claude"}
SOURCES |= {"zip": "an export", "unpacked": "a folder of it", "json": "JSON, JSON lines", "csv": "CSV"}
SOURCES |= {"markdown": "Markdown or text"}
TRACKERS = [one.name.removeprefix("i") for one in READERS if " session" in one.kept]
PLAIN_TOOLS = [f"`{one.name}`" for one in TOOLS if not one.name.startswith("memoria_")]
RESOURCES = re.findall(r'\.resource\("([^"]+)"', inspect.getsource(mcp))
PROMPTS = [name for name, one in vars(prompts).items() if inspect.isfunction(one)]
CHOOSING = [name for name in inspect.signature(search).parameters if name not in PAGES]
OF_IMPORTS = {one.opts[0] for one in COMMANDS.commands["import"].params}
OF_SYNC = [one.opts[0] for one in COMMANDS.commands["sync"].commands["add"].params if one.opts[0] in OF_IMPORTS]
SET_ON_RELATIONS = [word for one in SETTABLE_ON_RELATIONS for word in one.label.plain.split(" or ")]
FAMILIES = {"key": "key", "token": "token", "password": "password", "card": "card", "IBAN": "account", "secret": ""}
KINDS = {next((one for one in FAMILIES if one in rule.kind), rule.kind) for rule in secret_texts._RULES}
SECRETS = worded(KINDS, FAMILIES)
ROUTES = {one.replace("{HEALTH}", "/health") for one in re.findall(r'Route\(\s*f?"([^"]+)"', inspect.getsource(http))}
METRICS = re.findall(r'"(memoria_\w+)"', inspect.getsource(metrics))
MEASURED = {
    "memoria_requests": "requests",
    "memoria_request_seconds": "their times",
    "memoria_requests_under_way": "requests",
    "memoria_calls_working": "calls",
    "memoria_calls_waiting": "wait",
    "memoria_calls_writing": "calls that write",
    "memoria_database_connections": "connections",
    "memoria_memories_pending": "memories that wait",
    "memoria_store_up": "stores",
}
AGO = {"years": "1y", "months": "6mo", "weeks": "2w", "days": "3d", "hours": "3h", "minutes": "", "seconds": ""}
EXTRAS = tomllib.loads(Path("pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
OF_CSV = {"id": "ids", "type": "types", "content": "texts", "tags": "tags", "project": "projects"}
OF_CSV |= {"importance": "importance", "access_count": "uses", "metadata": "metadata"}
OF_CSV |= dict.fromkeys(("created_at", "updated_at", "accessed_at"), "dates")
WORKED = [one for one in WorkScreen.BINDINGS if isinstance(one, Binding)]
RUNS = {*_ON_WHAT_RUNS, "pause"}
GROUPS = ("trash", "sync", "token", "tags", "projects")
"""Whose help lists their commands."""
SAME = {"ids", "query", "dry_run", "yes", "as_json"}
SET_BY_COMMAND = [one.opts[0].strip("-") for one in COMMANDS.commands["set"].params if one.name not in SAME]


def help_of(command: str, option: str = "") -> str:
    """That of a command, «work status», or of one of its options."""
    found = COMMANDS
    for word in command.split():
        found = found.commands[word]
    help_: str = next(one.help for one in found.params if one.name == option) if option else found.help
    return help_


def tooltip(owner: Any, id_: str) -> str:
    text: str = next(one.tooltip for one in owner.BINDINGS if one.id == id_)
    return text


def described(parameter: str) -> str:
    """What agents see of a parameter of `memoria_store`."""
    of: Any = get_type_hints(store, include_extras=True)[parameter]
    text: str = of.__metadata__[0].description
    return text


def row(where: str) -> str:
    """What the table of keys in the README says of a place."""
    (line,) = re.findall(rf"^\| {where} \|.*$", README, re.MULTILINE)
    return str(line)


def folders(package: ModuleType) -> list[str]:
    return [one.name for one in pkgutil.iter_modules(package.__path__) if one.ispkg]


TEXTS: Sequence[tuple[str, str, str, Iterable[object]]] = [
    # in the README: the command line
    (README, "# what agents and imports wrote", "\n", [one for one in GroupBy if one is not GroupBy.SESSION]),
    (README, "memoria-tui stats ", "\n", worded([one.name for one in fields(Facets)], COUNTED)),
    (README, "a rule: memories of", "expire", LifetimeOf),
    (README, "memoria-tui import toggl.csv", "twice", TRACKERS),
    (README, "work export acme.ics", "\n", time_formats()),
    (README, "work timesheet -c", "\n", [one.suffix for one in TimesheetFormat]),
    (README, "repair uneven --keep", "\n", [one for one in Keep if one is not Keep.STORED]),
    (README, "memoria-tui connect claude-code  ", "```", ClientName),
    (README, "`--map content=said` (or", "a field of JSON", [f"`{one}`" for one in FIELDS if one != "content"]),
    (README, "`memoria-tui sync add FOLDER` (or a file;", "as of an import", OF_SYNC),
    # in the README: keys
    *((row("everywhere"), "", "", [f"`{one.key}` {one.title}"]) for one in MODES),
    (row("Inbox"), "`o` group by", " · ", GroupBy),
    (row("Inbox"), "finding (", ")", worded(Finding, FINDINGS)),
    (row("Memories"), "`=` set", " · ", worded([one.value for one in SETTABLE], SET)),
    (row("Graph"), "`f`", " · ", PARTS.values()),
    (row("Graph"), "`=` set", " · ", SET_ON_RELATIONS),
    (row("Map of the Graph"), "`0`", " · ", View),
    (row("Work"), "`P`", " · ", worded(SETTINGS, SETTINGS_OF_WORK)),
    (README, "In Work, ", " act on", {f"`{key_name(one.key)}`" for one in WORKED if one.action in RUNS}),
    (row("Summary"), "`o` by", " · ", GROUPINGS),
    (row("Clients.*?"), "`P`", " · ", [one.name for one in TERMS]),
    (row("Timesheet.*?"), "`P`", " · ", [one.name for one in TERMS]),
    (README, "What is copied goes to", " where there", [one.command[0] for _, one in clipboard._KNOWN]),
    # in the README: settings, agents, what comes from elsewhere
    (README, "# mode: ", "\n", SearchMode),
    (README, "| `MEMORIA_SECRETS` |", "\n", SECRET_POLICIES),
    (README, "The client says how time is rounded", "Amounts", [*RoundingWay, *RoundingPer]),
    (README, "A budget, in hours", "is warned", [f"`{one}`" for one in re.split(", or |, ", BUDGET_FORM)]),
    (README, "mask the secrets in its text, and keep it · ", " (", [f"`z` snooze {SNOOZED}"]),
    (README, "| `--scope` | may |", "\n\n", [f"| `{one}` |" for one in Scope]),
    (README, "are resources; ", "are prompts", PROMPTS),
    (README, "Errors are", "without a prefix", PLAIN_TOOLS),
    (README, "know only these. ", "are resources", RESOURCES),
    (README, "## Agents", "## With MCP Memoria", ROUTES),
    (README, "`/metrics` tells Prometheus of", "of all workers", worded(METRICS, MEASURED)),
    (README, "bullets, articles (", "quotes", ["a,", *distinctive_words._SAY_NOTHING]),
    (README, "| `MEMORIA_SECRETS` |", "\n", SECRETS),
    (README, "memoria-tui repair secrets", "\n", SECRETS),
    (README, "| `relationships` |", "\n", [f"`{one}`" for one in RelationType]),
    (README, "and by `x` in Work (", ")", [one for one in TimeFormat if one not in time_formats().values()]),
    (README, "| a row a memory; tags and metadata as JSON |", "|", worded(COLUMNS, OF_CSV)),
    (README, "folded (piped: whole", "side stands", [f"`--take {one}`" for one in Side]),
    (README, "the dimensions of the model: ", "|", SHARED_MODELS),
    (README, "tests.benchmarks NAME", "```", benchmarks()),
    (README, "| `since:last-week`", "\n", worded(_AGO.groupindex, AGO)),
    (ALLOWED, "", "", worded(_AGO.groupindex, AGO)),
    (README, "## How it is built", "services/  ", [f"{one}/" for one in folders(memoria_tui)]),
    (README, "services/      what", "sql/", [f"{one}/" for one in folders(services)]),
    (README, "", "", [f"memoria-tui[{one}]" for one in EXTRAS if one != "dev"]),
    # in templates and CONTRIBUTING
    (README, "theme = ", "any of Textual's", [one.name for one in THEMES]),
    (TEMPLATE, "theme = ", "any of Textual's", [one.name for one in THEMES]),
    (README, 'mode = "work"', "editor", [one.name for one in MODES]),
    (TEMPLATE, "mode = ", "editor", [one.name for one in MODES]),
    (EXAMPLE, "texts that are written: ", "\n", SECRET_POLICIES),
    (EXAMPLE, "CHUNK_OVERLAP=50", "texts that are written", SECRETS),
    (EXAMPLE, "written to the log: ", "\n", LOG_LEVELS),
    (MAP, "", "", [f"memoria_tui/{one}/" for one in folders(memoria_tui)]),
    (MAP, "", "", [f"{one}/`" for one in folders(services)]),
    # help
    *((help_of(one), ":", ".", COMMANDS.commands[one].commands) for one in GROUPS),
    (help_of("stats"), "memories by", ";", COUNTED.values()),
    (help_of("lifetimes"), "memories of", "expire", LifetimeOf),
    (help_of("set"), "Set", "of memories", SET_BY_COMMAND),
    (help_of("repair", "keep"), "", "", Keep),
    (help_of("repair"), "", "", SECRETS),
    (help_of("repair"), "", "", [f"{one} ({one.title})" for one in REPAIRABLE]),
    (help_of("import", "sides"), "", "", Side),
    (help_of("work status", "template"), "", "", PROMPT_FIELDS),
    (help_of("work clients terms"), ":", "", [one.name for one in TERMS]),
    (help_of("work projects terms"), ":", "", [one.name for one in TERMS if not one.of_clients]),
    (help_of("work clients terms", "rounding"), "", "", [*RoundingWay, *RoundingPer]),
    (help_of("token create", "scope"), "", "", [one for one in Scope if one is not Scope.READ]),
    (tooltip(GraphScreen, "graph.set"), "", "", SET_ON_RELATIONS),
    (tooltip(ClientsDialog, "clients.terms"), "", "", [one.name for one in TERMS]),
    (tooltip(TimesheetDialog, "timesheet.terms"), "", "", [one.name for one in TERMS]),
    # what screens say
    (secret_texts.SOUGHT, "", "", SECRETS),
    (READABLE_SOURCES, "", "", worded([one.name for one in READERS], SOURCES)),
    # what agents see
    (described("memory_type"), "", "", [f"{one}:" for one in MemoryType]),
    (str(link.__doc__), "what", "Related", [one.label for one in RelationType if one is not RelationType.RELATED]),
    (str(search.__doc__), "memories by", "Without", worded(CHOOSING, SEARCHED_BY)),
]


_BEGINS = r"(?:(?<!\w)(?=\w)|(?=\W))"
"""Not within a word: no «ask» in «mask»."""


@pytest.mark.parametrize(
    ("text", "begins", "ends", "members"),
    TEXTS,
    ids=[f"{place} {row[1] or row[0].split('.')[0]}" for place, row in enumerate(TEXTS)],
)
def test_a_text_names_all_that_it_lists(text: str, begins: str, ends: str, members: Iterable[object]) -> None:
    assert not begins or text.count(begins) == 1
    said = text.partition(begins)[2] if begins else text
    said = " ".join((said.partition(ends)[0] if ends else said).split()).lower()
    names = [str(one) for one in members]
    assert names
    assert [name for name in names if not re.search(_BEGINS + re.escape(name.lower()), said)] == []


def test_every_command_is_in_the_readme() -> None:
    assert [name for name in COMMANDS.commands if not re.search(rf"[ `]{name}[ `]", README)] == []


def sources() -> str:
    """All of the program that speaks of its own commands and options."""
    files = [*Path("memoria_tui").rglob("*.py"), *Path("services").rglob("*.py")]
    others = {"clipboard.py", "embedded.py"}
    return README + "".join(file.read_text("utf-8") for file in files if file.name not in others)


def all_options(command: Any = COMMANDS) -> set[str]:
    below = getattr(command, "commands", {}).values()
    own = {name for one in command.params for name in (*one.opts, *one.secondary_opts)}
    return own.union(*map(all_options, below))


def test_texts_speak_of_commands_options_settings_and_tools_that_there_are() -> None:
    text = sources()
    foreign = Path("docker/start.sh").read_text("utf-8") + Path("tests/benchmarks/locomo.py").read_text("utf-8")
    options = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text)) - all_options() - {"--help"}
    assert [one for one in sorted(options) if one not in foreign] == []
    assert set(re.findall(r"(?:`|: |^)memoria-tui ([a-z]+)", text, re.MULTILINE)) - COMMANDS.commands.keys() == {
        "offers"
    }
    settings = set(re.findall(r"\bMEMORIA_[A-Z_]*[A-Z]\b", text.removeprefix(README)))
    assert settings - set(VARIABLES.values()) == {"MEMORIA_JSONL"}
    files = [one for one in Path("memoria_tui/agents").rglob("*.py") if one.name != "metrics.py"]
    named = {one for file in files for one in re.findall(r"\bmemoria_[a-z_]+\b", file.read_text("utf-8"))}
    assert named - {one.name for one in TOOLS} == {"memoria_tui", "memoria_json"}
