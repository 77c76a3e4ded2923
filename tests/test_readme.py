"""What the README says about the stack, the settings and the keys is so."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from textual.binding import Binding
from textual.dom import DOMNode

from memoria_tui.agents.tools import TOOLS
from memoria_tui.app import MemoriaApp
from memoria_tui.cli.health import doctor
from memoria_tui.cli.memories import list_memories
from memoria_tui.dialogs.clients_and_projects import ClientsDialog
from memoria_tui.dialogs.duplicates import DuplicatesDialog
from memoria_tui.dialogs.tags_and_projects import NamesDialog
from memoria_tui.dialogs.timesheet import TimesheetDialog
from memoria_tui.dialogs.week import WeekDialog
from memoria_tui.keys.key_names import key_name
from memoria_tui.modes.graph.screen import GraphScreen
from memoria_tui.modes.health.screen import HealthScreen
from memoria_tui.modes.inbox.screen import InboxScreen
from memoria_tui.modes.memories.screen import MemoriesScreen
from memoria_tui.modes.summary.screen import SummaryScreen
from memoria_tui.modes.work.screen import WorkScreen
from memoria_tui.widgets.preview import Preview
from memoria_tui.widgets.relation_map import RelationMap
from services import secret_texts
from services.model import DaemonStatus, Memory, MemoryType, SessionCategory, SessionStatus, SortKey, WorkSession
from services.records.status_file import _line
from services.search.filters import keeps_shown
from services.search.query import operators, parse_query
from services.settings import VARIABLES, load_settings, meanings
from services.transfer.reader_parts import READABLE_SOURCES
from services.transfer.readers import READERS
from services.transfer.time_writers import TimeFormat
from services.transfer.writers import Format
from tests.docker.stack import CENTRAL, DOCKER, compose
from tests.services.test_readers import only, read
from tests.tui.test_key_map import MEANINGS, keyed

ROOT = DOCKER.parent
README = (ROOT / "README.md").read_text("utf-8")
LIBPQ = {
    "server does not support SSL, but SSL was required",
    "unsupported startup parameter",
    "too many clients already",
}
"""Messages that are handed on as PostgreSQL, libpq or PgBouncer word them."""


def section(title: str) -> str:
    """Text below a headline, up to the next one of its kind."""
    return README.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def test_messages_that_are_explained_are_said_somewhere() -> None:
    rows = section("The central stack").partition("**When it says …**")[2].splitlines()
    messages = [cell for row in rows if row.startswith("| `") for cell in re.findall(r"`([^`]+)`", row.split(" | ")[0])]
    folders = (ROOT / "services", ROOT / "memoria_tui" / "command_server")
    sources = [*(file for folder in folders for file in folder.rglob("*.py")), DOCKER / "start.sh"]
    said = "\n".join(path.read_text("utf-8") for path in sources)
    explained = [message for message in messages if message not in LIBPQ and not docker_says(message)]
    assert len(explained) > 15
    assert [message for message in explained if not all(part.strip() in said for part in message.split("…"))] == []


def docker_says(message: str) -> bool:
    return any(row.startswith(f"| `{message}` (Docker)") for row in README.splitlines())


def test_every_setting_of_the_program_is_in_the_table() -> None:
    rows = [row.split(" | ")[0] for row in section("Configuration").splitlines() if row.startswith("| `")]
    assert set(re.findall(r"`([A-Z_]+)`", " ".join(rows))) == set(VARIABLES.values())


def test_what_can_be_imported_is_named() -> None:
    assert READABLE_SOURCES in " ".join(section("Importing").split())


def test_every_format_that_can_be_read_is_in_the_table_with_what_is_kept_and_lost() -> None:
    rows = [row.strip("| ").split(" | ") for row in section("Importing").splitlines() if row.startswith("| `")][1:]
    assert rows == [[f"`{one.name}`", one.what, one.kept, one.lost] for one in READERS]


_TAGS: Mapping[str, Sequence[tuple[str, object, Sequence[str]]]] = {
    "- **Tags** lose their `#`;": [
        ("a.md", '---\ntags: "#port"\n---\nText', ["port"]),
        ("a.json", ["#port"], ["port"]),
    ],
    "in a note a text of them (`tags: two words`) is divided at commas and blanks, as Obsidian does;": [
        ("a.md", "---\ntags: two words, port\n---\nText", ["two", "words", "port"])
    ],
    'an item of a list (`- "wild life"`), and a text elsewhere, at commas,': [
        ("a.md", '---\ntags:\n- "wild life"\n- "in port, out"\n---\nText', ["wild life", "in port", "out"]),
        ("a.json", ["wild life", "in port, out"], ["wild life", "in port", "out"]),
        ("a.json", "wild life, port", ["wild life", "port"]),
    ],
    "and at blanks where each word begins with `#`.": [
        ("a.md", '---\ntags:\n- "#wild #life"\n---\nText', ["wild", "life"]),
        ("a.json", "#wild #life", ["wild", "life"]),
    ],
}
"""What is said of tags, each with files or values of `tags` in JSON, and the tags of their memory."""


def test_imports_divide_tags_as_it_is_said(tmp_path: Path) -> None:
    assert " ".join(_TAGS) in " ".join(section("Importing").split())
    for name, given, expected in (row for rows in _TAGS.values() for row in rows):
        text = given if name == "a.md" else [{"content": "Text", "tags": given}]
        assert only(read(tmp_path / name, text)).payload["tags"] == expected, given


def test_every_format_that_can_be_written_is_in_the_table_with_what_it_loses() -> None:
    rows = [row.strip("| ").split(" | ") for row in section("Exporting").splitlines() if row.startswith("| `")][1:]
    assert [(row[0], row[3]) for row in rows] == [(f"`{one}`", one.writer.lost or "nothing") for one in Format]


def test_every_format_of_time_trackers_that_can_be_written_is_in_the_table() -> None:
    lines = section("Work time for other programs").splitlines()
    rows = [line.strip("| ").split(" | ") for line in lines if line.startswith("| `")][1:]
    assert rows == [[f"`{one}`", f"`{one.suffix}`", one.writer.kept, one.writer.lost] for one in TimeFormat]


def test_ports_volumes_and_files_of_the_stack_exist() -> None:
    text, central = section("The central stack"), compose(CENTRAL)
    ports = {port.rpartition(":")[2] for service in central["services"].values() for port in service["ports"]}
    assert all(port in text for port in ports)
    assert {volume["name"] for volume in central["volumes"].values()} >= set(re.findall(r"memoria-\w+-data", text))
    named = set(re.findall(r"(?<![\w./])(docker/[\w.-]+)", text)) - {"docker/.env"}
    assert all(Path(ROOT, name).exists() for name in named)
    variables = set(re.findall(r"\b((?:MEMORIA|QDRANT|POSTGRES|PGBOUNCER|OLLAMA)_[A-Z_]+)\b", text))
    assert variables <= set(re.findall(r"[A-Z][A-Z_]+", (DOCKER / ".env.example").read_text("utf-8")))


DEFAULTS_IN_WORDS = {
    "MEMORIA_HOME": "the platform's data folder",
    "MEMORIA_TIMEZONE": "the system's",
    "MEMORIA_WRITER_TIMEZONE": "as the work sessions show, else yours",
    "MEMORIA_ACTOR": "your user name",
    "MEMORIA_LOG_FILE": "`memoria-tui.log` in `MEMORIA_HOME`",
}
"""What depends on the machine."""
SAMPLES = {"MEMORIA_QDRANT_HOST", "MEMORIA_DATABASE_URL", "MEMORIA_OLLAMA_HOST"}
"""Where `.env.example` shows what a value looks like: they have no default."""


def is_default(text: str, variable: str) -> bool:
    """Whether the text says what the program takes where nothing is set, «8» for 8.0 too."""
    (name,) = [name for name, one in VARIABLES.items() if one == variable]
    value = getattr(load_settings({}), name)
    if isinstance(value, float):
        return float(text) == value
    return text.strip("`") == (
        "unset" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    )


def test_defaults_in_the_table_are_those_of_the_program() -> None:
    rows = [row.strip("| ").split(" | ")[:2] for row in section("Configuration").splitlines() if row.startswith("| `")]
    shown: dict[str, str] = {}
    for names, defaults in rows:
        variables = re.findall(r"`(\w+)`", names)
        shown |= zip(variables, defaults.split(", ") if len(variables) > 1 else [defaults], strict=True)
    words = {variable: text for variable, text in shown.items() if not is_default(text, variable)}
    assert words == DEFAULTS_IN_WORDS


def test_the_meanings_of_variables_in_the_manual_begin_those_in_the_table() -> None:
    rows = [row.strip("| ").split(" | ") for row in section("Configuration").splitlines() if row.startswith("| `")]
    table = {tuple(re.findall(r"`(\w+)`", names)): meaning.replace("`", "") for names, _, meaning in rows}
    manual = {tuple(names): meaning for names, meaning in meanings()}
    assert manual.keys() == table.keys()
    assert all(table[names].startswith(meaning) for names, meaning in manual.items())


def test_defaults_in_the_example_of_the_stack_are_those_of_the_program() -> None:
    example = dict(re.findall(r"^#(\w+)=(.*)$", (DOCKER / ".env.example").read_text("utf-8"), re.MULTILINE))
    shown = {variable: example[variable] or "unset" for variable in VARIABLES.values()}
    other = {variable for variable, text in shown.items() if not is_default(text, variable)}
    assert other - {variable for variable in DEFAULTS_IN_WORDS if shown[variable] == "unset"} == SAMPLES
    assert all(is_default("unset", variable) for variable in SAMPLES)


def test_every_operator_is_in_the_table_of_operators_and_every_example_there_can_be_typed() -> None:
    rows = [row for row in section("Use").partition("| operator |")[2].splitlines() if row.startswith("| `")]
    text = " ".join(rows)
    examples = re.findall(r"`([^`]+)`", " ".join(row.split(" | ")[0] for row in rows))
    assert {example.partition(":")[0] for example in examples if ":" in example} == {one.name for one in operators()}
    memory = Memory("id", MemoryType.SEMANTIC, "text")
    for operator in operators():
        if operator.name == "sort":
            assert all(f"`{value}`" in text or f"`sort:{value}`" in text for value in operator.values or ())
        if operator.name in ("has", "is"):
            assert all(f"`{operator.name}:{value}`" in text for value in operator.values or ())
    for example in examples:
        query = parse_query(example, now=datetime.now(UTC), week_begins=0)
        assert keeps_shown(query, memory) in (True, False), "its key is no field of a memory"


def test_the_help_of_list_names_every_order_that_is_not_its_own() -> None:
    others = [key.word for key in SortKey if key not in (SortKey.RELEVANCE, SortKey.CREATED)]
    assert all(f"sort:{word}" in str(list_memories.__doc__) for word in others)


def test_every_tool_of_agents_is_in_the_table() -> None:
    (table,) = re.findall(r"^\| tools `memoria_…` .*\n\|.*\n((?:\|.*\n)+)", README, re.MULTILINE)
    named = {f"memoria_{name}" for row in table.splitlines() for name in re.findall(r"`(\w+)`", row.split(" | ")[0])}
    assert named == {tool.name for tool in TOOLS if tool.name.startswith("memoria_")}


def test_what_is_said_of_the_doctor_is_what_it_looks_at() -> None:
    words = {"pid": "process", "release": "version", "age": "age", "memory": "memory", "clients": "programs"}
    *facts, last = (words[name] for name in DaemonStatus.__slots__)
    said = " ".join(README.split())
    assert f"`memoria-tui doctor` names the daemon's {', '.join(facts)} and {last}, and the command server" in said
    sources = {
        "store.problems": "its exit status is 1 when a store does not work",
        "services.health.problems": "what is wrong with what they hold",
        "services.daily_backups.problem": "`doctor` says why one was not made",
        "problems_of": "each is told in one line: all of it by `doctor`",
    }
    assert all(sentence in said for sentence in sources.values())
    code = inspect.getsource(inspect.unwrap(doctor))
    given = re.findall(r"^ +problems \+?= (.*)$", code, re.MULTILINE)
    assert len(given) == len(sources)
    assert all(any(source in one for one in given) for source in sources)


def test_every_kind_of_secret_is_one_that_is_said_to_be_found() -> None:
    (listed,) = re.findall(r"list memories whose text has a (.*?), by known beginnings", README)
    words, kinds = re.split(", | or ", listed), [rule.kind for rule in secret_texts._RULES]
    assert [word for word in words if not any(word in kind for kind in kinds)] == []
    assert [kind for kind in kinds if kind != "secret" and not any(word in kind for word in words)] == []


def test_tables_are_not_broken_by_a_bar_in_a_cell() -> None:
    for table in re.findall(r"(?:^\|.*\n)+", README, re.MULTILINE):
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()}) == 1, table


ARROWS = ("up", "down", "left", "right")
ELSEWHERE = {"enter", "space", "esc", "=", "l", "L", "Z", "shift", "$EDITOR", "is:unreviewed"}
"""What rows name that is a key of a list there, of what it opens or of the screen around it, or no key."""


def table_row(where: str) -> str:
    """What the table of keys says of a place."""
    (row,) = [line for line in section("Keys").splitlines() if line.startswith(f"| {where} |")]
    return row


@pytest.mark.parametrize(
    ("where", "owner"),
    [
        ("everywhere", MemoriaApp),
        ("Memories", MemoriesScreen),
        ("A text that is read", Preview),
        ("Inbox", InboxScreen),
        ("Graph", GraphScreen),
        ("Map of the Graph", RelationMap),
        ("Work", WorkScreen),
        ("Week (`v` in Work)", WeekDialog),
        ("Timesheet (`$` in Work and Summary)", TimesheetDialog),
        ("Clients (`c` in Work)", ClientsDialog),
        ("Duplicates (`M` in Memories, Health)", DuplicatesDialog),
        ("Tags and projects (`#` in Memories)", NamesDialog),
        ("Summary", SummaryScreen),
        ("Health", HealthScreen),
    ],
)
def test_the_table_has_the_keys_that_there_are(where: str, owner: type[DOMNode]) -> None:
    shown = set(re.findall(r"`([^`]+)`", table_row(where).split(" | ")[1].replace(r"\|", "|")))
    keys = {
        key_name(key)
        for node in owner.__mro__
        for one in vars(node).get("BINDINGS", ())
        if isinstance(one, Binding) and node.__module__.startswith("memoria_tui.")
        for key in one.key.split(",")
    }
    own = {key_name(key) for one in owner.BINDINGS if isinstance(one, Binding) for key in one.key.split(",")}
    if "arrows" in table_row(where):
        own -= {"j", "k", *(key_name(f"{shift}{arrow}") for shift in ("", "shift+") for arrow in ARROWS)}
    assert own <= shown
    assert shown - keys <= ELSEWHERE, "those of the lists in it, and what is no key"


def test_a_key_of_all_modes_means_what_the_table_says() -> None:
    table = section("Keys").partition("| key | meaning |")[2].partition("\n\n")[0]
    rows = [row.strip("| ").split(" | ") for row in table.splitlines() if " · " in row]
    said = [pair for keys, words in rows for pair in zip(re.findall("`(.+?)`", keys), words.split(" · "), strict=True)]
    ids = {key_name(key): found for key, found in keyed().items()}
    for key, words in said:
        names = [re.split("[,;:]", meaning)[0] for meaning, group in MEANINGS.items() if ids[key] & set(group)]
        assert not names or any(name in words.lower() for name in names), key


def test_a_prompt_reads_the_columns_that_the_file_for_prompts_has() -> None:
    (names,) = re.findall(r"read -r (.*?) 2>", README)
    now = datetime(2026, 11, 30, tzinfo=UTC)
    line = _line(WorkSession("id", "fix login", SessionCategory.CODING, SessionStatus.ACTIVE, now), now)
    assert len(names.split()) == len(line.split("\t"))


def test_which_keys_take_marked_memories_is_said_as_it_is() -> None:
    bound = {one.id: one for one in MemoriesScreen.BINDINGS if isinstance(one, Binding)}
    actions = {id_: getattr(MemoriesScreen, f"action_{one.action}", None) for id_, one in bound.items()}
    code = {id_: inspect.getsource(inspect.unwrap(action)) for id_, action in actions.items() if action is not None}
    acts = {id_ for id_, source in code.items() if "_targets()" in source} - {"memories.merge", "memories.supersede"}
    opens = {id_ for id_, source in code.items() if "current" in source and "_targets()" not in source}
    told = [keys.split() for keys, _ in MemoriesScreen.HELP_RULES[:2]]
    assert [set(ids) for ids in told] == [opens | {"memories.read"}, acts]
    for words, ids in zip(("What opens one memory (", "What acts ("), told, strict=True):
        keys = README.partition(words)[2].partition(")")[0]
        assert {key_name(bound[id_].key) for id_ in ids} == set(re.findall("`(.+?)`", keys))
