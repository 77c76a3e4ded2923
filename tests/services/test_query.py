"""What a person types in the search box becomes one `Query`, or an error that points at the place."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.adapters.collections import OWN_INDEXES
from services.errors import QuerySyntaxError
from services.model import MemoryType, Query, SearchMode, SortKey
from services.model.trust_keys import PINNED
from services.points import Between, DatedBetween, Matches, Missing
from services.search.query import in_quotes, operators, parse_query, quoted

ROME = ZoneInfo("Europe/Rome")
NOW = datetime(2026, 11, 20, 15, 30, tzinfo=ROME)  # a Friday
ID = "0f8fad5b-d9cb-469f-a165-70867728950e"

_OF_A_KEY = (Matches, Between, DatedBetween, Missing)


def parse(raw: str) -> Query:
    return parse_query(raw, now=NOW, week_begins=0)


def test_empty_text_lists_everything() -> None:
    assert parse("  ") == Query(raw="  ")
    assert not parse("").ranked


def test_every_operator_of_the_design_in_one_text() -> None:
    query = parse(
        "tokens type:semantic tag:auth -tag:old project:api since:last-week before:2026-10 importance:>0.7 "
        f'has:relations is:pending is:orphan "exact phrase" -word id:{ID[:6]} expire'
    )
    assert query.text == "tokens exact phrase expire"
    assert query.phrases == ("exact phrase",)
    assert query.excluded_words == ("word",)
    assert query.types == (MemoryType.SEMANTIC,)
    assert (query.tags, query.excluded_tags) == (("auth",), ("old",))
    assert query.projects == ("api",)
    assert query.since == datetime(2026, 11, 9, tzinfo=ROME)
    assert query.before == datetime(2026, 10, 1, tzinfo=ROME)
    assert query.min_importance is not None
    assert 0.7 < query.min_importance < 0.700001
    assert (query.flags, query.at) == ((("relations", True), ("pending", True), ("orphan", True)), NOW)
    assert query.id_prefixes == (ID[:6],)


def test_quoted_values_may_have_spaces_and_colons() -> None:
    query = parse('tag:"a b" -project:"old: api" tag:c')
    assert query.tags == ("a b", "c")
    assert query.excluded_projects == ("old: api",)
    assert query.text == ""


@pytest.mark.parametrize("name", ['the "old" pier', '"', 'say"x', '"a', 'a b"', "a b", "none", "plain"])
def test_each_name_is_asked_for_as_it_is_written_in_a_query(name: str) -> None:
    query = parse(f'-by:{quoted("by", name)} project:{quoted("project", name)} words tag:{in_quotes(name)} "a ""b"""')
    assert (query.excluded_authors, query.projects, query.tags) == ((name,), (name,), (name,))
    assert (query.text, query.phrases) == ('words a "b"', ('a "b"',))


def test_a_minus_turns_conditions_around() -> None:
    query = parse('-type:episodic -has:relations -is:orphan -is:pending -"not this"')
    assert query.excluded_types == (MemoryType.EPISODIC,)
    assert query.flags == (("relations", False), ("orphan", False), ("pending", False))
    assert query.excluded_words == ("not this",)


def test_names_of_operators_and_fixed_values_ignore_case() -> None:
    assert parse("TYPE:Semantic IS:Pending").types == (MemoryType.SEMANTIC,)


@pytest.mark.parametrize(
    "raw",
    [
        "https://example.org/a?b=c",
        "std::vector",
        "10:30",
        "TypeError: no",
        "--force",
        "a-b",
        "- dash",
        "localhost:8080",
        "é:x",
    ],
)
def test_other_colons_and_dashes_are_text(raw: str) -> None:
    assert parse(raw).text == raw


def test_a_phrase_counts_as_words_until_its_quote_is_closed() -> None:
    assert (parse('"half typ').text, parse('"half typ').phrases) == ("half typ", ())
    assert parse('"half typed"').phrases == ("half typed",)


def test_mode_and_text_as_typed_are_kept() -> None:
    query = parse_query(" a ", now=NOW, week_begins=0, mode=SearchMode.KEYWORD)
    assert (query.raw, query.mode) == (" a ", SearchMode.KEYWORD)


@pytest.mark.parametrize(
    ("written", "instant"),
    [
        ("today", datetime(2026, 11, 20, tzinfo=ROME)),
        ("yesterday", datetime(2026, 11, 19, tzinfo=ROME)),
        ("this-week", datetime(2026, 11, 16, tzinfo=ROME)),
        ("last-week", datetime(2026, 11, 9, tzinfo=ROME)),
        ("last-month", datetime(2026, 10, 1, tzinfo=ROME)),
        ("3d", datetime(2026, 11, 17, 15, 30, tzinfo=ROME)),
        ("2w", datetime(2026, 11, 6, 15, 30, tzinfo=ROME)),
        ("6mo", datetime(2026, 5, 20, 15, 30, tzinfo=ROME)),
        ("1y", datetime(2025, 11, 20, 15, 30, tzinfo=ROME)),
        ("2026", datetime(2026, 1, 1, tzinfo=ROME)),
        ("2026-10", datetime(2026, 10, 1, tzinfo=ROME)),
        ("2026-10-05", datetime(2026, 10, 5, tzinfo=ROME)),
        ("5.10.2026", datetime(2026, 10, 5, tzinfo=ROME)),
        ("2026.10.5", datetime(2026, 10, 5, tzinfo=ROME)),
        ("2026-10-05T08:15", datetime(2026, 10, 5, 8, 15, tzinfo=ROME)),
        ("2026-10-05T08:15:00Z", datetime(2026, 10, 5, 8, 15, tzinfo=ZoneInfo("UTC"))),
    ],
)
def test_dates_are_read_in_the_persons_zone(written: str, instant: datetime) -> None:
    query = parse(f"since:{written} before:{written}")
    assert query.since == query.before == instant
    assert query.since is not None
    assert query.since.utcoffset() == instant.utcoffset()


@pytest.mark.parametrize(
    ("written", "bounds"),
    [(">=0.5", (0.5, None)), ("<=.25", (None, 0.25)), ("0.4..0.6", (0.4, 0.6)), ("1", (1.0, 1.0)), ("=0", (0.0, 0.0))],
)
def test_importance_takes_bounds_and_spans(written: str, bounds: tuple[float | None, float | None]) -> None:
    query = parse(f"importance:{written}")
    assert (query.min_importance, query.max_importance) == bounds


@pytest.mark.parametrize(
    ("raw", "wrong", "hint"),
    [
        ("a tag:", "tag:", "needs a value"),
        ("a tag: b", "tag:", "needs a value"),
        ('tag:""', 'tag:""', "needs a value"),
        ('x tag:"a b', '"a b', "closing quote"),
        ("type:sematic", "sematic", "semantic"),
        ("since:someday x", "someday", "last-week"),
        ("since:2026-13", "2026-13", "2026-10-05"),
        ("before:999999y", "999999y", "6mo"),
        ("since:0000", "0000", "2026"),
        (f'since:"{"1" * 400}h 1e5 jan"', f'"{"1" * 400}h 1e5 jan"', "2026"),
        ("importance:>7", ">7", "0 to 1"),
        ("importance:nan", "nan", "0.7"),
        ("importance:0.6..0.4", "0.6..0.4", "0.4..0.6"),
        ("has:tags", "tags", "relations"),
        ("is:new", "new", "pending or orphan or untagged"),
        ("id:xyz", "xyz", "0-9"),
        ("like:0f8g", "0f8g", "beginning"),
        ("like:0f8a -sort:uses x", "-sort:uses", "likest first"),
        ("a -since:today", "-since", "minus"),
        ("a tags:auth", "tags:", "tag:"),
        ("a sort:-created", "sort:-created", "before the operator: -sort:created"),
        ("-type:-semantic", "-type:-semantic", "-type:semantic"),
        ("tag:-old", "tag:-old", "-tag:old; in quotes it is part of the name"),
    ],
)
def test_errors_point_at_the_place_and_say_what_is_allowed(raw: str, wrong: str, hint: str) -> None:
    with pytest.raises(QuerySyntaxError) as caught:
        parse(raw)
    assert raw[caught.value.start : caught.value.end] == wrong
    assert hint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_in_quotes_an_operator_is_text() -> None:
    assert parse('"tags:auth"').phrases == ("tags:auth",)


def test_the_example_values_of_every_operator_are_understood() -> None:
    for operator in operators():
        for value in operator.values or ():
            parse(f"{operator.name}:{value}")
            assert value in operator.help or operator.name in ("since", "before", "as-of", "importance")


_PIECES = st.one_of(
    st.text(max_size=6),
    st.sampled_from([f"{sign}{operator.name}:" for operator in operators() for sign in ("", "-")]),
    st.sampled_from(['"', "-", " ", ">0.", "..", "2026-", "3d", "\ud800", "\u3000", "\x1b"]),
)


@given(st.lists(_PIECES, max_size=8).map("".join))
def test_any_text_parses_or_points_at_a_place_in_it(raw: str) -> None:
    try:
        query = parse(raw)
    except QuerySyntaxError as error:
        place: tuple[int, int] | None = (error.start, error.end)
    else:
        place = None
        query.text.encode()
        assert query.raw == raw
    assert place is None or 0 <= place[0] < place[1] <= len(raw)


def test_what_has_no_project_or_no_tag_is_asked_for_and_a_name_stands_in_quotes() -> None:
    query = parse('project:none -is:untagged project:"none"')
    assert (query.unassigned, query.flags, query.projects) == (True, (("untagged", False),), ("none",))
    assert parse("-project:NONE").unassigned is False


@pytest.mark.parametrize("text", ["hash:abc123", "idx:3", "https://a.b/c", "std::vector", "bytes:17", "isa:l2", "9:30"])
def test_words_with_a_colon_are_words_which_is_told_where_they_look_like_an_operator(text: str) -> None:
    query, name = parse_query(text, now=NOW, week_begins=0), text.partition(":")[0]
    told = f"{name}: is no operator; searched for as words" if name in ("hash", "isa") else ""
    assert (query.text, query.notice) == (text, told)
    assert parse_query(f'"{text}"', now=NOW, week_begins=0).notice == ""
    assert parse_query(f"tag:{quoted('tag', '-x')}", now=NOW, week_begins=0).tags == ("-x",)


def test_sort_orders_a_list_and_with_a_minus_the_other_way_round() -> None:
    newest = parse_query("token sort:updated", now=NOW, week_begins=0)
    assert (newest.sort, newest.descending, newest.ranked) == (SortKey.UPDATED, True, False)
    assert parse_query("-sort:uses", now=NOW, week_begins=0).descending is False
    with pytest.raises(QuerySyntaxError, match=r"sort: 'age' cannot be understood; allowed: relevance or created"):
        parse_query("sort:age", now=NOW, week_begins=0)


def test_what_operators_ask_of_the_payload_has_an_index() -> None:
    """Without one, a store looks at each memory for it, which makes a search five times as long."""
    freely = {"tag": ["a"], "project": ["b", "none"], "importance": [">0.5"], "since": ["2026"], "before": ["2027"]}
    freely |= {"as-of": ["2026"], "by": ["a"], "id": ["0123abcd"], "like": ["0123abcd"]}
    asked = [
        operator.conditions(parse(f"{minus}{operator.name}:{value}"), lambda moment: moment)
        for operator in operators()
        for value in operator.values or freely[operator.name]
        for minus in ("", "-")[: 1 + operator.negatable]
    ]
    conditions = [one for part in asked for one in (*part.must, *part.must_not, *part.any_of)]
    keys = {one.key for one in conditions if isinstance(one, _OF_A_KEY)}
    assert keys - OWN_INDEXES.keys() == {PINNED}, "few are pinned; all else is asked of an index"
    assert {"tags", "project", "importance", "created_at", "expires_at"} <= keys
